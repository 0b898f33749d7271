import { useState } from "react";
import { minorOf, placesOf } from "@/drafts/amount";
import { t } from "@/i18n";

interface Amount {
  minor?: number;
  currency?: string;
}

/** An amount and its currency; what is sent are whole smallest units, read from the digits that were typed. */
export function MoneyField(props: {
  about: { id: string };
  required: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  const { minor, currency = "EUR" } = (props.value && typeof props.value === "object" ? props.value : {}) as Amount;
  const [typed, setTyped] = useState(minor === undefined ? "" : (minor / 10 ** placesOf(currency)).toString());
  const tell = (text: string, unit: string) => {
    const whole = minorOf(text, unit);
    props.onChange(whole === undefined ? "" : { minor: whole, currency: unit });
  };
  return (
    <div className="flex gap-2">
      <input
        {...props.about}
        className="control flex-1"
        inputMode="decimal"
        required={props.required}
        pattern="\d+([.,]\d+)?"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          tell(event.target.value, currency);
        }}
      />
      <input
        aria-label={t("form.currency")}
        className="control max-w-20 uppercase"
        pattern="[A-Za-z]{3}"
        maxLength={3}
        required={props.required}
        defaultValue={currency}
        onChange={(event) => tell(typed, event.target.value.toUpperCase())}
      />
    </div>
  );
}
