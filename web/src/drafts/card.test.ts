import { expect, test } from "vitest";
import { differences, headingOf, isUnlimited, leavesOf, sentenceOf, totalsOf } from "@/drafts/card";
import { PURCHASE } from "@/kit/examples";

const TABLE = { restaurant: "Luigi", party: 2, name: "Window table", at: "2027-03-05", slot: "w/1" };

test("the heading is the deed with its numbers, from what the kernel put on the card", () => {
  const effect = { operation: "Booking.reserve", with: "town-booking", argument: TABLE };
  expect(sentenceOf(effect)).toBe("Reserve at Luigi for 2: Window table, Friday, March 5, 2027");
});

test("no sentence is made of words that a model wrote", () => {
  const effect = { operation: "Booking.reserve", with: "town-booking", argument: TABLE, by_model: ["name"] };
  expect(sentenceOf(effect)).not.toContain("Window table");
});

test("a deed that nobody has words for is named as it is called", () => {
  expect(headingOf(PURCHASE)).toBe("Buy, through tea-house");
});

test("a sentence with a hole in it is not said", () => {
  const effect = { operation: "Booking.reserve", with: "town-booking", argument: { party: 2 } };
  expect(sentenceOf(effect)).not.toContain("{");
});

test("amounts are added up for each currency alone", () => {
  const [buy] = PURCHASE.effects;
  if (!buy) throw new Error("no effect");
  const yen = { ...buy, name: "wrap", cost_max: { minor: 300, currency: "JPY" } };
  expect(totalsOf({ ...PURCHASE, effects: [buy, buy, yen] })).toEqual([
    { minor: 9_360, currency: "EUR" },
    { minor: 300, currency: "JPY" },
  ]);
  expect(isUnlimited({ ...PURCHASE, effects: [{ ...buy, cost_max: null }] })).toBe(true);
});

test("every value of an argument is shown, at its place", () => {
  expect(leavesOf({ a: { b: [true, null] }, total: { minor: 5, currency: "EUR" } })).toEqual([
    ["a.b.0", "yes"],
    ["a.b.1", "none"],
    ["total", "€0.05"],
  ]);
});

test("two cards differ in the lines that differ, and in no other", () => {
  const [buy] = PURCHASE.effects;
  if (!buy) throw new Error("no effect");
  const dearer = { ...PURCHASE, effects: [{ ...buy, cost_max: { minor: 5_000, currency: "EUR" } }] };
  expect(differences(PURCHASE, PURCHASE)).toEqual([]);
  expect(differences(PURCHASE, dearer)).toEqual([{ at: "buy: Cost", before: "€46.80", now: "€50.00" }]);
});
