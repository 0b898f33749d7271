import type { Gate } from "@/api/queries";
import { cardOf, headingOf, isUnlimited, payeesOf, totalsOf } from "@/drafts/card";
import { Differences } from "@/drafts/Differences";
import type { Row } from "@/drafts/useTogether";
import { Argument } from "@/drafts/Values";
import { t } from "@/i18n";
import { money } from "@/i18n/spelling";
import { Button } from "@/ui/Button";
import { Loop, type LoopState } from "@/ui/Loop";
import { Notice } from "@/ui/Notice";

interface Props {
  rows: Row[];
  /** Those that are decided now; the total is theirs. */
  open: Gate[];
  onAccept: (gate: string) => void;
}

/** Every draft in a row of its own, with what became of it; and what those that are open come to. */
export function TogetherTable({ rows, open, onAccept }: Props) {
  const totals = totalsOf(...open.map(cardOf));
  return (
    <table className="w-full table-fixed rounded-card border border-line bg-panel text-left">
      <caption className="pb-2 text-left text-lg font-semibold">{t("together", { count: rows.length })}</caption>
      <thead className="text-sm text-ink2">
        <tr>
          <th scope="col" className="px-3 py-2 font-medium">
            {t("card.effects")}
          </th>
          <th scope="col" className="w-28 px-3 py-2 text-right font-medium">
            {t("effect.cost")}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Line key={row.gate.id} row={row} onAccept={onAccept} />
        ))}
      </tbody>
      {open.length > 0 && (
        <tfoot>
          <tr className="border-t border-line font-medium">
            <th scope="row" className="px-3 py-2 font-medium">
              {t("together.total", { count: open.length })}
            </th>
            <td className="px-3 py-2 text-right">{totals.map(money).join(" + ") || t("card.free")}</td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}

function Line({ row, onAccept }: { row: Row; onAccept: Props["onAccept"] }) {
  const { gate, result, changed, out } = row;
  const card = cardOf(gate);
  const payees = payeesOf(card).join(", ");
  const state = stateOf(row);
  return (
    <tr className="border-t border-line align-top">
      <th scope="row" className="px-3 py-2 font-normal [overflow-wrap:anywhere]">
        <span className="flex gap-2">
          <Loop state={state} silent />
          <span className="min-w-0">
            <span className="block font-medium">{headingOf(card)}</span>
            {payees && <span className="block text-sm text-ink2">{t("together.payee", { payees })}</span>}
            {result?.counts && <span className="block text-sm text-ok">{t(`together.${wordFor(result.now)}`)}</span>}
            {!result && out && !changed && <span className="block text-sm text-wait">{out}</span>}
          </span>
        </span>
        {card.effects.map((effect) => (
          <div key={effect.name} className="mt-1">
            <Argument effect={effect} />
          </div>
        ))}
        {result?.problem && (
          <div className="mt-2">
            <Notice tone="bad" urgent title={result.problem.title}>
              {result.problem.next_step}
            </Notice>
          </div>
        )}
        {changed && !result?.counts && (
          <div className="mt-2">
            <Notice
              tone="wait"
              urgent
              title={t("together.changed")}
              action={<Button onClick={() => onAccept(gate.id)}>{t("conflict.read")}</Button>}
            >
              <Differences found={changed} title={t("conflict.difference")} />
            </Notice>
          </div>
        )}
      </th>
      <td className={`px-3 py-2 text-right ${out ? "text-ink2 line-through" : ""}`}>
        {isUnlimited(card) ? t("card.unlimited") : totalsOf(card).map(money).join(" + ") || t("card.free")}
      </td>
    </tr>
  );
}

function stateOf({ result, out }: Row): LoopState {
  if (result?.counts) return result.now?.status === "refused" ? "expired" : "done";
  if (result) return "failed";
  return out ? "expired" : "waiting";
}

/** What a word that counts made of its gate: others may have to say theirs. */
function wordFor(now: Gate | null | undefined): "yes" | "no" | "more" {
  if (now?.status === "refused") return "no";
  return now?.status === "open" ? "more" : "yes";
}
