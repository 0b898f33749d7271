import type { Execution } from "@/api/queries";
import { leavesOf } from "@/drafts/card";
import { ReceiptFile } from "@/drafts/ReceiptFile";
import { Argument, Pair } from "@/drafts/Values";
import { t } from "@/i18n";
import { type Money, moment, money } from "@/i18n/spelling";
import { Chip } from "@/ui/Chip";

/** What an effect did: what was approved beside what ran, what it cost, and the file that proves it. */
export function Receipt({ execution }: { execution: Execution }) {
  const charged = execution.charged as unknown as Money | null;
  return (
    <div role="group" aria-label={t("receipt.of", { effect: execution.effect })} className="mb-4 last:mb-0">
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Chip tone={execution.outcome === "happened" ? "ok" : "wait"}>
          {t(`outcome.${execution.outcome as "happened"}`)}
        </Chip>
        {execution.exceeded && <Chip tone="bad">{t("receipt.exceeded")}</Chip>}
        {!execution.live && <Chip>{t("mode.practice")}</Chip>}
      </div>
      <Compared approved={execution.approved} executed={execution.executed} />
      <dl className="mt-3 grid gap-x-5 gap-y-1 border-t border-line pt-3 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
        <Pair label={t("receipt.charged")}>{charged ? money(charged) : t("receipt.nothing_charged")}</Pair>
        <Pair label={t("receipt.approved")}>
          {t("receipt.approved_after", {
            at: moment(execution.approved_at),
            seconds: execution.confirmation_seconds.toFixed(1),
          })}
        </Pair>
        <Pair label={t("receipt.ended")}>
          {execution.ended_at ? moment(execution.ended_at) : t("outcome.under_way")}
        </Pair>
        {execution.attempts > 1 && <Pair label={t("receipt.attempts")}>{execution.attempts}</Pair>}
        {execution.reason && <Pair label={t("receipt.reason")}>{execution.reason}</Pair>}
      </dl>
      {execution.receipt && <ReceiptFile path={execution.receipt} run={execution.run} />}
    </div>
  );
}

/** The same bytes are shown once; where they are not the same, each line is shown twice. */
function Compared({ approved, executed }: { approved: unknown; executed: unknown }) {
  const [one, other] = [new Map(leavesOf(approved)), new Map(leavesOf(executed))];
  const different = [...new Set([...one.keys(), ...other.keys()])].filter((at) => one.get(at) !== other.get(at));
  if (different.length === 0) {
    return (
      <>
        <p className="mb-2 text-sm text-ink2">{t("receipt.same")}</p>
        <Argument effect={{ argument: executed }} />
      </>
    );
  }
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <div>
        <p className="mb-2 text-sm font-medium">{t("receipt.was_approved")}</p>
        <Argument effect={{ argument: approved }} />
      </div>
      <div>
        <p className="mb-2 text-sm font-medium">{t("receipt.was_executed")}</p>
        <Argument effect={{ argument: executed }} />
      </div>
    </div>
  );
}
