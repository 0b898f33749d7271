import { region } from "@/i18n";

export interface Money {
  minor: number;
  currency: string;
}

/** An amount as its reader's language spells it. It is never a fraction of anything: digits are only moved. */
export function money(amount: Money): string {
  return moneyIn(region(), amount);
}

/** The same, for a reader somewhere. */
export function moneyIn(where: string, { minor, currency }: Money): string {
  const spelling = new Intl.NumberFormat(where, { style: "currency", currency });
  const places = spelling.resolvedOptions().maximumFractionDigits ?? 2;
  const digits = String(Math.abs(minor)).padStart(places + 1, "0");
  const whole = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
  return spelling.format(`${minor < 0 ? "-" : ""}${whole}` as Intl.StringNumericLiteral);
}

/** A moment as the reader's own clock has it. */
export function moment(iso: string): string {
  return new Intl.DateTimeFormat(region(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** The time of day alone, for what happened today. */
export function clock(iso: string): string {
  return new Intl.DateTimeFormat(region(), { timeStyle: "short" }).format(new Date(iso));
}

/** A time as it was written, in its own place: a table at seven is at seven there, wherever its reader sits. */
export function wallTime(iso: string): string {
  const [, date, time, offset] = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)[\d:.]*)?(Z|[+-]\d\d:\d\d)?$/.exec(iso) ?? [];
  if (!date) return iso;
  const there = new Date(`${date}T${time ?? "00:00"}:00Z`);
  const style: Intl.DateTimeFormatOptions = { dateStyle: "full", timeZone: "UTC" };
  const spelt = new Intl.DateTimeFormat(region(), time ? { ...style, timeStyle: "short" } : style).format(there);
  return offset && time && !isOwn(iso, offset) ? `${spelt} (UTC${offset === "Z" ? "" : offset})` : spelt;
}

function isOwn(iso: string, offset: string): boolean {
  const minutes = -new Date(iso).getTimezoneOffset();
  const [hours = 0, rest = 0] = offset === "Z" ? [0, 0] : offset.slice(1).split(":").map(Number);
  return (offset.startsWith("-") ? -1 : 1) * (hours * 60 + rest) === minutes;
}
