import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { asMade, lookAgain, type Mission, putBack } from "@/desks/missions/api";
import { ByHand } from "@/desks/missions/ByHand";
import { Editor } from "@/desks/missions/Editor";
import { useEdit } from "@/desks/missions/edits";
import { filesOf } from "@/desks/missions/standing";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Chip";
import { Notice } from "@/ui/Notice";
import { Section, Waiting } from "@/ui/Page";

const Difference = lazy(() => import("@/desks/missions/Difference"));
const Preview = lazy(() => import("@/desks/missions/Preview"));
const VIEWS = ["text", "difference", "preview"] as const;

/** The files of a mission; the one that waits for people can be written in. */
export function Files({ mission, mayDecide }: { mission: Mission; mayDecide: boolean }) {
  const names = filesOf(mission);
  const reviewed = mission.gate?.artifact ?? undefined;
  const [chosen, choose] = useState<{ file: string; at: string | undefined }>();
  const file = chosen && chosen.at === reviewed ? chosen.file : (reviewed ?? names.at(-1));
  if (!file) return null;
  return (
    <Section title={t("missions.files")}>
      <ul className="mb-3 flex flex-wrap gap-1.5" aria-label={t("missions.files")}>
        {names.map((name) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={name === file}
              className="min-h-9 rounded-control border border-line bg-panel px-3 py-1 text-sm [overflow-wrap:anywhere] hover:bg-sunk pointer-coarse:min-h-12 aria-pressed:border-accent aria-pressed:bg-accent-soft"
              onClick={() => choose({ file: name, at: reviewed })}
            >
              {name}
              {mission.stale.includes(name) && <Chip tone="wait">{t("missions.file.stale")}</Chip>}
            </button>
          </li>
        ))}
      </ul>
      <OneFile key={file} mission={mission} file={file} isOpen={file === reviewed && mayDecide} mayDecide={mayDecide} />
    </Section>
  );
}

interface One {
  mission: Mission;
  file: string;
  isOpen: boolean;
  mayDecide: boolean;
}

function OneFile({ mission, file, isOpen, mayDecide }: One) {
  const client = useQueryClient();
  const [view, look] = useState<(typeof VIEWS)[number]>("text");
  const stands = mission.artifacts[file] ?? "";
  const { edit, now, type, keep } = useEdit(mission.mission_id, file, stands);
  const byHand = mission.by_hand[file];
  return (
    <div className="grid gap-3">
      {byHand !== undefined && !edit && (
        <ByHand
          stands={stands}
          written={byHand}
          digest={mission.by_hand_digests[file]}
          isInPart={mission.by_hand_in_part.includes(file)}
          onPutBack={mayDecide ? () => putBack(mission, file).finally(() => lookAgain(client, mission)) : undefined}
          onTake={isOpen ? () => keep({ text: byHand, from: stands }) : undefined}
        />
      )}
      {edit && !isOpen && (
        <Notice
          tone="wait"
          title={t("missions.closed.typed")}
          action={<Button onClick={() => keep(undefined)}>{t("missions.closed.drop")}</Button>}
        />
      )}
      <div className="flex flex-wrap items-center gap-1.5" role="group" aria-label={t("missions.view")}>
        {VIEWS.map((one) => (
          <Button
            key={one}
            kind={one === view ? "plain" : "quiet"}
            aria-pressed={one === view}
            onClick={() => look(one)}
          >
            {t(`missions.view.${one}`)}
          </Button>
        ))}
        <p className="ml-auto text-sm text-ink2" role="status">
          {edit ? t("missions.unsaved") : !isOpen && t("missions.closed")}
        </p>
      </div>
      {view === "text" && <Editor label={file} text={edit?.text ?? stands} isOpen={isOpen} onType={type} />}
      <Suspense fallback={<Waiting rows={2} />}>
        {view === "preview" && <Preview text={now()} />}
        {view === "difference" && <ToWhatWasMade mission={mission} file={file} now={now()} />}
      </Suspense>
    </div>
  );
}

function ToWhatWasMade({ mission, file, now }: { mission: Mission; file: string; now: string }) {
  const made = useQuery({
    queryKey: ["runs", mission.run, "made", file],
    queryFn: async () => (await asMade(mission, file)) ?? null,
  });
  if (made.isPending) return <Waiting rows={2} />;
  const before = made.data ?? mission.artifacts[file] ?? "";
  return (
    <>
      <p className="text-sm text-ink2">
        {t(made.data === null ? "missions.difference.saved" : "missions.difference.made")}
      </p>
      <Difference before={before} after={now} label={t("missions.view.difference")} />
    </>
  );
}
