import { type Card, labelOf, type Row, spellValue } from "@/drafts/card";
import { capital } from "@/drafts/deed";
import type { Schema } from "@/drafts/schema";

export interface Choices {
  /** The one field of the change. */
  field: string;
  /** What is chosen from, as the card calls it. */
  name: string;
  options: { key: string; says: string; isNow: boolean }[];
}

/**
 * Where a change names one of the things that the card lists, those things are what there is to choose from: the field
 * and the list's records have the name in common, and every record another value for it.
 */
export function choicesOf(schema: Schema, card: Card): Choices | undefined {
  const [field, ...more] = Object.keys(schema.properties ?? {});
  if (field === undefined || more.length > 0) return undefined;
  for (const { label, value } of card.rows) {
    const records = value.type === "list" ? value.items.filter((one) => one.type === "record") : [];
    const keys = records.map((one) => keyOf(one.rows, field));
    if (records.length === 0 || keys.includes(undefined) || new Set(keys).size < keys.length) continue;
    const sent = JSON.stringify(card.effects.map((one) => one.argument));
    return {
      field,
      name: labelOf(label),
      options: records.map((one) => {
        const key = keyOf(one.rows, field) ?? "";
        return { key, says: capital(saysOf(one.rows, field)), isNow: sent.includes(JSON.stringify(key)) };
      }),
    };
  }
  return undefined;
}

function keyOf(rows: Row[], field: string): string | undefined {
  const found = rows.find((row) => row.label.split(".").pop() === field)?.value;
  return found?.type === "text" ? found.text : undefined;
}

function saysOf(rows: Row[], field: string): string {
  const [shown, numbers] = [rows.filter((row) => row.label.split(".").pop() !== field), ["number", "yes_no"]];
  return shown
    .map(({ label, value }) =>
      numbers.includes(value.type) ? `${labelOf(label)}: ${spellValue(value)}` : spellValue(value),
    )
    .join(", ");
}
