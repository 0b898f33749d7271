import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { ask, type Model, Problem, reach, send, Unreached } from "@/api/client";
import { isRunning } from "@/desks/missions/standing";
import { POLL_MS } from "@/live";

export type Listed = Model<"MissionListItem">;
export type Attempt = Model<"StepRun">;
export type Wanted = Model<"MissionIn">;
export type Changed = Model<"MissionChanges">;
export type Lines = Model<"FileChanges">;
export type Mission = Omit<Model<"MissionDetail">, "workflow"> & { workflow: { name: string; steps: Step[] } };

/** A step of the workflow, as its template says. */
export interface Step {
  step_id: string;
  name: string;
  type: "llm" | "agent" | "human-gate";
  agent?: string;
  /** How far its agent goes by itself; where it says nothing, a person is asked. */
  autonomy?: "look" | "act";
  outputArtifact?: string;
  reviewArtifact?: string;
}

interface Said {
  error: string | null;
  data: unknown;
}

/** What is read of missions, under names by which the stream's news of a run reaches them too. */
export const missionQueries = {
  all: () => queryOptions({ queryKey: ["activity", "missions"], queryFn: () => told<Listed[]>("", "GET") }),
  one: (mission: string) =>
    queryOptions({
      queryKey: ["runs", runOf(mission), "mission"],
      queryFn: () => told<Mission>(`/${encodeURIComponent(mission)}`, "GET"),
    }),
  log: (mission: Mission) =>
    queryOptions({
      queryKey: ["runs", mission.run, "log"],
      queryFn: () => told<Model<"MissionLog">>(`/${mission.mission_id}/log`, "GET"),
      refetchInterval: isRunning(mission.status) ? POLL_MS : false,
    }),
  changes: (mission: Mission) =>
    queryOptions({
      queryKey: ["runs", mission.run, "changes"],
      queryFn: () => told<Changed>(`/${mission.mission_id}/changes`, "GET"),
    }),
  lines: (mission: Mission, path: string) =>
    queryOptions({
      queryKey: ["runs", mission.run, "changes", path],
      queryFn: () => told<Lines>(`/${mission.mission_id}/changes/file?path=${encodeURIComponent(path)}`, "GET"),
    }),
};

/** What missions may follow. */
export const workflows = () => queryOptions({ queryKey: ["workflows"], queryFn: () => ask("get", "/api/workflows") });

export function createMission(wanted: Wanted, key: string): Promise<Model<"MissionMeta">> {
  return told("", "POST", { body: wanted, headers: { "Idempotency-Key": key } });
}

/** Save the file that the mission waits with, over what was read of it. */
export function saveFile(mission: Mission, name: string, content: string): Promise<null> {
  return told(`/${mission.mission_id}/artifacts/${encodeURIComponent(name)}`, "PUT", {
    body: { content },
    headers: whatWasRead(mission),
  });
}

/** Drop what is seen here of what somebody wrote into the mission's folder: the file says there again what stands. */
export function putBack(mission: Mission, name: string): Promise<null> {
  return told(`/${mission.mission_id}/artifacts/${encodeURIComponent(name)}/put-back`, "POST", {
    body: { digest: mission.by_hand_digests[name] },
  });
}

/** Say yes to what was read. */
export function goOn(mission: Mission): Promise<null> {
  return told(`/${mission.mission_id}/continue`, "POST", { headers: whatWasRead(mission) });
}

export function markCompleted(mission: Mission): Promise<null> {
  return told(`/${mission.mission_id}/mark-completed`, "POST");
}

/** What an agent made last of a file, before people changed it. */
export async function asMade(mission: Mission, name: string): Promise<string | undefined> {
  const files = await ask("get", "/api/runs/{run}/artifacts", { path: { run: mission.run } });
  const made = files.findLast((one) => one.name === name && !one.by.startsWith("person:"));
  return made && (await (await reach(made.file)).text());
}

/** Ask for a mission, and for the list, anew. */
export async function lookAgain(client: QueryClient, mission: Mission): Promise<Mission> {
  void client.invalidateQueries(missionQueries.all());
  return client.fetchQuery({ ...missionQueries.one(mission.mission_id), staleTime: 0 });
}

/** A mission is a run; its name is the run's in another spelling. */
function runOf(mission: string): string {
  return `run_${mission.slice(2).replaceAll("-", "")}`;
}

export function missionOf(run: string): string {
  return `m-${run.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`;
}

function whatWasRead({ gate }: Mission): Record<string, string> {
  return gate ? { "If-Match": `"${gate.tag}"` } : {};
}

async function told<T>(path: string, method: string, how: { body?: unknown; headers?: object } = {}): Promise<T> {
  const answer = await send(`/api/missions${path}`, {
    method,
    headers: { "Content-Type": "application/json", ...how.headers },
    ...(how.body === undefined ? {} : { body: JSON.stringify(how.body) }),
  });
  const said = (await answer.json().catch(() => undefined)) as Said | undefined;
  if (!said || !("data" in said)) throw new Unreached(String(answer.status));
  if (answer.ok) return said.data as T;
  throw new Problem({
    title: said.error ?? "",
    status: answer.status,
    code: "",
    type: "about:blank",
    executed: false,
    next_step: "",
    request_id: answer.headers.get("X-Request-Id") ?? "",
    errors: null,
    difference: null,
    gate: null,
  });
}
