import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useRef } from "react";
import { type Mission, missionQueries } from "@/desks/missions/api";
import { locale, t } from "@/i18n";
import { Section } from "@/ui/Page";

const NEAR_PX = 24;

/**
 * The last lines of what the agent writes; it follows them until somebody scrolls up to read. Each look fetches these
 * alone: an agent that writes faster than anybody reads is passed over, and how much was is said.
 */
export function LogTail({ mission }: { mission: Mission }) {
  const { data: log } = useQuery(missionQueries.log(mission));
  const tail = log?.tail ?? "";
  const box = useRef<HTMLPreElement>(null);
  const isFollowing = useRef(true);
  useLayoutEffect(() => {
    if (box.current && isFollowing.current) box.current.scrollTop = tail ? box.current.scrollHeight : 0;
  }, [tail]);
  return (
    <Section title={t("missions.log")}>
      {!!log?.bytes_before && (
        <p className="mb-1.5 text-sm text-ink2">{t("missions.log.before", { size: inWords(log.bytes_before) })}</p>
      )}
      <pre
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        role="group"
        aria-label={t("missions.log")}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          isFollowing.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
        }}
        className="max-h-64 overflow-auto rounded-card bg-sunk p-3 font-mono text-sm whitespace-pre-wrap [overflow-wrap:anywhere]"
      >
        {tail || (!log?.bytes_before && t("missions.log.nothing"))}
      </pre>
    </Section>
  );
}

/** Such as 49.2 MB. */
export function inWords(bytes: number): string {
  const [unit, of, unitDisplay] =
    bytes < 1e3
      ? (["byte", 1, "long"] as const)
      : bytes < 1e6
        ? (["kilobyte", 1e3, "short"] as const)
        : (["megabyte", 1e6, "short"] as const);
  const spelling = { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale(), spelling).format(bytes / of);
}
