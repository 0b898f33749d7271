import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link, useParams } from "wouter";
import { queries } from "@/api/queries";
import { later, t } from "@/i18n";
import { POLL_MS, useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Page, Waiting } from "@/ui/Page";

const EraseRun = lazy(later(() => import("@/drafts/EraseRun"), "people"));
const RunRecord = lazy(later(() => import("@/drafts/RunRecord"), "deciding"));

/** One run from what was said to what is proved: nothing of it is left out. */
export default function ExecutionPage() {
  const { run: id = "" } = useParams();
  const every = { refetchInterval: useLiveness() === "polling" ? POLL_MS : (false as const) };
  const run = useQuery({ ...queries.run(id), ...every });
  const done = useQuery({ ...queries.executions(id), ...every });
  const isOwner = useQuery(queries.me()).data?.roles.includes("owner");
  const error = run.error ?? done.error;
  return (
    <Page
      title={t("place.execution")}
      aside={
        <Link href="/activity" className="inline-block py-2 underline">
          {t("place.execution.back")}
        </Link>
      }
    >
      {error && !run.data && (
        <Failed error={error} again={<Button onClick={() => run.refetch()}>{t("again")}</Button>} />
      )}
      {!error && !(run.data && done.data) && <Waiting rows={6} />}
      {run.data && done.data && (
        <Suspense fallback={<Waiting rows={6} />}>
          <RunRecord run={run.data} did={done.data} />
          {isOwner && run.data.state === "ended" && !run.data.is_erased && <EraseRun run={id} />}
        </Suspense>
      )}
    </Page>
  );
}
