import { useQuery } from "@tanstack/react-query";
import { type Attempt, type Mission, missionQueries } from "@/desks/missions/api";
import { attemptsAt, STEP_RINGS, standingOf } from "@/desks/missions/standing";
import { t } from "@/i18n";
import { clock, moment } from "@/i18n/spelling";
import { Loop } from "@/ui/Loop";

/** The way of a mission, step by step: how far it is, and each attempt at what an agent does. */
export function Steps({ mission }: { mission: Mission }) {
  // What the attempt at work uses is no news of the stream; it comes with its log, and is fetched there.
  const { data: log } = useQuery({ ...missionQueries.log(mission), enabled: false });
  const soFar = (one: Attempt) =>
    log?.run_id === one.run_id && !one.finished_at ? { ...one, ...log, run_id: one.run_id } : one;
  return (
    <ol aria-label={t("missions.steps")} className="grid">
      {mission.workflow.steps.map((step, place) => {
        const standing = standingOf(mission, place);
        const isHere = place === mission.current_step;
        return (
          <li
            key={step.step_id}
            aria-current={isHere ? "step" : undefined}
            data-standing={standing}
            className="relative flex gap-3 rounded-control px-2 py-2 aria-[current]:bg-accent-soft not-last:after:absolute not-last:after:top-8 not-last:after:-bottom-1.5 not-last:after:left-[1.1rem] not-last:after:w-px not-last:after:bg-line"
          >
            <Loop state={STEP_RINGS[standing]} silent />
            <div className="min-w-0 [overflow-wrap:anywhere]">
              <p className={standing === "later" ? "text-ink2" : "font-medium"}>{step.name}</p>
              <p className="text-sm text-ink2">
                {t(`missions.step.${standing}`)}
                {step.agent && `, ${step.agent}`}
                {step.autonomy && `, ${t(`missions.autonomy.${step.autonomy}`)}`}
              </p>
              <Attempts attempts={attemptsAt(mission, step).map(soFar)} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Attempts({ attempts }: { attempts: Attempt[] }) {
  if (attempts.length === 0) return null;
  return (
    <ol className="text-sm text-ink2">
      {attempts.map((one) => (
        <li key={one.run_id}>
          <time dateTime={one.started_at} title={moment(one.started_at)}>
            {clock(one.started_at)}
          </time>
          {one.place && `, ${t("missions.attempt.queued", { place: one.place })}`}
          {one.finished_at &&
            `, ${t("missions.attempt.took", { seconds: secondsOf(one.started_at, one.finished_at) })}`}
          {typeof one.exit_code === "number" && `, ${t("missions.attempt.exit", { code: one.exit_code })}`}
          {typeof one.tokens_in === "number" && `, ${t("missions.attempt.used", usedBy(one))}`}
        </li>
      ))}
    </ol>
  );
}

/** What an attempt used of a model; a mission's budget is in the same. */
function usedBy(one: Attempt): { tokens: number; dollars: number } {
  return { tokens: (one.tokens_in ?? 0) + (one.tokens_out ?? 0), dollars: Number(one.cost_usd ?? 0) };
}

function secondsOf(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 100) / 10;
}
