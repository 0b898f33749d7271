import type { Execution, Gate, Told } from "@/api/queries";
import type { Card } from "@/drafts/card";

/** A card as the kernel makes one. */
export const PURCHASE: Card = {
  title: "purchase",
  rows: [
    { label: "purchase.options", value: { type: "list", items: [option("Oolong", 1_490), option("Sencha", 1_250)] } },
    {
      label: "purchase.note",
      value: { type: "model_text", model: "a reader of words", text: "The oolong was praised most." },
    },
  ],
  effects: [
    {
      name: "buy",
      operation: "Shop.buy",
      with: "tea-house",
      argument: {
        item: "Oolong, 250 g",
        shop: "Karl's Tea House",
        total: { minor: 4_680, currency: "EUR" },
        to: "Ana Weber",
      },
      cost_max: { minor: 4_680, currency: "EUR" },
      payee: "Karl's Tea House",
      live: false,
      undo: null,
      purpose: "tea for October",
      provider_account: "haloop",
      preconditions: {},
    },
  ],
  disclosures: [],
};

export const UNCERTAIN: Card = { ...PURCHASE, disclosures: [{ key: "uncertain_before" }] };

export function gateOf(card: Card, more: Partial<Gate> = {}): Gate {
  const opened = Date.now() - 3_600_000;
  const expires = Date.now() + 5_400_000;
  return {
    id: "gate_00000000000000000000000000000001_1",
    run: "run_00000000000000000000000000000001",
    revision: 1,
    draft: "6dd86cd566a051fb25ed8b173b130b49293476fa2b5677327a9bac65da4be851",
    card_hash: "1ecb9bfdea35db02043b136745366dc7dbcb6d36bc5399ab351456b3e830a120",
    card: card as unknown as Gate["card"],
    status: "open",
    need: { count: 1, roles: ["approver", "owner"], passkey: false, separation: false },
    yeses: [],
    must_read: card.disclosures.length > 0,
    opened_at: new Date(opened).toISOString(),
    expires_at: new Date(expires).toISOString(),
    expires: expires * 1_000,
    change_takes: {
      type: "object",
      title: "Change",
      properties: { quantity: { type: "integer", minimum: 1, maximum: 9, default: 1 } },
    },
    ...more,
  };
}

export const EXECUTION: Execution = {
  run: "run_00000000000000000000000000000001",
  desk: "errands",
  procedure: "buy",
  asked: { item: "Oolong" },
  words: ["the usual oolong, please"],
  taken: [],
  through: "",
  reader: { name: "builtin", instead: "" },
  asked_by: "agent:shopper",
  gate: "gate_00000000000000000000000000000001_1",
  revision: 1,
  effect: "buy",
  operation: "Shop.buy",
  connector: "tea-house",
  live: false,
  approved: { item: "Oolong, 250 g", shop: "Karl's Tea House" },
  executed: { item: "Oolong, 250 g", shop: "Karl's Tea House" },
  approved_by: ["person:per_1"],
  shown_at: "2026-11-02T09:14:00.000Z",
  approved_at: "2026-11-02T09:14:38.000Z",
  confirmation_seconds: 38,
  begun_at: "2026-11-02T09:14:38.000Z",
  ended_at: "2026-11-02T09:14:39.000Z",
  outcome: "happened",
  reason: null,
  charged: { minor: 4_680, currency: "EUR" },
  exceeded: false,
  attempts: 1,
  receipt: null,
};

export const TRAIL: Told[] = [
  told(1, "run.started", "agent:shopper"),
  told(2, "gate.opened", "kernel"),
  told(3, "gate.approved", "person:per_1"),
  told(4, "effect.intended", "kernel"),
  told(5, "effect.uncertain", "kernel", { sentence: "The line broke." }),
  told(6, "effect.happened", "kernel"),
  told(7, "run.ended", "kernel", { reason: "It happened." }),
];

function told(index: number, kind: string, actor: string, says: Told["says"] = {}): Told {
  return { index, kind, actor, says, at: "2026-11-02T09:14:38.000Z" };
}

function option(name: string, minor: number): Card["rows"][number]["value"] {
  return {
    type: "record",
    rows: [
      { label: "option.name", value: { type: "text", text: name } },
      { label: "option.price", value: { type: "money", minor, currency: "EUR" } },
    ],
  };
}
