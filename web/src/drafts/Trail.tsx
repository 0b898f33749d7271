import type { Told } from "@/api/queries";
import { actorOf, nameOfFact } from "@/drafts/naming";
import { said, t } from "@/i18n";
import { clock } from "@/i18n/spelling";
import { Loop, type LoopState } from "@/ui/Loop";

const RINGS: Record<string, LoopState> = {
  "run.started": "draft",
  "run.queued": "running",
  "gate.opened": "waiting",
  "gate.revised": "waiting",
  "gate.approved": "running",
  "gate.refused": "failed",
  "gate.expired": "expired",
  "gate.withdrawn": "expired",
  "effect.intended": "running",
  "effect.uncertain": "uncertain",
  "effect.happened": "done",
  "effect.not_done": "failed",
  "run.parked": "failed",
  "run.ended": "done",
};
/** What the engine notes for itself; those who want it look below. */
const QUIET = new Set(["step.begun", "step.done", "child.started", "sleep.begun", "wait.begun"]);

/** What happened, one fact after the other, from the request to the end. */
export function Trail({ trail, me }: { trail: Told[]; me: string | null }) {
  return (
    <>
      <ol className="grid gap-0" aria-label={t("trail")}>
        {trail
          .filter((one) => !QUIET.has(one.kind))
          .map((one) => (
            <li key={one.index} className="flex gap-3 pb-3 last:pb-0">
              <Loop state={RINGS[one.kind] ?? "draft"} size={18} silent />
              <div className="min-w-0 flex-1">
                <p className="[overflow-wrap:anywhere]">{wordsOf(one)}</p>
                <p className="text-sm text-ink2">
                  <time dateTime={one.at}>{clock(one.at)}</time>, {actorOf(one.actor, me)}
                </p>
              </div>
            </li>
          ))}
      </ol>
      <details className="mt-3">
        <summary className="text-sm text-ink2 pointer-coarse:min-h-12">{t("trail.raw")}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <pre tabIndex={0} className="mt-2 max-h-96 overflow-auto rounded-control bg-sunk p-3 font-mono text-xs">
          {JSON.stringify(trail, null, 2)}
        </pre>
      </details>
    </>
  );
}

/** A fact in words, with its reason where it has one. */
export function wordsOf({ kind, says }: Told): string {
  const { what, place } = says ?? {};
  const queued = kind === "run.queued" && said(`fact.run.queued.${place ? what : "come"}`, { place: Number(place) });
  if (queued) return queued;
  const reason = says?.reason ?? says?.sentence ?? says?.problem;
  return typeof reason === "string" && reason ? `${nameOfFact(kind)}: ${reason}` : nameOfFact(kind);
}
