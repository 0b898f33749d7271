/** What a value must be before anything is made of it. */
import { type Bytes, ReceiptError, utf8 } from "./bytes.ts";
import { canonical, type Fields, type Json, readCanonical } from "./json.ts";
import type { Event } from "./reading.ts";

const DEPTH_MAX = 64;

/** Require an object, with exactly these fields where they are named. */
export function readObject(value: Json | undefined, what: string, names?: readonly string[]): Fields {
  if (!(value instanceof Map)) throw new ReceiptError(`${what} is not an object`);
  if (names && (value.size !== names.length || !names.every((name) => value.has(name)))) {
    throw new ReceiptError(`${what} must have exactly the keys ${[...names].sort().join(", ")}`);
  }
  return value;
}

/** Require a field; what a fact does not say cannot agree with anything. */
export function field(fields: Fields, name: string): Json {
  const value = fields.get(name);
  if (value === undefined) throw new ReceiptError(`it does not say ${name}`);
  return value;
}

/** Require a text that is not empty. */
export function text(value: Json | undefined, what: string): string {
  if (typeof value !== "string" || !value) throw new ReceiptError(`${what} is not a text`);
  return value;
}

/** Require an integer of at least this size. */
export function whole(value: Json | undefined, what: string, least: number): number {
  if (typeof value !== "number" || value < least) {
    throw new ReceiptError(`${what} is not an integer of at least ${least}`);
  }
  return value;
}

/** Require a text that matches a pattern from end to end. */
export function matching(pattern: RegExp, value: Json | undefined, what: string): string {
  if (typeof value !== "string" || !pattern.test(value)) throw new ReceiptError(`${what} is malformed`);
  return value;
}

/** Read a disclosed part that is a canonical object. */
export function readPart(event: Event, name: string): Fields {
  const value = canonicalObject(event.bodies.get(name) ?? utf8(""));
  if (!value || value.size === 0 || !isShallow(value, DEPTH_MAX)) {
    throw new ReceiptError(`the ${name} is not a canonical object`);
  }
  return value;
}

/** Whether two objects have the same fields, whatever is in them. */
export function haveSameNames(one: Fields, other: Fields): boolean {
  return canonical([...one.keys()]) === canonical([...other.keys()]);
}

function canonicalObject(body: Bytes): Fields | undefined {
  try {
    return readObject(readCanonical(body, ""), "");
  } catch (error) {
    if (error instanceof ReceiptError) return undefined;
    throw error;
  }
}

/** Whether a value is nested no deeper than the log allows. */
function isShallow(value: Json, depth: number): boolean {
  if (!(value instanceof Map) && !Array.isArray(value)) return true;
  return depth > 0 && [...value.values()].every((one) => isShallow(one, depth - 1));
}
