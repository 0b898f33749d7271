import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask, type Model } from "@/api/client";

export type Gate = Model<"GateOut">;
export type RunDetail = Model<"RunDetail">;
export type RunSummary = Model<"RunSummary">;
export type Execution = Model<"Execution">;
export type Told = Model<"Told">;

/** Everything that is read from the server, each under the one name that tells when it is old. */
export const queries = {
  me: () => queryOptions({ queryKey: ["me"], queryFn: () => ask("get", "/api/me"), staleTime: 300_000 }),
  desks: () => queryOptions({ queryKey: ["desks"], queryFn: () => ask("get", "/api/desks"), staleTime: 300_000 }),
  gates: () => queryOptions({ queryKey: ["gates"], queryFn: () => ask("get", "/api/gates") }),
  gate: (gate: string) =>
    queryOptions({
      queryKey: ["gates", gate],
      queryFn: () => ask("get", "/api/gates/{gate}", { path: { gate } }),
    }),
  runs: () =>
    queryOptions({
      queryKey: ["runs"],
      queryFn: () => ask("get", "/api/runs", { query: { limit: 30 } }),
      placeholderData: keepPreviousData,
    }),
  run: (run: string) =>
    queryOptions({
      queryKey: ["runs", run],
      queryFn: () => ask("get", "/api/runs/{run}", { path: { run } }),
    }),
  executions: (run: string) =>
    queryOptions({
      queryKey: ["runs", run, "executions"],
      queryFn: () => ask("get", "/api/runs/{run}/executions", { path: { run } }),
    }),
  activity: () =>
    queryOptions({
      queryKey: ["activity"],
      queryFn: () => ask("get", "/api/activity", { query: { limit: 20 } }),
    }),
  connectors: () => queryOptions({ queryKey: ["connectors"], queryFn: () => ask("get", "/api/connectors") }),
  grants: () => queryOptions({ queryKey: ["grants"], queryFn: () => ask("get", "/api/grants") }),
  budgets: () => queryOptions({ queryKey: ["budgets"], queryFn: () => ask("get", "/api/budgets") }),
  people: () => queryOptions({ queryKey: ["people"], queryFn: () => ask("get", "/api/people") }),
  invitations: () => queryOptions({ queryKey: ["invitations"], queryFn: () => ask("get", "/api/invitations") }),
  tokens: () => queryOptions({ queryKey: ["tokens"], queryFn: () => ask("get", "/api/tokens") }),
  sessions: () => queryOptions({ queryKey: ["sessions"], queryFn: () => ask("get", "/api/sessions") }),
  status: () => queryOptions({ queryKey: ["status"], queryFn: () => ask("get", "/api/status") }),
  accounts: () => queryOptions({ queryKey: ["accounts"], queryFn: () => ask("get", "/api/accounts") }),
  devices: () => queryOptions({ queryKey: ["devices"], queryFn: () => ask("get", "/api/devices/push") }),
  opened: (link: string) =>
    queryOptions({
      queryKey: ["opened", link],
      queryFn: () => ask("get", "/api/open", { query: Object.fromEntries(new URLSearchParams(link)) }),
    }),
  passkeys: () => queryOptions({ queryKey: ["passkeys"], queryFn: () => ask("get", "/api/passkeys") }),
};

/** What an event may have changed: lists, and what is known of its run; of every run where nobody knows which. */
export function touchedBy(run: string | undefined): { queryKey: string[]; exact?: true }[] {
  const runs = run
    ? [{ queryKey: ["runs", run] }, { queryKey: ["runs"], exact: true as const }]
    : [{ queryKey: ["runs"] }];
  return [{ queryKey: ["gates"] }, { queryKey: ["activity"] }, ...runs];
}
