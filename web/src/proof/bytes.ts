/** Bytes, and the one spelling that each of their encodings has. */
export type Bytes = Uint8Array<ArrayBuffer>;

export const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Something in the receipt, or in a key that was given, is wrong; the sentence says what. */
export class ReceiptError extends Error {}

const UTF8 = new TextEncoder();

export function utf8(text: string): Bytes {
  return UTF8.encode(text);
}

/** Hash the pieces, one after another. */
export async function sha256(...pieces: Bytes[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...pieces)));
}

export function joined(...pieces: Bytes[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((length, one) => length + one.length, 0));
  let at = 0;
  for (const one of pieces) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}

/** Spell the length of some bytes, so that no two fields can trade bytes at their border. */
export function uint32(data: Bytes): Bytes {
  const spelt = new Uint8Array(4);
  new DataView(spelt.buffer).setUint32(0, data.length);
  return spelt;
}

export function hex(data: Bytes): string {
  return Array.from(data, (one) => one.toString(16).padStart(2, "0")).join("");
}

export function bytesOfHex(digits: string): Bytes {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function areSame(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** Decode base64 in its one spelling; a lenient decoder ignores stray characters and spare bits. */
export function fromBase64(value: unknown, what: string, length?: number): Bytes {
  if (typeof value !== "string") throw new ReceiptError(`${what} is not a text`);
  if (value.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw new ReceiptError(`${what} is not base64`);
  const data = Uint8Array.from(atob(value), (one) => one.charCodeAt(0));
  if (toBase64(data) !== value) throw new ReceiptError(`${what} is not in the one spelling of base64`);
  if (length !== undefined && data.length !== length) throw new ReceiptError(`${what} is not ${length} bytes`);
  return data;
}

/** Decode base64url without padding, in its one spelling. */
export function fromBase64url(value: unknown, what: string): Bytes {
  if (typeof value !== "string" || !/^[A-Za-z0-9_-]+$/.test(value)) throw new ReceiptError(`${what} is malformed`);
  const padding = "=".repeat((4 - (value.length % 4)) % 4);
  return fromBase64(value.replaceAll("-", "+").replaceAll("_", "/") + padding, what);
}

/** Encode as browsers do: base64url without padding. */
export function toBase64url(data: Bytes): string {
  return toBase64(data).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function toBase64(data: Bytes): string {
  return btoa(Array.from(data, (one) => String.fromCharCode(one)).join(""));
}
