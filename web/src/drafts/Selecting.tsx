import type { Gate } from "@/api/queries";
import { cardOf, headingOf } from "@/drafts/card";
import { TOGETHER_MAX } from "@/drafts/looking";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";

/** Selects a gate, to be decided together with others. */
export function SelectBox(props: { gate: Gate; selected: string[]; onSelect: (selected: string[]) => void }) {
  const { gate, selected } = props;
  const isSelected = selected.includes(gate.id);
  return (
    <label className="flex min-h-11 w-8 shrink-0 items-center justify-center">
      <input
        type="checkbox"
        className="size-5"
        aria-label={t("today.select", { title: headingOf(cardOf(gate)) })}
        checked={isSelected}
        disabled={!isSelected && selected.length >= TOGETHER_MAX}
        onChange={() => props.onSelect(toggled(selected, gate.id))}
      />
    </label>
  );
}

/** How many are selected, and what can be done with them. */
export function SelectedBar(props: { count: number; onDecide: () => void; onClear: () => void }) {
  return (
    <div className="mb-2 flex flex-wrap items-center gap-2 rounded-card border border-accent bg-accent-soft p-2">
      <p role="status" className="min-w-24 flex-1 px-1">
        {t("today.selected", { count: props.count })}
      </p>
      <Button kind="main" cap="Enter" onClick={props.onDecide}>
        {t("today.together")}
      </Button>
      <Button kind="quiet" onClick={props.onClear}>
        {t("today.unselect")}
      </Button>
    </div>
  );
}

export function toggled(selected: string[], gate: string): string[] {
  if (selected.includes(gate)) return selected.filter((one) => one !== gate);
  return [...selected, gate].slice(0, TOGETHER_MAX);
}
