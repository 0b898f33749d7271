import { labelOf, leavesOf } from "@/drafts/card";
import { t } from "@/i18n";

/** What was approved beside what was executed, field by field; whether they are the same is said in words. */
export function Beside({ approved, executed }: { approved: unknown; executed: unknown }) {
  const [one, other] = [new Map(leavesOf(approved)), new Map(leavesOf(executed))];
  const columns = ["execution.field", "receipt.was_approved", "receipt.was_executed"] as const;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by the keyboard
    <div role="group" tabIndex={0} aria-label={t("execution.beside")} className="max-w-full overflow-x-auto">
      <table className="w-full text-left">
        <caption className="sr-only">{t("execution.beside")}</caption>
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col" className="border-b border-line py-1 pr-4 text-sm font-medium text-ink2">
                {t(name)}
              </th>
            ))}
            <td className="border-b border-line" />
          </tr>
        </thead>
        <tbody>
          {[...new Set([...one.keys(), ...other.keys()])].map((at) => {
            const isSame = one.get(at) === other.get(at);
            return (
              <tr key={at} className="align-top">
                <th scope="row" className="border-b border-line py-1.5 pr-4 text-sm font-normal text-ink2">
                  {at.split(".").map(labelOf).join(", ")}
                </th>
                {[one, other].map((side, number) => (
                  <td
                    key={columns[number]}
                    className="min-w-24 border-b border-line py-1.5 pr-4 whitespace-pre-wrap [overflow-wrap:anywhere]"
                  >
                    {side.get(at) ?? t("value.none")}
                  </td>
                ))}
                <td className={`border-b border-line py-1.5 text-sm ${isSame ? "text-ok" : "text-bad"}`}>
                  {t(isSame ? "execution.same" : "execution.different")}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
