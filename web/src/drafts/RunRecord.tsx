import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { type Execution, queries, type RunDetail } from "@/api/queries";
import { Beside } from "@/drafts/Beside";
import { CheckedReceipt } from "@/drafts/CheckedReceipt";
import { sentenceOf } from "@/drafts/card";
import { standingOf } from "@/drafts/InboxRow";
import { aboutRun, actorOf, nameOfRun } from "@/drafts/naming";
import { ReceiptFile } from "@/drafts/ReceiptFile";
import { Trail } from "@/drafts/Trail";
import { Argument, Pair } from "@/drafts/Values";
import { t } from "@/i18n";
import { type Money, moment, money } from "@/i18n/spelling";
import { Chip } from "@/ui/Chip";
import { Loop } from "@/ui/Loop";
import { Section } from "@/ui/Page";

/** All that is known of a run: what was asked, what was approved beside what was executed, and the whole trail. */
export default function RunRecord({ run, did }: { run: RunDetail; did: Execution[] }) {
  const me = useQuery(queries.me()).data?.person ?? null;
  const { ring, says } = standingOf(run, did);
  return (
    <>
      <h2 className="text-lg [overflow-wrap:anywhere]">{run.is_erased ? t("run.erased") : nameOfRun(run)}</h2>
      <p className="mt-1 mb-5 flex items-start gap-2.5 [overflow-wrap:anywhere]">
        <Loop state={ring} />
        <span>
          {t(says)}
          {!run.is_erased && (
            <span className="block text-sm text-ink2">
              {aboutRun(run, me)}, <time dateTime={run.begun_at}>{moment(run.begun_at)}</time>
            </span>
          )}
          {run.state === "waits_for_you" && (
            <Link href={`/?run=${run.id}`} className="underline">
              {t("execution.open")}
            </Link>
          )}
        </span>
      </p>
      {!run.is_erased && <Asked run={run} />}
      {did.length === 0 && (
        <Section title={t("execution.beside")}>
          <p>{t("execution.none")}</p>
          {run.reason && <p className="mt-1 text-ink2 [overflow-wrap:anywhere]">{run.reason}</p>}
        </Section>
      )}
      {did.map((one) => (
        <Done key={`${one.gate} ${one.effect}`} execution={one} begunAt={run.begun_at} me={me} />
      ))}
      <Section title={t("trail")}>
        <div className="rounded-card border border-line bg-panel p-4">
          <Trail trail={run.trail} me={me} />
        </div>
      </Section>
    </>
  );
}

/** The words as they were said, and what they were understood to mean. */
function Asked({ run }: { run: RunDetail }) {
  return (
    <Section title={t("execution.asked")}>
      <div className="rounded-card border border-line bg-panel p-4">
        <h3 className="mb-1 text-sm text-ink2">{t("execution.words")}</h3>
        {run.words.length === 0 && <p>{t("execution.typed")}</p>}
        {run.words.map((words) => (
          <blockquote key={words} className="border-l-2 border-edge pl-3 whitespace-pre-wrap [overflow-wrap:anywhere]">
            {words}
          </blockquote>
        ))}
        {run.through === "mail" && <p className="mt-1 text-sm text-ink2">{t("execution.by_mail")}</p>}
        {run.taken.length > 0 && (
          <>
            <h3 className="mt-4 mb-1 text-sm text-ink2">{t("execution.taken")}</h3>
            <ul className="list-disc pl-5 [overflow-wrap:anywhere]">
              {run.taken.map((one) => (
                <li key={one}>{one}</li>
              ))}
            </ul>
          </>
        )}
        <h3 className="mt-4 mb-1 text-sm text-ink2">{t("execution.understood")}</h3>
        <Argument effect={{ argument: run.arguments }} />
        <dl className="mt-1.5 grid gap-x-5 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
          {run.reader.instead && <Pair label={t("execution.no_model")}>{run.reader.instead}</Pair>}
          <Pair label={t("execution.procedure")}>{`${run.desk}.${run.procedure}, ${run.version}`}</Pair>
        </dl>
      </div>
    </Section>
  );
}

function Done({ execution, begunAt, me }: { execution: Execution; begunAt: string; me: string | null }) {
  const title = sentenceOf({ ...execution, argument: execution.executed, with: execution.connector });
  const charged = execution.charged as unknown as Money | null;
  return (
    <Section title={title}>
      <div className="rounded-card border border-line bg-panel p-4">
        <div className="mb-3 flex flex-wrap gap-2">
          <Chip tone={execution.outcome === "happened" ? "ok" : "wait"}>
            {t(`outcome.${execution.outcome as "happened"}`)}
          </Chip>
          {execution.exceeded && <Chip tone="bad">{t("receipt.exceeded")}</Chip>}
          <Chip tone={execution.live ? "wait" : "plain"}>{t(execution.live ? "mode.live" : "mode.practice")}</Chip>
        </div>
        <Beside approved={execution.approved} executed={execution.executed} />
        <dl className="mt-3 grid gap-x-5 gap-y-1 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
          <Pair label={t("receipt.charged")}>{charged ? money(charged) : t("receipt.nothing_charged")}</Pair>
          <Pair label={t("receipt.approved")}>
            {[moment(execution.approved_at), ...execution.approved_by.map((one) => actorOf(one, me))].join(", ")}
          </Pair>
          <Latencies execution={execution} begunAt={begunAt} />
          <Pair label={t("receipt.attempts")}>{execution.attempts}</Pair>
          {execution.reason && <Pair label={t("receipt.reason")}>{execution.reason}</Pair>}
        </dl>
        {execution.receipt && (
          <div className="mt-3 grid grid-cols-1 gap-3">
            <ReceiptFile path={execution.receipt} run={execution.run} />
            <CheckedReceipt path={execution.receipt} />
          </div>
        )}
      </div>
    </Section>
  );
}

function Latencies({ execution, begunAt }: { execution: Execution; begunAt: string }) {
  const { approved_at: approved, begun_at: begun, ended_at: ended } = execution;
  return (
    <>
      <Pair label={t("execution.read")}>{seconds(execution.confirmation_seconds * 1_000)}</Pair>
      <Pair label={t("execution.begun")}>{seconds(Date.parse(begun) - Date.parse(approved))}</Pair>
      {ended !== null && (
        <>
          <Pair label={t("execution.took")}>{seconds(Date.parse(ended) - Date.parse(begun))}</Pair>
          <Pair label={t("execution.in_all")}>{seconds(Date.parse(ended) - Date.parse(begunAt))}</Pair>
        </>
      )}
    </>
  );
}

function seconds(milliseconds: number): string {
  return t("execution.seconds", { seconds: milliseconds / 1_000 });
}
