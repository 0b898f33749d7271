import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { type Execution, type Gate, queries, type RunSummary } from "@/api/queries";
import { cardOf, wordsOf } from "@/drafts/card";
import { Filter, fits } from "@/drafts/Filter";
import { GateRow, RunRow } from "@/drafts/InboxRow";
import { addressOf, type Looking, useLooking } from "@/drafts/looking";
import { askedFor, nameOfRun } from "@/drafts/naming";
import { SelectBox, SelectedBar, toggled } from "@/drafts/Selecting";
import { later, t } from "@/i18n";
import { useCommands } from "@/keys";
import { POLL_MS, useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Empty, Page, Section, Waiting } from "@/ui/Page";

const Opened = lazy(later(later(() => import("@/drafts/Opened"), "deciding")));
const LastReceipt = lazy(
  later(
    later(() => import("@/drafts/LastReceipt")),
    "deciding",
  ),
);
const WIDE = "(min-width: 64rem)";
const NOTHING: Looking = { run: undefined, wanted: "", selected: [], isTogether: false };

/** What waits for you, what runs now, what was done today; and beside it the one that is open. */
export default function Today() {
  const every = { refetchInterval: useLiveness() === "polling" ? POLL_MS : (false as const) };
  const gates = useQuery({ ...queries.gates(), ...every });
  const runs = useQuery({ ...queries.runs(), ...every });
  const activity = useQuery({ ...queries.activity(), ...every });
  const [looking, look] = useLooking();
  const { run: open, wanted, selected, isTogether } = looking;
  const lists = sorted(gates.data?.gates ?? [], runs.data?.runs ?? [], wanted);
  const order = [...lists.waiting.map((one) => one.run), ...[...lists.running, ...lists.done].map((one) => one.id)];
  const first = lists.waiting[0]?.run;
  const here = lists.waiting.find((one) => one.run === open)?.id;
  const next = lists.waiting.find((one) => one.run !== open)?.run;

  const show = (run: string | undefined) => run && look({ run, isTogether: false });
  const move = (by: number) => {
    const place = open ? order.indexOf(open) : -1;
    show(order[Math.max(0, Math.min(order.length - 1, place + by))]);
  };
  useEffect(() => {
    if (!open && !isTogether && first && matchMedia(WIDE).matches) look({ run: first }, { replace: true });
  });
  useCommands([
    { keys: "j", name: t("command.down"), run: () => move(1) },
    { keys: "k", name: t("command.up"), run: () => move(-1) },
    { keys: "n", name: t("command.next"), run: () => show(next) },
    ...(here ? [{ keys: "x", name: t("command.select"), run: () => look({ selected: toggled(selected, here) }) }] : []),
    ...(selected.length > 0 && !isTogether
      ? [{ keys: "Enter", name: t("today.together"), run: () => look({ isTogether: true }) }]
      : []),
    { keys: "Escape", name: t("command.close"), run: () => look(isTogether ? { isTogether: false } : NOTHING) },
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
        <div className={open || isTogether ? "hidden lg:block" : ""}>
          {gates.data && runs.data ? (
            <Lists
              {...lists}
              did={activity.data?.executions ?? []}
              waits={gates.data.waiting}
              looking={looking}
              look={look}
            />
          ) : (
            <Waiting />
          )}
        </div>
        {(open || isTogether) && (
          <Suspense fallback={<Waiting />}>
            <Opened
              looking={looking}
              waiting={gates.data?.gates}
              onNext={next ? () => show(next) : undefined}
              onClose={() => look({ run: undefined, isTogether: false })}
            />
          </Suspense>
        )}
      </div>
    </Page>
  );
}

interface Shown {
  did: Execution[];
  waits: number;
  looking: Looking;
  look: (otherwise: Partial<Looking>, how?: { replace: boolean }) => void;
}

interface Lists {
  waiting: Gate[];
  running: RunSummary[];
  done: RunSummary[];
}

function Lists({ waiting, running, done, did, waits, looking, look }: Lists & Shown) {
  const { selected, wanted } = looking;
  const chosen = waiting.filter((one) => selected.includes(one.id));
  const didOf = (run: RunSummary) => did.filter((one) => one.run === run.id);
  const linked = (run: string) => ({
    isOpen: run === looking.run && !looking.isTogether,
    href: addressOf({ ...looking, run, isTogether: false }),
  });
  if (!wanted && waiting.length + running.length + done.length === 0) return <NothingYet />;
  return (
    <>
      <Filter wanted={wanted} onWant={(next) => look({ wanted: next }, { replace: true })} />
      <Section title={t("today.waiting")} count={wanted ? waiting.length : waits}>
        {waiting.length === 0 && <Empty says={t(wanted ? "today.nothing_found" : "today.nothing_waits")} />}
        {chosen.length > 0 && !looking.isTogether && (
          <SelectedBar
            count={chosen.length}
            onDecide={() => look({ isTogether: true })}
            onClear={() => look({ selected: [], isTogether: false })}
          />
        )}
        <ul className="grid gap-2">
          {waiting.map((gate) => (
            <GateRow
              key={gate.id}
              gate={gate}
              {...linked(gate.run)}
              select={
                waiting.length > 1 && (
                  <SelectBox gate={gate} selected={selected} onSelect={(next) => look({ selected: next })} />
                )
              }
            />
          ))}
        </ul>
      </Section>
      {running.length > 0 && (
        <Section title={t("today.running")} count={running.length}>
          <ul className="grid gap-2">
            {running.map((run) => (
              <RunRow key={run.id} run={run} {...linked(run.id)} did={didOf(run)} />
            ))}
          </ul>
        </Section>
      )}
      {done.length > 0 && (
        <Section title={t("today.done")} count={done.length}>
          <ul className="grid gap-2">
            {done.map((run) => (
              <RunRow key={run.id} run={run} {...linked(run.id)} did={didOf(run)} />
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
function sorted(gates: Gate[], runs: RunSummary[], wanted: string): Lists {
  const asked = new Set(gates.map((gate) => gate.run));
  const rest = runs.filter((run) => !asked.has(run.id) && fits(`${nameOfRun(run)} ${askedFor(run)}`, wanted));
  const midnight = new Date().setHours(0, 0, 0, 0);
  return {
    waiting: gates.filter((gate) => fits(wordsOf(cardOf(gate)), wanted)),
    running: rest.filter((run) => run.state !== "ended"),
    done: rest.filter((run) => run.state === "ended" && Date.parse(run.newest_at) >= midnight),
  };
}
