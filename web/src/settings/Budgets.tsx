import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { money } from "@/i18n/spelling";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { UsedUp } from "@/settings/UsedUp";
import { Section, Waiting } from "@/ui/Page";

/** The most that the account spends, whoever says yes. */
export default function Budgets() {
  const budgets = useQuery(queries.budgets());
  return (
    <Section title={t("limits.budgets")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("limits.budgets.says")}</p>
      <Refused error={budgets.error} />
      {!budgets.data && !budgets.error && <Waiting rows={1} />}
      {budgets.data?.length === 0 && <p>{t("limits.budgets.none")}</p>}
      <ul className="grid gap-2">
        {budgets.data?.map((one) => (
          <Listed key={`${one.amount.currency} ${one.window_days}`}>
            {t("limits.within", { amount: money(one.amount), count: one.window_days })}
            <UsedUp used={one.used} of={one.amount} />
          </Listed>
        ))}
      </ul>
    </Section>
  );
}
