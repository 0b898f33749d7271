import type { Gate } from "@/api/queries";
import { capital, deedOf } from "@/drafts/deed";
import { asWords, said, t } from "@/i18n";
import { type Money, money, wallTime } from "@/i18n/spelling";

/** The card that the kernel made, as it goes over the wire. Nothing here is computed but how it is spelt. */
export interface Card {
  title: string;
  rows: Row[];
  effects: Effect[];
  disclosures: { key?: string }[];
}

export interface Row {
  label: string;
  value: Value;
}

export interface Effect {
  name: string;
  operation: string;
  with: string;
  argument: unknown;
  /** Where in the argument the words of a model stand. */
  by_model?: string[];
  /** Fields of the argument that a row shows already, or that only programs read. */
  unlisted?: string[];
  cost_max: Money | null;
  payee: string | null;
  live: boolean;
  undo: string | null;
  purpose: string;
  provider_account: string;
  preconditions: Record<string, unknown>;
}

export type Value =
  | ({ type: "money" } & Money)
  | { type: "model_text"; text: string; model: string }
  | { type: "record"; rows: Row[] }
  | { type: "list"; items: Value[] }
  | { type: "table"; items: [string, Value][] }
  | { type: "yes_no"; yes: boolean }
  | { type: "later" }
  | { type: "secret"; name: string }
  | { type: "number"; number: number }
  | { type: "datetime" | "date" | "time"; iso: string }
  | { type: "word"; key: string }
  | { type: "text"; text: string };

export interface Difference {
  at: string;
  before: string | undefined;
  now: string | undefined;
}

const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d[\d:.]*(Z|[+-]\d\d:\d\d))?$/;

export function cardOf(gate: Gate): Card {
  return gate.card as unknown as Card;
}

/** What the card asks for, in one line: the verb, its object and the numbers. */
export function headingOf(card: Card): string {
  const [first, ...more] = card.effects;
  if (first && more.length === 0) return sentenceOf(first);
  return said(`card.${card.title}`, textsOf(card)) ?? capital(asWords(card.title));
}

function textsOf({ rows }: Card): Record<string, string> {
  const said = rows.flatMap(({ label, value }) =>
    value.type === "text" ? [[label.split(".").pop(), value.text]] : [],
  );
  return Object.fromEntries(said);
}

/** What one effect does. Where a model wrote a part of it, no sentence is made that would hide whose words they are. */
export function sentenceOf(effect: Pick<Effect, "operation" | "argument" | "with" | "by_model">): string {
  const filled = Object.fromEntries(leavesOf(effect.argument).map(([at, text]) => [at, text]));
  const sentence = effect.by_model?.length ? undefined : said(`operation.${effect.operation}`, filled);
  return sentence ?? t("operation.any", { deed: capital(deedOf(effect.operation)), with: effect.with });
}

/** What all effects of these cards may cost at most, one amount for each currency. */
export function totalsOf(...cards: Card[]): Money[] {
  const sums = new Map<string, number>();
  for (const { cost_max: cost } of cards.flatMap((card) => card.effects)) {
    if (cost) sums.set(cost.currency, (sums.get(cost.currency) ?? 0) + cost.minor);
  }
  return [...sums].map(([currency, minor]) => ({ currency, minor }));
}

/** Somebody is paid, and nobody said how much at most. */
export function isUnlimited(card: Card): boolean {
  return card.effects.some((one) => one.payee !== null && one.cost_max === null);
}

export function payeesOf(card: Card): string[] {
  return [...new Set(card.effects.flatMap((one) => (one.payee === null ? [] : [one.payee])))];
}

export function labelOf(label: string): string {
  return said(`label.${label}`) ?? said(`field.${label.split(".").pop() ?? label}`) ?? capital(asWords(label));
}

/** Everything in an argument, each value with its place. */
export function leavesOf(value: unknown, at = ""): [string, string][] {
  if (isMoney(value)) return [[at, money(value)]];
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, at ? `${at}.${name}` : name));
  }
  return [[at, spelt(value)]];
}

/** What an argument says to whoever reads the card; all of it stands in the exact request. */
export function listedOf({ argument, unlisted = [] }: Pick<Effect, "argument" | "unlisted">): [string, string][] {
  return leavesOf(argument).filter(([at]) => !unlisted.includes(at.split(".")[0] ?? at));
}

/** All that the effects of a card would send, for whoever looks for a word of it. */
export function wordsOf(card: Card): string {
  return [headingOf(card), ...card.effects.flatMap((one) => leavesOf(one.argument).map(([, text]) => text))].join(" ");
}

/** Where two cards differ, line by line. */
export function differences(before: Card, now: Card): Difference[] {
  const [old, fresh] = [linesOf(before), linesOf(now)];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((at) => old.get(at) !== fresh.get(at))
    .map((at) => ({ at, before: old.get(at), now: fresh.get(at) }));
}

export function spellValue(value: Value): string {
  switch (value.type) {
    case "money":
      return money(value);
    case "model_text":
    case "text":
      return value.text;
    case "number":
      return String(value.number);
    case "yes_no":
      return t(value.yes ? "yes" : "no");
    case "datetime":
    case "date":
    case "time":
      return wallTime(value.iso);
    case "word":
      return said(`word.${value.key}`) ?? asWords(value.key);
    case "later":
      return t("value.later");
    case "secret":
      return t("value.secret", { name: value.name });
    case "record":
      return value.rows.map((row) => spellValue(row.value)).join(", ");
    case "list":
      return value.items.map(spellValue).join("; ");
    case "table":
      return value.items.map(([key, item]) => `${key}: ${spellValue(item)}`).join("; ");
    default:
      return JSON.stringify(value);
  }
}

function linesOf(card: Card): Map<string, string> {
  const rows = card.rows.map(({ label, value }): [string, string] => [labelOf(label), spellValue(value)]);
  const effects = card.effects.flatMap((one, place) => {
    const twice = card.effects.some((other, at) => at !== place && other.operation === one.operation);
    const deed = twice ? `${deedOf(one.operation)} ${place + 1}` : deedOf(one.operation);
    const lines: [string, string][] = [
      ...listedOf(one).map(([at, text]): [string, string] => [labelOf(at), text]),
      [t("effect.payee"), one.payee ?? t("value.none")],
      [t("effect.with"), one.with],
      [t("effect.cost"), one.cost_max ? money(one.cost_max) : t("value.none")],
    ];
    return lines.map(([at, text]): [string, string] => [`${deed}: ${at}`, text]);
  });
  return new Map([...effects, ...rows]);
}

function spelt(value: unknown): string {
  if (value === null || value === undefined) return t("value.none");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return typeof value === "string" && TIME.test(value) ? wallTime(value) : String(value);
}

function isMoney(value: unknown): value is Money {
  if (typeof value !== "object" || value === null) return false;
  const { minor, currency } = value as Partial<Money>;
  return typeof minor === "number" && typeof currency === "string";
}
