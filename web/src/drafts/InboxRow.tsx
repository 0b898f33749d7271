import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Execution, Gate, RunSummary } from "@/api/queries";
import { cardOf, headingOf, totalsOf } from "@/drafts/card";
import { askedFor, nameOfRun } from "@/drafts/naming";
import { timeLeft, useNow } from "@/drafts/now";
import { type Key, t } from "@/i18n";
import { clock, money } from "@/i18n/spelling";
import { Loop, type LoopState } from "@/ui/Loop";

interface Listed {
  isOpen: boolean;
  /** Where it is read. */
  href: string;
}

const RINGS: Record<RunSummary["state"], LoopState> = {
  running: "running",
  waits_for_you: "waiting",
  uncertain: "uncertain",
  parked: "failed",
  ended: "done",
};

export function GateRow({ gate, isOpen, href, select }: Listed & { gate: Gate; select?: ReactNode }) {
  const card = cardOf(gate);
  const seconds = (gate.expires / 1e3 - useNow()) / 1e3;
  const amount = totalsOf(card).map(money).join(" + ");
  return (
    <Row href={href} isOpen={isOpen} ring={seconds > 0 ? "waiting" : "expired"} title={headingOf(card)} before={select}>
      {amount && <span className="text-ink">{amount}, </span>}
      {timeLeft(seconds)}
    </Row>
  );
}

/** A run that asks nothing; of one that ended, what its effects came to. */
export function RunRow({ run, isOpen, href, did }: Listed & { run: RunSummary; did: Execution[] }) {
  const { ring, says } = standingOf(run, did);
  return (
    <Row href={href} isOpen={isOpen} ring={ring} title={run.is_erased ? t("run.erased") : nameOfRun(run)}>
      <span className="block">{askedFor(run)}</span>
      {t(says)}, <time dateTime={run.newest_at}>{clock(run.newest_at)}</time>
    </Row>
  );
}

/** Where a run stands; of one that ended, what came of it. */
export function standingOf(run: RunSummary, did: Execution[]): { ring: LoopState; says: Key } {
  if (run.state !== "ended") return { ring: RINGS[run.state], says: `run.${run.state}` };
  if (did.length > 0 && did.every((one) => one.outcome === "happened"))
    return { ring: "done", says: "outcome.happened" };
  return did.length > 0 ? { ring: "failed", says: "outcome.not_done" } : { ring: "expired", says: "run.nothing" };
}

function Row(props: Listed & { ring: LoopState; title: string; before?: ReactNode; children: ReactNode }) {
  return (
    <li className="flex gap-1">
      {props.before}
      <Link
        href={props.href}
        aria-current={props.isOpen ? "true" : undefined}
        className="flex min-h-11 min-w-0 flex-1 gap-3 rounded-card border border-line bg-panel p-3 hover:border-edge aria-[current]:border-accent aria-[current]:bg-accent-soft"
      >
        <Loop state={props.ring} />
        <span className="min-w-0 [overflow-wrap:anywhere]">
          <span className="block font-medium">{props.title}</span>
          <span className="block text-sm text-ink2">{props.children}</span>
        </span>
      </Link>
    </li>
  );
}
