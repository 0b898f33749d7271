import type { Gate } from "@/api/queries";
import { cardOf } from "@/drafts/card";
import { t } from "@/i18n";

/** What is sent, to the byte: nothing is left out and nothing is cut, however long it is. */
export function ExactRequest({ gate }: { gate: Gate }) {
  return (
    <div role="group" aria-label={t("exact")} className="rounded-card border border-line bg-panel p-4">
      <h3 className="mb-2 text-sm text-ink2">{t("exact")}</h3>
      {cardOf(gate).effects.map((effect) => {
        const text = JSON.stringify(effect, null, 2);
        return (
          <div key={effect.name} className="mb-3">
            <p className="mb-1 flex flex-wrap justify-between gap-x-4 font-mono text-xs">
              <span className="[overflow-wrap:anywhere]">
                {effect.operation} → {effect.with}
              </span>
              <span className="text-ink2">{t("exact.lines", { count: text.split("\n").length })}</span>
            </p>
            <pre className="rounded-control bg-sunk p-3 font-mono text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">
              {text}
            </pre>
          </div>
        );
      })}
      <p className="font-mono text-xs text-ink2 [overflow-wrap:anywhere]">{t("exact.draft", { digest: gate.draft })}</p>
      <p className="font-mono text-xs text-ink2 [overflow-wrap:anywhere]">
        {t("exact.card", { digest: gate.card_hash })}
      </p>
    </div>
  );
}
