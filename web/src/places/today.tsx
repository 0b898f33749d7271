import { useQuery } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { useLocation, useSearch } from "wouter";
import { type Execution, type Gate, queries, type RunSummary } from "@/api/queries";
import { GateRow, RunRow } from "@/drafts/InboxRow";
import { later, t } from "@/i18n";
import { useCommands } from "@/keys";
import { POLL_MS, useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Empty, Page, Section, Waiting } from "@/ui/Page";

const RunView = lazy(later(() => import("@/drafts/RunView")));
const LastReceipt = lazy(later(() => import("@/drafts/LastReceipt")));
const WIDE = "(min-width: 64rem)";

/** A message names the gate that waits; its run is in its name. */
function runOf(gate: string | null): string | undefined {
  const run = gate?.match(/^gate_([0-9a-f]{32})_/)?.[1];
  return run && `run_${run}`;
}

/** What waits for you, what runs now, what was done today; and beside it the one that is open. */
export default function Today() {
  const every = { refetchInterval: useLiveness() === "polling" ? POLL_MS : (false as const) };
  const gates = useQuery({ ...queries.gates(), ...every });
  const runs = useQuery({ ...queries.runs(), ...every });
  const activity = useQuery({ ...queries.activity(), ...every });
  const [, go] = useLocation();
  const asked = new URLSearchParams(useSearch());
  const open = asked.get("run") ?? runOf(asked.get("gate"));
  const lists = sorted(gates.data?.gates ?? [], runs.data?.runs ?? []);
  const order = [...lists.waiting.map((one) => one.run), ...[...lists.running, ...lists.done].map((one) => one.id)];
  const first = lists.waiting[0]?.run;
  const next = lists.waiting.find((one) => one.run !== open)?.run;

  const show = (run: string | undefined) => run && go(`/?run=${run}`);
  const move = (by: number) => {
    const place = open ? order.indexOf(open) : -1;
    show(order[Math.max(0, Math.min(order.length - 1, place + by))]);
  };
  useEffect(() => {
    if (!open && first && matchMedia(WIDE).matches) go(`/?run=${first}`, { replace: true });
  }, [open, first, go]);
  useCommands([
    { keys: "j", name: t("command.down"), run: () => move(1) },
    { keys: "k", name: t("command.up"), run: () => move(-1) },
    { keys: "n", name: t("command.next"), run: () => show(next) },
    { keys: "Escape", name: t("command.close"), run: () => go("/") },
  ]);

  const error = gates.error ?? runs.error;
  if (error && !gates.data) {
    return (
      <Page title={t("place.today")}>
        <Failed error={error} again={<Button onClick={() => gates.refetch()}>{t("again")}</Button>} />
      </Page>
    );
  }
  return (
    <Page title={t("place.today")}>
      <div className="lg:grid lg:grid-cols-[minmax(18rem,24rem)_minmax(0,1fr)] lg:gap-8">
        <div className={open ? "hidden lg:block" : ""}>
          {gates.data && runs.data ? (
            <Lists {...lists} did={activity.data?.executions ?? []} waits={gates.data.waiting} open={open} />
          ) : (
            <Waiting />
          )}
        </div>
        {open && (
          <div>
            <Button
              kind="quiet"
              className="mb-3 lg:hidden"
              icon={<ArrowLeft size={18} aria-hidden />}
              onClick={() => go("/")}
            >
              {t("back")}
            </Button>
            <Suspense fallback={<Waiting />}>
              <RunView key={open} run={open} onNext={next ? () => show(next) : undefined} />
            </Suspense>
          </div>
        )}
      </div>
    </Page>
  );
}

interface Shown {
  did: Execution[];
  waits: number;
  open: string | undefined;
}

interface Lists {
  waiting: Gate[];
  running: RunSummary[];
  done: RunSummary[];
}

function Lists({ waiting, running, done, did, waits, open }: Lists & Shown) {
  const didOf = (run: RunSummary) => did.filter((one) => one.run === run.id);
  if (waiting.length + running.length + done.length === 0) return <NothingYet />;
  return (
    <>
      <Section title={t("today.waiting")} count={waits}>
        {waiting.length === 0 && <Empty says={t("today.nothing_waits")} />}
        <ul className="grid gap-2">
          {waiting.map((gate) => (
            <GateRow key={gate.id} gate={gate} isOpen={gate.run === open} />
          ))}
        </ul>
      </Section>
      {running.length > 0 && (
        <Section title={t("today.running")} count={running.length}>
          <ul className="grid gap-2">
            {running.map((run) => (
              <RunRow key={run.id} run={run} isOpen={run.id === open} did={didOf(run)} />
            ))}
          </ul>
        </Section>
      )}
      {done.length > 0 && (
        <Section title={t("today.done")} count={done.length}>
          <ul className="grid gap-2">
            {done.map((run) => (
              <RunRow key={run.id} run={run} isOpen={run.id === open} did={didOf(run)} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function NothingYet() {
  return (
    <>
      <Empty says={t("today.empty")} />
      <Suspense>
        <LastReceipt />
      </Suspense>
    </>
  );
}

/** Each in one list only; what waits is what the gates say, whatever the newest fact of a run is. */
function sorted(gates: Gate[], runs: RunSummary[]): Lists {
  const asked = new Set(gates.map((gate) => gate.run));
  const rest = runs.filter((run) => !asked.has(run.id));
  const midnight = new Date().setHours(0, 0, 0, 0);
  return {
    waiting: gates,
    running: rest.filter((run) => run.state !== "ended"),
    done: rest.filter((run) => run.state === "ended" && Date.parse(run.newest_at) >= midnight),
  };
}
