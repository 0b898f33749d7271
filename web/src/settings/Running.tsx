import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Model } from "@/api/client";
import { readBegins } from "@/begins";
import { t } from "@/i18n";
import { Loop, type LoopState } from "@/ui/Loop";
import { Section } from "@/ui/Page";

/** What the house says of itself, each line with how well that is. */
export function Running({ status }: { status: Model<"Status"> }) {
  const { model, telling, parked } = status;
  const page = readBegins().version;
  const isTold = telling.late + telling.given_up === 0;
  return (
    <>
      <Section title={t("status.checks")}>
        <ul className="grid gap-2">
          <Check ring={status.recovery ? "uncertain" : "done"} says={t("status.ledger")}>
            {status.recovery ?? t("status.ledger.good")}
          </Check>
          <Check ring={status.room === "enough" ? "done" : "failed"} says={t("status.room")}>
            {t(status.room === "enough" ? "status.room.good" : "status.room.short")}
          </Check>
          <Check ring={status.clock_moved_seconds === 0 ? "done" : "uncertain"} says={t("status.clock")}>
            {status.clock_moved_seconds === 0
              ? t("status.clock.good")
              : t("status.clock.moved", { count: status.clock_moved_seconds })}
          </Check>
          <Check ring={isTold ? "done" : "failed"} says={t("status.telling")}>
            {isTold
              ? t("status.telling.good")
              : t("status.telling.late", { late: telling.late, lost: telling.given_up })}{" "}
            {t(telling.by_mail ? "status.mail" : "status.no_mail")}
            {telling.problem && <span className="block text-bad">{telling.problem}</span>}
          </Check>
          {model && (
            <Check ring={model.problem ? "failed" : "done"} says={t("status.model")}>
              {t("status.model.used", { name: model.name, used: model.tokens_today, most: model.tokens_max })}
              {model.problem && <span className="block text-bad">{model.problem}</span>}
            </Check>
          )}
        </ul>
      </Section>
      <Section title={t("status.stuck")} count={Object.keys(parked).length}>
        {Object.keys(parked).length === 0 && <p>{t("status.stuck.none")}</p>}
        <ul className="grid gap-2">
          {Object.entries(parked).map(([run, sentence]) => (
            <Check key={run} ring="failed" says={sentence}>
              <Link className="underline" href={`/?run=${run}`}>
                {run}
              </Link>
            </Check>
          ))}
        </ul>
      </Section>
      <Section title={t("status.running")}>
        <dl className="grid gap-x-5 gap-y-1.5 sm:grid-cols-[12rem_minmax(0,1fr)]">
          <Pair label={t("status.version")}>{status.version}</Pair>
          {page && page !== status.version && <Pair label={t("status.page")}>{page}</Pair>}
          <Pair label={t("status.waiting")}>{status.open_gates}</Pair>
        </dl>
      </Section>
    </>
  );
}

function Pair({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink2">{label}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Check({ ring, says, children }: { ring: LoopState; says: string; children: ReactNode }) {
  return (
    <li className="flex gap-3 rounded-card border border-line bg-panel p-3">
      <Loop state={ring} />
      <div className="min-w-0 [overflow-wrap:anywhere]">
        <p className="font-medium">{says}</p>
        <div className="text-sm text-ink2">{children}</div>
      </div>
    </li>
  );
}
