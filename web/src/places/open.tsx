import { useQuery } from "@tanstack/react-query";
import { Link, Redirect, useSearch } from "wouter";
import { Problem } from "@/api/client";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Empty, Page, Waiting } from "@/ui/Page";

/** Where a link in a message leads; the server says so, to whoever may see it. */
export default function Open() {
  const found = useQuery(queries.opened(useSearch()));
  if (found.data) return <Redirect to={`/?run=${found.data.run}`} replace />;
  const isNowhere = found.error instanceof Problem && found.error.told.status === 404;
  return (
    <Page title={t(isNowhere ? "open.nowhere" : "open.title")}>
      {isNowhere && <Empty says={t("open.why")} action={<Link href="/settings">{t("open.accounts")}</Link>} />}
      {found.error && !isNowhere && (
        <Failed error={found.error} again={<Button onClick={() => found.refetch()}>{t("again")}</Button>} />
      )}
      {found.isPending && <Waiting rows={1} />}
    </Page>
  );
}
