import { Minus, Plus } from "lucide-react";
import { useRef, useState } from "react";
import { type Item, itemsOf, QUANTITY_MAX, within } from "@/desks/errands/order";
import type { CanvasProps } from "@/drafts/canvases";
import { t } from "@/i18n";

/** More or fewer of what is to be ordered; what that costs, only the shop says. */
export default function Quantities({ card, onChange }: CanvasProps) {
  const items = itemsOf(card);
  const [quantities, setQuantities] = useState(() => Object.fromEntries(items.map((one) => [one.name, one.quantity])));
  const set = (name: string, quantity: number) => {
    const next = { ...quantities, [name]: within(quantity) };
    const other = items.filter((one) => next[one.name] !== one.quantity).map((one) => [one.name, next[one.name]]);
    setQuantities(next);
    onChange(other.length > 0 ? { quantities: Object.fromEntries(other) } : undefined);
  };
  return (
    <fieldset>
      <legend className="mb-2 text-sm font-medium">{t("errands.quantities")}</legend>
      <ul className="grid gap-2">
        {items.map((item) => (
          <Stepper
            key={item.name}
            item={item}
            quantity={quantities[item.name] ?? item.quantity}
            onSet={(quantity) => set(item.name, quantity)}
          />
        ))}
      </ul>
    </fieldset>
  );
}

interface StepperProps {
  item: Item;
  quantity: number;
  onSet: (quantity: number) => void;
}

function Stepper({ item: { name, quantity: was }, quantity, onSet }: StepperProps) {
  const field = useRef<HTMLInputElement>(null);
  // A press writes into the field as typing does, so that whoever minds what was written minds it too.
  const press = (by: "stepUp" | "stepDown") => {
    field.current?.[by]();
    field.current?.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const step =
    "grid size-9 shrink-0 place-items-center rounded-control border border-edge bg-panel hover:bg-sunk disabled:opacity-50 pointer-coarse:size-12";
  return (
    <li className="flex flex-wrap items-center justify-end gap-x-4 gap-y-1 rounded-control border border-line px-3 py-2">
      <span className="min-w-40 flex-1 [overflow-wrap:anywhere]">
        {name}
        {quantity !== was && (
          <span className="block text-sm text-ink2">
            {quantity === 0 ? t("errands.left_out") : t("errands.was", { quantity: was })}
          </span>
        )}
      </span>
      <span className="flex items-center gap-1">
        <button
          type="button"
          className={step}
          aria-label={t("errands.fewer", { name })}
          disabled={quantity === 0}
          onClick={() => press("stepDown")}
        >
          <Minus size={18} aria-hidden />
        </button>
        <input
          ref={field}
          type="number"
          inputMode="numeric"
          required
          min={0}
          max={QUANTITY_MAX}
          className="control w-16 text-center"
          aria-label={name}
          value={quantity}
          onChange={(event) => onSet(event.target.valueAsNumber)}
        />
        <button
          type="button"
          className={step}
          aria-label={t("errands.more", { name })}
          disabled={quantity === QUANTITY_MAX}
          onClick={() => press("stepUp")}
        >
          <Plus size={18} aria-hidden />
        </button>
      </span>
    </li>
  );
}
