/** Keys as a reader has them from somewhere they trust, and the two kinds of signature, by WebCrypto alone. */
import { areSame, type Bytes, bytesOfHex, fromBase64, hex, joined, ReceiptError, sha256, utf8 } from "./bytes.ts";

/** The log's verifier key. */
export interface LogKey {
  name: string;
  keyId: Bytes;
  publicKey: Bytes;
}

/** A person's passkey; the algorithm is its WebAuthn number. */
export interface PersonKey {
  algorithm: number;
  publicKey: Bytes;
}

export const ES256 = -7;
export const EDDSA = -8;

const ED_PRIME = 2n ** 255n - 19n;
const OF_ORDER_EIGHT = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
/** The heights of the points under which one signature fits many messages. */
const SMALL_ORDER = new Set([0n, 1n, ED_PRIME - 1n, OF_ORDER_EIGHT, ED_PRIME - OF_ORDER_EIGHT]);

/** A key that is certainly one. */
const BASE_POINT = Uint8Array.of(0x58, ...new Array<number>(31).fill(0x66));

/** Whether this browser, at this address, can check a receipt at all. */
export async function canCheck(): Promise<boolean> {
  try {
    await crypto.subtle.importKey("raw", BASE_POINT, "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** Read a verifier key (c2sp.org/signed-note): name, id and Ed25519 key, joined by plus signs. */
export async function readLogKey(key: string): Promise<LogKey> {
  const [, name, id, encoded] = /^((?:[^\s+\x1c-\x1f\x85]|\ufeff)+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(key) ?? [];
  const data = fromBase64(encoded ?? "", "--key");
  if (name === undefined || id === undefined || data.length !== 33 || data[0] !== 0x01) {
    throw new ReceiptError("--key is not an Ed25519 verifier key (name+id+base64)");
  }
  const keyId = bytesOfHex(id);
  if (!areSame(keyId, (await sha256(utf8(`${name}\n`), data)).slice(0, 4))) {
    throw new ReceiptError("--key is damaged: its id is not that of its name and key");
  }
  return { name, keyId, publicKey: data.slice(1) };
}

/** Read a person's public key: es256 with an uncompressed point, or eddsa with 32 bytes. */
export function readPersonKey(key: string): PersonKey {
  const [kind, encoded] = [key.split(":", 1)[0], key.slice(key.indexOf(":") + 1)];
  if (kind === "es256") return { algorithm: ES256, publicKey: fromBase64(encoded, "--person", 65) };
  if (kind === "eddsa") return { algorithm: EDDSA, publicKey: fromBase64(encoded, "--person", 32) };
  throw new ReceiptError('--person must begin with "es256:" or "eddsa:"');
}

/** Verify an Ed25519 signature; a key that fits anything, or is spelled in a second way, is refused here. */
export async function verifyEd25519(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const height = BigInt(`0x${hex(publicKey.toReversed())}`) & (2n ** 255n - 1n);
  if (height >= ED_PRIME || SMALL_ORDER.has(height)) return false;
  return isSigned("Ed25519", publicKey, signature, message);
}

/** Verify an ECDSA signature in DER by an uncompressed P-256 key. */
export async function verifyP256(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  const numbers = numbersOf(signature);
  if (!numbers || publicKey.length !== 65 || publicKey[0] !== 4) return false;
  return isSigned({ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, publicKey, numbers, message);
}

async function isSigned(
  algorithm: "Ed25519" | (EcKeyImportParams & EcdsaParams),
  publicKey: Bytes,
  signature: Bytes,
  message: Bytes,
): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, key, signature, message);
  } catch (error) {
    if (error instanceof DOMException) return false; // what is no point of the curve is no key
    throw error;
  }
}

/** Both numbers of a signature in DER, as WebCrypto takes them, or nothing where that is not their one spelling. */
function numbersOf(data: Bytes): Bytes | undefined {
  const endOfFirst = 4 + (data[3] ?? 0);
  const numbers = [data.slice(4, endOfFirst), data.slice(endOfFirst + 2)].map((one) =>
    one[0] === 0 ? one.slice(1) : one,
  );
  if (numbers.some((one) => one.length > 32)) return undefined;
  const inner = joined(...numbers.map(spelledInDer));
  if (!areSame(joined(Uint8Array.of(0x30, inner.length), inner), data)) return undefined;
  return joined(...numbers.map((one) => joined(new Uint8Array(32 - one.length), one)));
}

/** A leading zero keeps a number from reading as negative. */
function spelledInDer(number: Bytes): Bytes {
  const digits = number.length === 0 || (number[0] ?? 0) >= 0x80 ? joined(Uint8Array.of(0), number) : number;
  return joined(Uint8Array.of(0x02, digits.length), digits);
}
