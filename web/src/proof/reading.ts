/**
 * A receipt's file, read strictly: every byte of it is either hashed, signed, or has one permitted spelling. Nothing
 * that is read here is believed yet.
 */
import { type Bytes, bytesOfHex, FILE_BYTES_MAX, fromBase64, ReceiptError, sha256, uint32, utf8 } from "./bytes.ts";
import { canonical, decoded, type Fields, type Json, parse, readCanonical } from "./json.ts";
import { matching, readObject, text, whole } from "./shape.ts";

/** What the log hashed about one event; the parts stay outside and can be disclosed one by one. */
export interface Header {
  account: string;
  actor: string;
  kind: string;
  payload: string;
  prev: string;
  runId: string;
  runSeq: number;
  /** Microseconds since 1970. */
  ts: number;
  leaf: Bytes;
}

/** One signature line of a checkpoint. */
export interface Signature {
  name: string;
  keyId: Bytes;
  signature: Bytes;
}

/** A signed tree head: the signed text, what it says, and the signature lines under it. */
export interface Checkpoint {
  text: Bytes;
  origin: string;
  size: bigint;
  root: Bytes;
  signatures: Signature[];
}

/** Where an event lies in the tree: its place, its path to the root, and the signed head. */
export interface Proof {
  leafIndex: bigint;
  path: Bytes[];
  checkpoint: Checkpoint;
}

export interface Event {
  header: Header;
  parts: Fields;
  salts: Map<string, Bytes>;
  bodies: Map<string, Bytes>;
  proof: Proof;
}

const FORMAT = "haloop/receipt/1";
const SIGNATURES_MAX = 64;
const HEADER = ["account", "actor", "kind", "payload", "prev", "run_id", "run_seq", "ts"];
const HASH = /^[0-9a-f]{64}$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;
const NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
const ORIGIN = /^haloop\.local\/[A-Za-z0-9_.~-]+(?:\/(?:[2-9]|[1-9][0-9]{1,8}))?$/;

/** Read the outermost object: the log's origin and the events, unread. */
export function readFile(data: Bytes): { origin: string; items: Json[] } {
  if (data.length > FILE_BYTES_MAX) throw new ReceiptError("the file is too large");
  const value = parse(data);
  if (!(value instanceof Map) || value.get("format") !== FORMAT) {
    throw new ReceiptError(`its "format" is not "${FORMAT}"`);
  }
  const fields = readObject(value, "the file", ["events", "format", "origin"]);
  if (`${asAscii(fields)}\n` !== decoded(data)) {
    throw new ReceiptError("it is not in the one permitted form: compact, sorted, ASCII, one newline at the end");
  }
  const items = fields.get("events");
  if (!Array.isArray(items) || items.length === 0) throw new ReceiptError("it holds no events");
  return { origin: matching(ORIGIN, fields.get("origin"), "the origin"), items };
}

