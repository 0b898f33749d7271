import { expect, test } from "vitest";
import { tierOf } from "@/drafts/tier";
import { gateOf, PURCHASE, UNCERTAIN } from "@/kit/examples";

test("what costs or cannot be undone takes two keys, what the server wants signed a passkey, the rest one", () => {
  const [buy] = PURCHASE.effects;
  if (!buy) throw new Error("no effect");
  const harmless = { ...PURCHASE, effects: [{ ...buy, cost_max: null, payee: null, undo: "Shop.return" }] };
  expect(tierOf(gateOf(harmless))).toBe(1);
  expect(tierOf(gateOf(PURCHASE))).toBe(2);
  expect(tierOf(gateOf({ ...harmless, disclosures: UNCERTAIN.disclosures }))).toBe(2);
  expect(tierOf(gateOf(harmless, { need: { count: 1, roles: ["owner"], passkey: true, separation: false } }))).toBe(3);
});
