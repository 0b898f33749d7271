import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { queries } from "@/api/queries";
import { later, t } from "@/i18n";
import { Grants } from "@/settings/Grants";
import { Room } from "@/settings/Room";
import { Button } from "@/ui/Button";
import { Section, Waiting } from "@/ui/Page";

const Budgets = lazy(() => import("@/settings/Budgets"));
const Rules = lazy(later(later(() => import("@/settings/Rules"), "people")));
const NewGrant = lazy(later(() => import("@/settings/NewGrant")));

/** What may be spent without asking, what never more than, and how much of it is used. */
export default function Limits() {
  const { data: me } = useQuery(queries.me());
  const [isMaking, setMaking] = useState(false);
  return (
    <Room name="limits">
      <Grants />
      <Section title={t("limits.new")}>
        {isMaking ? (
          <Suspense fallback={<Waiting />}>
            <NewGrant />
          </Suspense>
        ) : (
          <Button onClick={() => setMaking(true)}>{t("limits.new.open")}</Button>
        )}
      </Section>
      <Suspense>
        <Budgets />
        {me?.roles.includes("owner") && <Rules />}
      </Suspense>
    </Room>
  );
}