function asAscii(value: Json): string {
  return canonical(value).replace(/[^\x00-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Read one event of the file. */
export async function readEvent(item: Json): Promise<Event> {
  const fields = readObject(item, "the event", ["disclosed", "header", "parts", "proof"]);
  const parts = readObject(fields.get("parts"), "the list of parts");
  for (const [name, value] of parts) {
    matching(NAME, name, "a part's name");
    matching(HASH, value, `the hash of part ${name}`);
  }
  const [salts, bodies] = [new Map<string, Bytes>(), new Map<string, Bytes>()];
  for (const [name, value] of readObject(fields.get("disclosed"), "the disclosed parts")) {
    if (!parts.has(name)) throw new ReceiptError(`it discloses ${name}, which is none of its parts`);
    const disclosed = readObject(value, `the disclosed part ${name}`, ["body", "salt"]);
    salts.set(name, fromBase64(disclosed.get("salt"), `the salt of ${name}`, 32));
    bodies.set(name, fromBase64(disclosed.get("body"), `the body of ${name}`));
  }
  const header = await readHeader(utf8(text(fields.get("header"), "the header")));
  return { header, parts, salts, bodies, proof: readProof(text(fields.get("proof"), "the proof")) };
}

/** Read an event's header, which must be canonical, and compute its leaf hash. */
async function readHeader(data: Bytes): Promise<Header> {
  const value = readCanonical(data, "the header");
  const hasClaim = value instanceof Map && value.has("claim");
  const fields = readObject(value, "the header", hasClaim ? [...HEADER, "claim"] : HEADER);
  if (hasClaim) matching(HASH, fields.get("claim"), "claim");
  const ts = whole(fields.get("ts"), "ts", 0);
  return {
    account: text(fields.get("account"), "account"),
    actor: text(fields.get("actor"), "actor"),
    kind: text(fields.get("kind"), "kind"),
    payload: matching(HASH, fields.get("payload"), "payload"),
    prev: matching(HASH, fields.get("prev"), "prev"),
    runId: text(fields.get("run_id"), "run_id"),
    runSeq: whole(fields.get("run_seq"), "run_seq", 1),
    ts,
    // 0x00 marks a leaf (RFC 6962), 0x01 is the version of the header's layout.
    leaf: await sha256(bytesOfHex("0001"), uint32(data), data),
  };
}

/** Read a proof in the format c2sp.org/tlog-proof@v1. */
function readProof(proof: string): Proof {
  if (/[\x00-\x09\x0b-\x1f]/.test(proof)) throw new ReceiptError("its proof contains control characters");
  const [top, note] = parted(proof, proof.indexOf("\n\n"));
  const [first, index, ...path] = top.split("\n");
  // The format allows an "extra" line that nobody signs. A receipt has no use for one, so it is refused.
  if (first !== "c2sp.org/tlog-proof@v1" || !index?.startsWith("index ")) {
    throw new ReceiptError("its proof is not a c2sp.org/tlog-proof@v1 with an index");
  }
  return {
    leafIndex: BigInt(matching(DECIMAL, index.slice("index ".length), "the index")),
    path: path.map((line) => fromBase64(line, "a hash of its path", 32)),
    checkpoint: readCheckpoint(note),
  };
}

/** Read a checkpoint (c2sp.org/tlog-checkpoint), which is a signed note (c2sp.org/signed-note). */
function readCheckpoint(note: string): Checkpoint {
  const border = note.lastIndexOf("\n\n");
  const [body, signatures] = border < 0 ? ["", note] : parted(note, border);
  const lines = body.split("\n");
  if (lines.length < 3 || lines.includes("") || !signatures.endsWith("\n")) {
    throw new ReceiptError("its checkpoint is not a signed note of at least three lines");
  }
  const signatureLines = signatures.slice(0, -1).split("\n");
  if (signatureLines.length > SIGNATURES_MAX) throw new ReceiptError("its checkpoint carries too many signatures");
  return {
    text: utf8(`${body}\n`),
    origin: lines[0] ?? "",
    size: BigInt(matching(DECIMAL, lines[1], "the checkpoint's size")),
    root: fromBase64(lines[2], "the checkpoint's root", 32),
    signatures: signatureLines.map(readSignature),
  };
}

/** Read one signature line of a note. */
function readSignature(line: string): Signature {
  const [, name, encoded] = /^— ((?:[^\s+\x1c-\x1f\x85]|\ufeff)+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  if (name === undefined) throw new ReceiptError("a signature line of its checkpoint is malformed");
  const data = fromBase64(encoded, "a signature of its checkpoint");
  if (data.length < 5) throw new ReceiptError("a signature of its checkpoint is too short");
  return { name, keyId: data.slice(0, 4), signature: data.slice(4) };
}

function parted(whole: string, border: number): [string, string] {
  return border < 0 ? [whole, ""] : [whole.slice(0, border), whole.slice(border + 2)];
}
