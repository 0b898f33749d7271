/** Who said yes: a passkey's answer, held against the decision that it was asked for. */
import { type Bytes, fromBase64url, hex, joined, ReceiptError, sha256, toBase64url, utf8 } from "./bytes.ts";
import { canonicalBytes, type Fields, parse, readCanonical } from "./json.ts";
import { EDDSA, ES256, type PersonKey, verifyEd25519, verifyP256 } from "./keys.ts";
import type { Event } from "./reading.ts";
import { readObject, text, whole } from "./shape.ts";

const DECISION = ["gate", "revision", "draft", "card", "view", "verdict", "person", "nonce", "expires"];
const ASSERTION = ["credential", "alg", "authenticator_data", "client_data", "signature", "enrolled_at"];
const FLAGS_AT = 32;
const AUTHENTICATOR_BYTES_MIN = 37;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;

interface Asked {
  decision: Bytes;
  /** All decisions that one touch was for, where it was for several. */
  batch: Bytes | undefined;
}

/** Say who approved, having checked what the file and the keys given allow to be checked. */
export async function checkApproval(event: Event, persons: PersonKey[]): Promise<string> {
  const { bodies } = event;
  const decision = bodies.get("decision");
  const assertion = bodies.get("assertion");
  // A person's signed "no" is a good signature too; under this event it must not count as a yes.
  if (decision && readDecision(decision).get("verdict") !== "approved") {
    throw new ReceiptError("it records an approval, but the decision in it is not one");
  }
  const missing = assertion ? (decision ? undefined : "decision") : "assertion";
  if (missing && persons.length > 0) {
    throw new ReceiptError(`--person cannot be checked: its ${missing} is not disclosed`);
  }
  if (!assertion) return "the log alone says so; no passkey assertion is disclosed";
  if (!decision) return "not checked (a passkey assertion is disclosed, but not the decision it was given for)";
  return checkAssertion(assertion, { decision, batch: bodies.get("batch") }, persons);
}

function readDecision(body: Bytes): Fields {
  return readObject(readCanonical(body, "the decision"), "the decision", DECISION);
}

/** Check a passkey's answer: over this decision, by a person who was there, with a key that was given. */
async function checkAssertion(body: Bytes, asked: Asked, persons: PersonKey[]): Promise<string> {
  const assertion = readObject(parse(body), "the assertion", ASSERTION);
  const credential = toBase64url(fromBase64url(assertion.get("credential"), "the credential"));
  const enrolledAt = whole(assertion.get("enrolled_at"), "enrolled_at", 0);
  const algorithm = whole(assertion.get("alg"), "alg", EDDSA);
  if (algorithm !== ES256 && algorithm !== EDDSA) {
    throw new ReceiptError("its passkey algorithm is neither ES256 nor EdDSA");
  }
  const authenticatorData = fromBase64url(assertion.get("authenticator_data"), "the authenticator data");
  const clientData = fromBase64url(assertion.get("client_data"), "the client data");
  const signature = fromBase64url(assertion.get("signature"), "the passkey signature");
  const client = parse(clientData);
  if (!(client instanceof Map) || client.get("type") !== "webauthn.get") {
    // "webauthn.create" is what a browser signs when a key is enrolled: never a yes to anything.
    throw new ReceiptError("its passkey answer is not an assertion (webauthn.get)");
  }
  if (client.get("challenge") !== toBase64url(await challengeOf(asked))) {
    throw new ReceiptError("its passkey answered another question: the challenge is not this decision's");
  }
  checkPresence(authenticatorData);
  const said = `said by credential ${credential}, enrolled at leaf ${enrolledAt}`;
  if (persons.length === 0) return `${said}: not checked (give --person)`;
  const signed = joined(authenticatorData, await sha256(clientData));
  const tries = await Promise.all(persons.map((person) => isSignedBy(person, algorithm, signature, signed)));
  if (!tries.includes(true)) {
    throw new ReceiptError(`credential ${credential} said yes, but no --person key given made that signature`);
  }
  const site = client.has("origin") ? text(client.get("origin"), "origin") : "an unnamed site";
  return `${said}, at ${site}: checked with the key given`;
}

function checkPresence(authenticatorData: Bytes): void {
  const flags = authenticatorData[FLAGS_AT] ?? 0;
  if (authenticatorData.length < AUTHENTICATOR_BYTES_MIN || !(flags & USER_PRESENT)) {
    throw new ReceiptError("nobody was present at the passkey");
  }
  // Without it a found or borrowed device would do: no PIN, face or finger was asked for.
  if (!(flags & USER_VERIFIED)) throw new ReceiptError("the passkey did not verify who was present");
}

/** Compute what the passkey had to sign: the hash of the decision, or of the batch that contains it. */
async function challengeOf({ decision, batch }: Asked): Promise<Bytes> {
  if (batch) checkBatch(batch, decision);
  // The prefix keeps a challenge of Haloop's from being a hash that means something elsewhere.
  return sha256(utf8("haloop/decision/1"), batch ?? decision);
}

function checkBatch(batch: Bytes, decision: Bytes): void {
  const listed = readCanonical(batch, "the batch");
  if (!Array.isArray(listed)) throw new ReceiptError("the batch is not a list of decisions");
  const decisions = listed.map((one) => hex(canonicalBytes(readObject(one, "a decision of the batch", DECISION))));
  if (decisions.some((one, place) => place > 0 && one <= (decisions[place - 1] ?? ""))) {
    throw new ReceiptError("the batch is not sorted, or names a decision twice");
  }
  if (!decisions.includes(hex(decision))) {
    throw new ReceiptError("the batch that was signed does not contain this decision");
  }
}

async function isSignedBy(person: PersonKey, algorithm: number, signature: Bytes, signed: Bytes): Promise<boolean> {
  if (person.algorithm !== algorithm) return false; // a key is only ever used with its own algorithm
  const verify = algorithm === ES256 ? verifyP256 : verifyEd25519;
  return verify(person.publicKey, signature, signed);
}
