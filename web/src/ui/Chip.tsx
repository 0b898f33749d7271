import type { ReactNode } from "react";

export type Tone = "plain" | "wait" | "bad" | "ok" | "info";

const TONES: Record<Tone, string> = {
  plain: "bg-sunk text-ink",
  wait: "bg-wait-soft text-wait",
  bad: "bg-bad-soft text-bad",
  ok: "bg-ok-soft text-ok",
  info: "bg-info-soft text-info",
};

/** A few words about something, always words. */
export function Chip({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`inline-block rounded-chip px-2 py-0.5 text-sm ${TONES[tone]}`}>{children}</span>;
}
