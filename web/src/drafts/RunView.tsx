import { useQuery } from "@tanstack/react-query";
import { type Execution, type Gate, queries, type RunDetail, type Told } from "@/api/queries";
import { ApprovalSheet } from "@/drafts/ApprovalSheet";
import { AskAgain } from "@/drafts/AskAgain";
import { type Card, cardOf } from "@/drafts/card";
import { DraftCard, type Failure } from "@/drafts/DraftCard";
import { aboutRun } from "@/drafts/naming";
import { Trail, wordsOf } from "@/drafts/Trail";
import { t } from "@/i18n";
import { POLL_MS, useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Failed, Notice } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

/** A run from its draft to its receipt, whatever there is of it now. */
export default function RunView({ run: id, onNext }: { run: string; onNext?: (() => void) | undefined }) {
  const every = { refetchInterval: useLiveness() === "polling" ? POLL_MS : (false as const) };
  const me = useQuery(queries.me());
  const run = useQuery({ ...queries.run(id), ...every });
  const newest = run.data?.gates.at(-1);
  const gate = useQuery({ ...queries.gate(newest ?? ""), ...every, enabled: newest !== undefined });
  const executions = useQuery({ ...queries.executions(id), ...every });
  const error = run.error ?? gate.error ?? executions.error;
  if (error && !run.data) {
    return <Failed error={error} again={<Button onClick={() => run.refetch()}>{t("again")}</Button>} />;
  }
  if (!run.data || !executions.data || (newest && !gate.data)) return <Waiting />;
  const person = me.data?.person ?? null;
  return (
    <div className="grid gap-4">
      <Now run={run.data} gate={gate.data} executions={executions.data} person={person} onNext={onNext} />
      <section className="rounded-card border border-line bg-panel p-4" aria-label={t("trail")}>
        <h3 className="mb-3 text-sm text-ink2">{t("trail")}</h3>
        <Trail trail={run.data.trail} me={person} />
      </section>
    </div>
  );
}

function Now(props: {
  run: RunDetail;
  gate: Gate | undefined;
  executions: Execution[];
  person: string | null;
  onNext: (() => void) | undefined;
}) {
  const { run, gate, executions } = props;
  if (gate && (gate.status === "open" || gate.status === "revising")) {
    const above = aboutRun(run, props.person);
    const unchanged = problemOf(run, gate);
    return <ApprovalSheet key={gate.id} gate={gate} above={above} unchanged={unchanged} onNext={props.onNext} />;
  }
  const card = gate ? cardOf(gate) : undefined;
  const how = failureOf(run, gate, executions);
  if (how) {
    const reason = executions.find((one) => one.reason)?.reason ?? run.reason ?? undefined;
    const action = how === "expired" ? <AskAgain run={run} /> : undefined;
    return <DraftCard face="failed" card={card} how={how} reason={reason} action={action} />;
  }
  if (card && executions.length > 0 && executions.every((one) => one.outcome === "happened")) {
    return <DraftCard face="done" card={card} executions={executions} />;
  }
  return <UnderWay card={card} newest={run.trail.at(-1)} />;
}

/** Why the gate's newest revision is no other draft than the one before, if so. */
function problemOf(run: RunDetail, gate: Gate): string | undefined {
  const revised = run.trail.filter(({ kind, says }) => kind === "gate.revised" && says?.gate === gate.id).at(-1);
  return typeof revised?.says?.problem === "string" && revised.says.problem ? revised.says.problem : undefined;
}

function UnderWay({ card, newest }: { card: Card | undefined; newest: Told | undefined }) {
  return (
    <>
      <Notice tone="info" loop="running" title={t(card ? "running.approved" : "running.preparing")}>
        {newest?.kind === "run.queued" && wordsOf(newest)}
      </Notice>
      {card && <DraftCard face="draft" card={card} state="running" />}
    </>
  );
}

function failureOf(run: RunDetail, gate: Gate | undefined, executions: Execution[]): Failure | undefined {
  if (run.state === "uncertain" || executions.some((one) => one.outcome === "uncertain")) return "uncertain";
  if (run.state === "parked") return "parked";
  if (executions.some((one) => one.outcome === "not_done")) return "not_done";
  if (run.state !== "ended") return undefined;
  if (gate?.status === "expired" || gate?.status === "refused" || gate?.status === "withdrawn") return gate.status;
  if (run.code === "cancelled") return "cancelled";
  return executions.length === 0 ? "not_done" : undefined;
}
