import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { type Changed, type Lines, type Mission, missionQueries } from "@/desks/missions/api";
import { Pushing } from "@/desks/missions/Pushing";
import { t } from "@/i18n";
import { Chip } from "@/ui/Chip";
import { Failed, Notice } from "@/ui/Notice";
import { Section, Waiting } from "@/ui/Page";

const OPEN_AT_ONCE_MAX = 3;
const CHUNK = 200;
const LOOKS: Record<string, string> = { "+": "bg-ok-soft text-ok", "-": "bg-bad-soft text-bad" };

/** What somebody ticked as read, by commit, for as long as the window is open. */
const ticked = new Map<string, ReadonlySet<string>>();

/** What a mission changed in the project: each file by itself, its lines once somebody opens it. */
export default function Changes({ mission }: { mission: Mission }) {
  const changes = useQuery(missionQueries.changes(mission));
  return (
    <Section title={t("missions.changes")}>
      {mission.gate?.pushes && <Pushing gate={mission.gate.id} />}
      {changes.error && <Failed error={changes.error} />}
      {!changes.data && !changes.error && <Waiting rows={2} />}
      {changes.data && <AllFiles key={changes.data.commit} mission={mission} changes={changes.data} />}
    </Section>
  );
}

function AllFiles({ mission, changes }: { mission: Mission; changes: Changed }) {
  const { commit, files, added, removed } = changes;
  const [read, setRead] = useState(ticked.get(commit) ?? new Set<string>());
  const tick = (path: string, isRead: boolean) => {
    const now = new Set(read);
    if (isRead) now.add(path);
    else now.delete(path);
    ticked.set(commit, now);
    setRead(now);
  };
  return (
    <>
      {changes.pushed && (
        <Notice tone="plain" loop="done" title={t("missions.changes.pushed", { branch: changes.branch })} />
      )}
      <p className="my-3 text-ink2" role="status">
        {t("missions.changes.all", { count: files.length, added, removed, read: read.size })}
      </p>
      <ul className="grid gap-2">
        {files.map((file) => (
          <OneFile
            key={file.path}
            mission={mission}
            file={file}
            isRead={read.has(file.path)}
            isOpenAtOnce={files.length <= OPEN_AT_ONCE_MAX && !file.collapsed}
            onTick={(isRead) => tick(file.path, isRead)}
          />
        ))}
      </ul>
    </>
  );
}

/** A name as an agent chose it: what nobody can see, or what turns letters round, is spelled. */
function spelled(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`);
}

interface FileProps {
  mission: Mission;
  file: Changed["files"][number];
  isRead: boolean;
  isOpenAtOnce: boolean;
  onTick: (isRead: boolean) => void;
}

function OneFile({ mission, file, isRead, isOpenAtOnce, onTick }: FileProps) {
  const [isOpen, open] = useState(isOpenAtOnce);
  const shown = useId();
  return (
    <li className="rounded-card border border-line bg-panel">
      <div className="flex items-center gap-2 px-3">
        <label className="grid size-9 shrink-0 place-items-center pointer-coarse:size-12">
          <input
            type="checkbox"
            checked={isRead}
            aria-label={t("missions.changes.read", { path: spelled(file.path) })}
            onChange={(event) => onTick(event.target.checked)}
          />
        </label>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={shown}
          className="flex min-h-11 min-w-0 flex-1 flex-wrap items-center gap-x-2 py-1 text-left pointer-coarse:min-h-12"
          onClick={() => open(!isOpen)}
        >
          <span className="min-w-0 font-mono text-sm [overflow-wrap:anywhere]">
            {file.before && (
              <>
                <bdi>{spelled(file.before)}</bdi> →{" "}
              </>
            )}
            <bdi>{spelled(file.path)}</bdi>
          </span>
          <Chip>{t(`missions.changes.${file.kind as "added"}`)}</Chip>
          {file.link && <Chip>{t("missions.changes.link")}</Chip>}
          {file.runs != null && <Chip>{t(`missions.changes.${file.runs ? "runs" : "runs_not"}`)}</Chip>}
          {file.collapsed && <Chip>{t("missions.changes.large")}</Chip>}
          <span className="ml-auto text-sm whitespace-nowrap tabular-nums">
            <span className="text-ok">+{file.added}</span> <span className="text-bad">−{file.removed}</span>
          </span>
        </button>
      </div>
      <div id={shown} hidden={!isOpen} className="border-t border-line">
        {isOpen && <Opened mission={mission} file={file} />}
      </div>
    </li>
  );
}

function Opened({ mission, file }: Pick<FileProps, "mission" | "file">) {
  const lines = useQuery(missionQueries.lines(mission, file.path));
  if (lines.error) return <Failed error={lines.error} />;
  if (!lines.data) return <Waiting rows={1} />;
  const { hunks, whole } = lines.data;
  if (hunks.length === 0) {
    const why = file.binary ? "binary" : whole ? "no_lines" : "more";
    return <p className="px-4 py-2 text-ink2">{t(`missions.changes.${why}`)}</p>;
  }
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      role="group"
      aria-label={t("missions.changes.lines", { path: spelled(file.path) })}
      className="max-h-[36rem] overflow-auto py-2 font-mono text-sm whitespace-pre-wrap [overflow-wrap:anywhere]"
    >
      {chunksOf(hunks).map((chunk, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have nothing but their place
        <Chunk key={place} lines={chunk} />
      ))}
      {!whole && <span className="block px-4 text-ink2">{t("missions.changes.more")}</span>}
    </pre>
  );
}

/** Lines that are laid out only when they come into sight, so that thousands of them scroll like a few. */
function Chunk({ lines }: { lines: string[] }) {
  return (
    <span
      className="block [content-visibility:auto]"
      style={{ containIntrinsicSize: `auto ${(lines.length * 1.25).toFixed(0)}rem` }}
    >
      {lines.map((line, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line has nothing but its place
        <span key={place} className={`block px-4 ${LOOKS[line.charAt(0)] ?? "text-ink2"}`}>
          {line}
        </span>
      ))}
    </span>
  );
}

function chunksOf(hunks: Lines["hunks"]): string[][] {
  const lines = hunks.flatMap((hunk) => [hunk.begins, ...hunk.lines]);
  return Array.from({ length: Math.ceil(lines.length / CHUNK) }, (_, at) => lines.slice(at * CHUNK, (at + 1) * CHUNK));
}
