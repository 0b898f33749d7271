import { expect, test } from "vitest";
import { minorOf } from "@/drafts/amount";
import { choicesOf } from "@/drafts/choices";
import { beginning, controlOf, meant, type Schema, sent } from "@/drafts/schema";
import { PURCHASE } from "@/kit/examples";

const WISH: Schema = {
  type: "object",
  $defs: { Size: { enum: ["small", "large"], type: "string" } },
  properties: {
    place: { type: "string" },
    size: { $ref: "#/$defs/Size" },
    at: { type: "string", format: "date-time" },
    note: { anyOf: [{ type: "string" }, { type: "null" }] },
    limit: { type: "object", properties: { minor: { type: "integer" }, currency: { type: "string" } } },
    more: { type: "object", properties: { loud: { type: "boolean", default: true } } },
  },
};

test("an amount is read from its digits, and what is no amount is none", () => {
  expect(["46.80", "46,8", "46", "0.05"].map((one) => minorOf(one, "EUR"))).toEqual([4_680, 4_680, 4_600, 5]);
  expect(["", "1.234", "12 000", "-5", "1e3"].map((one) => minorOf(one, "EUR"))).toEqual(Array(5).fill(undefined));
  expect(minorOf("1500", "JPY")).toBe(1_500);
  expect(minorOf("1500.5", "JPY")).toBeUndefined();
});

test("a schema asks for what it takes, wherever it is described", () => {
  const controls = Object.values(WISH.properties ?? {}).map((one) => controlOf(meant(one, WISH)));
  expect(controls).toEqual(["text", "choice", "moment", "text", "money", "group"]);
});

test("a form begins with what the schema says, and leaves out what is left empty", () => {
  const begun = beginning(WISH, WISH) as Record<string, unknown>;
  expect(begun).toMatchObject({ place: "", size: "small", note: null, more: { loud: true } });
  const told = sent({ ...begun, at: "2027-03-05T19:00", note: "" }, WISH, WISH) as Record<string, unknown>;
  expect(told.note).toBeNull();
  expect(told.at).toMatch(/^2027-03-05T19:00:00[+-]\d\d:\d\d$/);
});

test("a change that names one of the things on the card is a choice between them", () => {
  const takes: Schema = { type: "object", properties: { name: { type: "string" } } };
  const choices = choicesOf(takes, PURCHASE);
  expect(choices?.options.map((one) => one.key)).toEqual(["Oolong", "Sencha"]);
  expect(choicesOf({ type: "object", properties: { quantity: { type: "integer" } } }, PURCHASE)).toBeUndefined();
  expect(choicesOf({ type: "integer" }, PURCHASE)).toBeUndefined();
});
