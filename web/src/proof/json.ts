/**
 * JSON that can mean only one thing. `JSON.parse` takes the last of two fields of one name, and rounds numbers: two
 * readers could see two things in one file, and a changed file could pass for the original.
 */
import { type Bytes, ReceiptError, utf8 } from "./bytes.ts";

/** A value; an object's fields are in canonical order (RFC 8785: by UTF-16 code units). */
export type Json = null | boolean | number | string | Json[] | Fields;
export type Fields = Map<string, Json>;

const DEPTH_MAX = 900;
const WORDS = new Map<string, Json>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const ESCAPES: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", "/": "/" };

/** Read JSON without duplicate names, without floats, and without halves of characters. */
export function parse(data: Bytes): Json {
  return new Reader(decoded(data)).whole();
}

/** Read JSON that must be spelled canonically, since its bytes are what was hashed. */
export function readCanonical(data: Bytes, what: string): Json {
  const value = parse(data);
  if (canonical(value) !== decoded(data)) throw new ReceiptError(`${what} is not canonical JSON`);
  return value;
}

/** Spell a value canonically. */
export function canonical(value: Json): string {
  if (value instanceof Map) {
    return `{${[...value].map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(",")}}`;
  }
  return Array.isArray(value) ? `[${value.map(canonical).join(",")}]` : JSON.stringify(value);
}

export function canonicalBytes(value: Json): Bytes {
  return utf8(canonical(value));
}

/** Compare as the log does, by canonical bytes. */
export function differ(one: Json, other: Json): boolean {
  return canonical(one) !== canonical(other);
}

/** Order fields as the canonical form has them. */
export function sorted(fields: Iterable<[string, Json]>): Fields {
  return new Map([...fields].sort(([one], [other]) => (one < other ? -1 : 1)));
}

export function decoded(data: Bytes): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw unreadable("it is not UTF-8");
  }
}

function unreadable(why: string): ReceiptError {
  return new ReceiptError(`its JSON cannot be read strictly: ${why}`);
}

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  whole(): Json {
    const value = this.value(0);
    this.take(/[ \t\n\r]*/y);
    if (this.at < this.text.length) throw unreadable("something comes after its end");
    return value;
  }

  private value(depth: number): Json {
    if (depth > DEPTH_MAX) throw new ReceiptError("its JSON is nested too deeply");
    this.take(/[ \t\n\r]*/y);
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.list(depth);
      case '"':
        return this.string();
      default:
        return this.wordOrNumber();
    }
  }

  private object(depth: number): Fields {
    const fields: [string, Json][] = [];
    this.items("}", () => {
      if (this.text[this.at] !== '"') throw unreadable("a name is missing");
      const name = this.string();
      if (!this.take(/[ \t\n\r]*:/y)) throw unreadable("a colon is missing");
      fields.push([name, this.value(depth + 1)]);
    });
    const result = sorted(fields);
    // One reader would take the first, another the last.
    if (result.size !== fields.length) throw unreadable("a key appears twice");
    return result;
  }

  private list(depth: number): Json[] {
    const values: Json[] = [];
    this.items("]", () => values.push(this.value(depth + 1)));
    return values;
  }

  private items(end: string, readOne: () => void): void {
    this.at += 1;
    this.take(/[ \t\n\r]*/y);
    if (this.text[this.at] === end) {
      this.at += 1;
      return;
    }
    for (;;) {
      this.take(/[ \t\n\r]*/y);
      readOne();
      this.take(/[ \t\n\r]*/y);
      const next = this.text[this.at];
      this.at += 1;
      if (next === end) return;
      if (next !== ",") throw unreadable("a comma is missing");
    }
  }

  private string(): string {
    this.at += 1;
    let value = "";
    for (;;) {
      value += this.take(/[^"\\\x00-\x1f]+/y) ?? "";
      const next = this.text[this.at];
      this.at += 1;
      if (next === '"') break;
      if (next !== "\\") throw unreadable("a text does not end");
      value += this.escape();
    }
    if (!value.isWellFormed()) throw unreadable("a text holds half a character");
    return value;
  }

  private escape(): string {
    const name = this.take(/["\\/bfnrt]|u[0-9a-fA-F]{4}/y);
    if (name === undefined) throw unreadable("a text holds an unknown escape");
    return ESCAPES[name] ?? String.fromCharCode(Number.parseInt(name.slice(1), 16));
  }

  private wordOrNumber(): Json {
    const word = WORDS.get(this.take(/true|false|null/y) ?? "");
    return word === undefined ? this.number() : word;
  }

  private number(): number {
    const digits = this.take(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y);
    if (digits === undefined) throw unreadable("a value is missing");
    // A float's canonical spelling differs between languages.
    if (/[.eE]/.test(digits)) throw unreadable(`${digits.slice(0, 20)} is not an integer`);
    if (!Number.isSafeInteger(Number(digits))) throw unreadable("an integer is too large");
    return Number(digits) || 0; // minus zero is zero
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }
}
