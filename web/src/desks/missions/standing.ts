import type { Attempt, Mission, Step } from "@/desks/missions/api";
import type { Key } from "@/i18n";
import type { LoopState } from "@/ui/Loop";

const RINGS: Record<string, LoopState> = {
  ready: "waiting",
  waiting_human: "waiting",
  running_code_agent: "running",
  running_root_llm: "running",
  failed: "failed",
  completed: "done",
};

/** How far a step is. */
export type Standing = "done" | "working" | "waiting" | "failed" | "stale" | "later";

export const STEP_RINGS: Record<Standing, LoopState> = {
  done: "done",
  working: "running",
  waiting: "waiting",
  failed: "failed",
  stale: "expired",
  later: "draft",
};

export function ringOf(status: string): LoopState {
  return RINGS[status] ?? "uncertain";
}

export function isRunning(status: string): boolean {
  return status.startsWith("running_");
}

export function statusKey(status: string): Key {
  return `missions.status.${status as "ready"}`;
}

export function standingOf(mission: Mission, place: number): Standing {
  const step = mission.workflow.steps[place];
  if (step && place >= mission.current_step && isStale(mission, step)) return "stale";
  if (place < mission.current_step) return "done";
  if (place > mission.current_step) return "later";
  if (mission.status === "failed") return "failed";
  return isRunning(mission.status) ? "working" : "waiting";
}

export function attemptsAt(mission: Mission, step: Step): Attempt[] {
  return mission.runs.filter((one) => one.step_id === step.step_id);
}

function isStale({ stale, current_step: place, workflow }: Mission, step: Step): boolean {
  const isHere = workflow.steps[place] === step;
  return !isHere && step.outputArtifact !== undefined && stale.includes(step.outputArtifact);
}

/** The steps that a mission may be sent back to from where it is, the nearest first. */
export function stepsBefore({ workflow, current_step: place }: Mission): Step[] {
  return workflow.steps
    .slice(0, place)
    .filter((one) => one.type !== "human-gate")
    .reverse();
}

/** A mission's files in the order in which its steps make them; those that nobody foresaw come last. */
export function filesOf({ artifacts, workflow }: Mission): string[] {
  const made = workflow.steps.flatMap((one) => one.outputArtifact ?? []);
  const placeOf = (name: string) =>
    name === "raw-input.md" ? -1 : made.includes(name) ? made.indexOf(name) : made.length;
  return Object.keys(artifacts).sort((one, other) => placeOf(one) - placeOf(other) || one.localeCompare(other));
}
