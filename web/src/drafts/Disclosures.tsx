import type { Gate } from "@/api/queries";
import { cardOf } from "@/drafts/card";
import { t } from "@/i18n";
import { Notice } from "@/ui/Notice";

/** What a card discloses; where it must be read before a yes, whoever reads it says so. */
export function Disclosures(props: { gate: Gate; hasRead: boolean; onRead: (has: boolean) => void }) {
  const { disclosures } = cardOf(props.gate);
  if (disclosures.length === 0) return null;
  return (
    <Notice tone="wait" loop="uncertain" title={t("disclosure")}>
      <ul className="list-disc pl-5">
        {disclosures.map((one) => (
          <li key={JSON.stringify(one)}>
            {one.key ? t(`disclosure.${one.key as "uncertain_before"}`) : JSON.stringify(one)}
          </li>
        ))}
      </ul>
      {props.gate.must_read && (
        <label className="mt-3 flex min-h-11 items-center gap-2 font-medium">
          <input
            type="checkbox"
            className="size-5"
            checked={props.hasRead}
            onChange={(event) => props.onRead(event.target.checked)}
          />
          {t("disclosure.read")}
        </label>
      )}
    </Notice>
  );
}
