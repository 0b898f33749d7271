import type { Difference } from "@/drafts/card";
import { t } from "@/i18n";

/** What is different now, each line before and after. */
export function Differences({ found, title }: { found: Difference[]; title: string }) {
  return (
    <table className="w-full table-fixed text-left text-sm">
      <caption className="pb-1 text-left font-medium">{title}</caption>
      <thead>
        <tr className="text-ink2">
          <th scope="col" className="w-1/3 py-1 pr-3 font-medium">
            {t("difference.at")}
          </th>
          <th scope="col" className="py-1 pr-3 font-medium">
            {t("difference.before")}
          </th>
          <th scope="col" className="py-1 font-medium">
            {t("difference.now")}
          </th>
        </tr>
      </thead>
      <tbody>
        {found.map(({ at, before, now }) => (
          <tr key={at} className="border-t border-line align-top [overflow-wrap:anywhere]">
            <th scope="row" className="py-1 pr-3 font-normal text-ink2">
              {at}
            </th>
            <td className="py-1 pr-3">
              <del>{before ?? t("value.none")}</del>
            </td>
            <td className="py-1 font-medium">
              <ins className="no-underline">{now ?? t("value.none")}</ins>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
