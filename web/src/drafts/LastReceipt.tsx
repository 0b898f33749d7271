import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { Receipt } from "@/drafts/Receipt";
import { t } from "@/i18n";

/** What was done last, for a day on which nothing was. */
export default function LastReceipt() {
  const last = useQuery(queries.activity()).data?.executions.find((one) => one.receipt);
  if (!last) return null;
  return (
    <section className="mt-6 rounded-card border border-line bg-panel p-4">
      <h2 className="mb-3 text-sm text-ink2">{t("today.last_receipt")}</h2>
      <Receipt execution={last} />
    </section>
  );
}
