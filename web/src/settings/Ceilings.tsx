import { MoneyField } from "@/drafts/MoneyField";
import { t } from "@/i18n";
import type { Money } from "@/i18n/spelling";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";

/** A ceiling as somebody types it. */
export interface Wanted {
  key: number;
  amount: Money | undefined;
  window_days: number;
}

const DAYS_MAX = 366;
const DAYS = 30;

/** The most that is spent within so many days, once for each currency and length of time. */
export function Ceilings(props: { ceilings: Wanted[]; onChange: (ceilings: Wanted[]) => void }) {
  const { ceilings, onChange } = props;
  const change = (key: number, what: Partial<Wanted>) =>
    onChange(ceilings.map((one) => (one.key === key ? { ...one, ...what } : one)));
  const add = () => {
    const key = Math.max(-1, ...ceilings.map((one) => one.key)) + 1;
    onChange([...ceilings, { key, amount: undefined, window_days: DAYS }]);
  };
  return (
    <>
      {ceilings.map(({ key, amount, window_days }, row) => (
        <fieldset key={key} className="grid items-end gap-3 sm:grid-cols-[minmax(0,1fr)_8rem_auto]">
          <legend className="sr-only">{t("rules.number", { count: row + 1 })}</legend>
          <Field label={t("rules.most")}>
            {(about) => (
              <MoneyField
                about={about}
                required
                value={amount}
                onChange={(value) => change(key, { amount: (value || undefined) as Money | undefined })}
              />
            )}
          </Field>
          <Field label={t("rules.days")}>
            {(about) => (
              <input
                {...about}
                type="number"
                className="control"
                min={1}
                max={DAYS_MAX}
                required
                value={window_days || ""}
                onChange={(event) => change(key, { window_days: event.target.valueAsNumber || 0 })}
              />
            )}
          </Field>
          <Button kind="bad" onClick={() => onChange(ceilings.filter((one) => one.key !== key))}>
            {t("rules.remove")}
          </Button>
        </fieldset>
      ))}
      <div>
        <Button onClick={add}>{t("rules.add")}</Button>
      </div>
    </>
  );
}
