import { lazy, Suspense } from "react";
import { Link, useParams } from "wouter";
import { useMission } from "@/desks/missions/useMission";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Page, Waiting } from "@/ui/Page";

const Whole = lazy(() => import("@/desks/missions/Whole"));

/** One mission: how far it is, what was made, and what it waits for. */
export default function MissionPage() {
  const { mission: name = "" } = useParams();
  const found = useMission(name);
  const back = (
    <Link href="/missions" className="inline-block py-2 underline">
      {t("missions.all")}
    </Link>
  );
  return (
    <Page title={found.data?.title ?? t("missions.one")} aside={back}>
      {found.error && !found.data && (
        <Failed error={found.error} again={<Button onClick={() => found.refetch()}>{t("again")}</Button>} />
      )}
      {!found.data && !found.error && <Waiting rows={6} />}
      {found.data && (
        <Suspense fallback={<Waiting rows={6} />}>
          <Whole key={name} mission={found.data} />
        </Suspense>
      )}
    </Page>
  );
}
