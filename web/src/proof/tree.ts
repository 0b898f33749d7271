/** Whether each event lies in the tree of its checkpoint, is what it committed to, and follows the one before it. */
import { areSame, type Bytes, bytesOfHex, hex, ReceiptError, sha256, uint32, utf8 } from "./bytes.ts";
import { canonicalBytes } from "./json.ts";
import { type LogKey, verifyEd25519 } from "./keys.ts";
import type { Checkpoint, Event, Proof } from "./reading.ts";

const LEFT = bytesOfHex("01");

/** What earlier events of the file have said, so that a later one cannot contradict them. */
export class Seen {
  readonly indexes = new Set<bigint>();
  readonly lastOfRun = new Map<string, Event>();
  /** The tree's root at each size. */
  readonly roots = new Map<bigint, Bytes>();
  /** Who is said to have signed, where no key was given. */
  readonly signers = new Set<string>();
  /** Whoever else signed a checkpoint: nobody is asked whether that is true. */
  readonly witnesses = new Set<string>();
}

/** Check one event against itself, against its checkpoint, and against the events before it. */
export async function checkEvent(event: Event, origin: string, key: LogKey | undefined, seen: Seen): Promise<void> {
  const { header, proof } = event;
  if (origin.split("/")[1] !== header.account) {
    throw new ReceiptError(`it belongs to account ${header.account}, not to ${origin}`);
  }
  await checkParts(event);
  if (proof.checkpoint.origin !== origin) {
    throw new ReceiptError(`its checkpoint is of another log, ${proof.checkpoint.origin}`);
  }
  if (!areSame(await rootOf(header.leaf, proof), proof.checkpoint.root)) {
    throw new ReceiptError("it is not in the tree of its checkpoint");
  }
  checkOrder(event, seen);
  const known = seen.roots.get(proof.checkpoint.size) ?? proof.checkpoint.root;
  seen.roots.set(proof.checkpoint.size, known);
  if (!areSame(known, proof.checkpoint.root)) {
    throw new ReceiptError("its checkpoint contradicts an earlier one of the same size: the log shows two histories");
  }
  await checkSignature(proof.checkpoint, key, seen);
}

/** Check that the header commits to the named parts, and that each disclosed body is its part. */
async function checkParts({ header, parts, salts, bodies }: Event): Promise<void> {
  if (hex(await sha256(utf8("haloop/payload/1"), canonicalBytes(parts))) !== header.payload) {
    throw new ReceiptError("its parts are not the ones its header commits to");
  }
  for (const [name, body] of bodies) {
    const [salt, label] = [salts.get(name) ?? utf8(""), utf8(name)];
    if (hex(await sha256(utf8("haloop/part/1"), salt, uint32(label), label, body)) !== parts.get(name)) {
      throw new ReceiptError(`the disclosed part ${name} is not the one that was recorded`);
    }
  }
}

/** Climb from a leaf to the root of its tree, as RFC 6962 builds it. */
async function rootOf(leaf: Bytes, { leafIndex, path, checkpoint }: Proof): Promise<Bytes> {
  let [place, last, node] = [leafIndex, checkpoint.size - 1n, leaf];
  if (place > last) throw new ReceiptError("its index lies beyond the end of its checkpoint's tree");
  for (const sibling of path) {
    if (last === 0n) throw new ReceiptError("its path is longer than the tree is high");
    // The byte 0x01 marks an inner node: without it, an inner node could be passed off as a leaf.
    if (place & 1n || place === last) {
      node = await sha256(LEFT, sibling, node);
      while (!(place & 1n) && place) [place, last] = [place >> 1n, last >> 1n]; // levels without a sibling
    } else {
      node = await sha256(LEFT, node, sibling);
    }
    [place, last] = [place >> 1n, last >> 1n];
  }
  if (last) throw new ReceiptError("its path ends below the root of the tree");
  return node;
}

/** Check the event's place against the events before it in the file, and its link to its predecessor. */
function checkOrder(event: Event, seen: Seen): void {
  const { header } = event;
  const index = event.proof.leafIndex;
  if (seen.indexes.has(index)) throw new ReceiptError("another event of this file has the same index");
  seen.indexes.add(index);
  if (header.runSeq === 1 && header.prev !== "0".repeat(64)) {
    throw new ReceiptError("it is the first of its run and yet names a predecessor");
  }
  const earlier = seen.lastOfRun.get(header.runId);
  seen.lastOfRun.set(header.runId, event);
  if (!earlier) return;
  if (header.runSeq <= earlier.header.runSeq) {
    throw new ReceiptError("its run_seq does not come after the one before it in the file");
  }
  if (index <= earlier.proof.leafIndex) throw new ReceiptError("its index contradicts the order of its run");
  if (header.runSeq === earlier.header.runSeq + 1 && header.prev !== hex(earlier.header.leaf)) {
    throw new ReceiptError("it does not follow its predecessor: the hash it names is another event's");
  }
}

/** Check that the log signed the checkpoint; signatures of others (witnesses) are only named. */
async function checkSignature(checkpoint: Checkpoint, key: LogKey | undefined, seen: Seen): Promise<void> {
  const { origin, signatures } = checkpoint;
  for (const { name } of signatures) if (name !== origin) seen.witnesses.add(name);
  if (!key) {
    const own = signatures.filter((line) => line.name === origin);
    if (own.length === 0) throw new ReceiptError("its checkpoint carries no signature in the log's name");
    for (const line of own) seen.signers.add(`${line.name}+${hex(line.keyId)}`);
    return;
  }
  if (key.name !== origin) {
    throw new ReceiptError(`its checkpoint is of ${origin}; the key given speaks for ${key.name}`);
  }
  const own = signatures.filter((line) => line.name === key.name && areSame(line.keyId, key.keyId));
  if (own.length === 0) throw new ReceiptError("its checkpoint is not signed by the key given");
  for (const line of own) {
    if (!(await verifyEd25519(key.publicKey, line.signature, checkpoint.text))) {
      throw new ReceiptError("the log's signature on its checkpoint is false");
    }
  }
}
