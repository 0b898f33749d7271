import { useLayoutEffect, useRef } from "react";
import { t } from "@/i18n";
import { Section } from "@/ui/Page";

const NEAR_PX = 24;

/** The last lines of what the agent writes; it follows them until somebody scrolls up to read. */
export function LogTail({ tail }: { tail: string }) {
  const box = useRef<HTMLPreElement>(null);
  const isFollowing = useRef(true);
  useLayoutEffect(() => {
    if (box.current && isFollowing.current) box.current.scrollTop = tail ? box.current.scrollHeight : 0;
  }, [tail]);
  return (
    <Section title={t("missions.log")}>
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
        {tail || t("missions.log.nothing")}
      </pre>
    </Section>
  );
}
