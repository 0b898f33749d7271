import type { Card } from "@/drafts/card";

export const QUANTITY_MAX = 99;

export interface Item {
  name: string;
  quantity: number;
}

/** What an order is of, as it would be sent. */
export function itemsOf(card: Card): Item[] {
  const sent = card.effects[0]?.argument as { items?: Item[] } | undefined;
  return sent?.items ?? [];
}

/** A quantity that an order takes; an empty field is none. */
export function within(quantity: number): number {
  return Math.max(0, Math.min(QUANTITY_MAX, Math.trunc(quantity || 0)));
}
