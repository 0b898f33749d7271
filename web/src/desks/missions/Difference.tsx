import { structuredPatch } from "diff";
import { useMemo } from "react";
import { t } from "@/i18n";

const CONTEXT = 3;
const LINES_SHOWN_MAX = 2_000;
const TIMEOUT_MS = 1_000;
const LOOKS: Record<string, string> = {
  "+": "bg-ok-soft text-ok",
  "-": "bg-bad-soft text-bad",
  "@": "text-ink2",
  "\\": "text-ink2",
};

/** What is different between two versions of a file, line by line: what went, and what came. */
export default function Difference(props: { before: string; after: string; label: string }) {
  const { before, after } = props;
  const lines = useMemo(() => linesOf(before, after), [before, after]);
  if (lines === undefined) return <p className="text-ink2">{t("missions.difference.too_much")}</p>;
  if (lines.length === 0) return <p className="text-ink2">{t("missions.difference.none")}</p>;
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      role="group"
      aria-label={props.label}
      className="max-h-[26rem] overflow-auto rounded-card border border-line bg-panel py-2 font-mono text-sm whitespace-pre-wrap [overflow-wrap:anywhere]"
    >
      {lines.slice(0, LINES_SHOWN_MAX).map((line, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line has nothing but its place
        <span key={place} className={`block px-3 ${LOOKS[line.charAt(0)] ?? ""}`}>
          {line.startsWith("\\") ? t("missions.difference.no_end") : line}
        </span>
      ))}
      {lines.length > LINES_SHOWN_MAX && <span className="block px-3 text-ink2">{t("missions.difference.more")}</span>}
    </pre>
  );
}

/** None where nothing is different; undefined where so much is that no browser should look for it. */
function linesOf(before: string, after: string): string[] | undefined {
  if (before === after) return [];
  const found = structuredPatch("", "", before, after, "", "", { context: CONTEXT, timeout: TIMEOUT_MS });
  return found?.hunks.flatMap((hunk) => [`@@ ${hunk.newStart}`, ...hunk.lines]);
}
