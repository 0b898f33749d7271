/**
 * What was approved is what ran. The proofs show that each fact is in the log; here the facts of one run are held
 * against each other. Each says what it says in its part "fact", a canonical object. What a file does not disclose
 * cannot be checked, and is named; what it does disclose must agree with everything disclosed before it.
 */
import { hex, ReceiptError, sha256, utf8 } from "./bytes.ts";
import { canonicalBytes, differ, type Fields, type Json } from "./json.ts";
import type { Event } from "./reading.ts";
import { field, readObject, readPart, text, whole } from "./shape.ts";

const GATES = new Set(["gate.opened", "gate.revised"]);
const YESES = new Set(["gate.answered", "gate.approved"]);
const DECISIONS = new Set([...YESES, "gate.changing", "gate.refused"]);

/** One revision of a gate: the draft and card that people were shown, and how many of them must say yes. */
interface Gate {
  draft: string;
  card: string;
  yesesNeeded: number;
  /** What the draft allows, by name; nothing where the draft is not disclosed. */
  effects: Fields | undefined;
}

/** A gate's yes: the grant that gave it, if one did, and until when it is good. */
interface Approval {
  grant: Json;
  validUntil: number;
}

/** An effect about to be sent; what of its story is missing, and whose results it was given unseen. */
export interface Intent {
  about: About;
  effect: string;
  position: string;
  costMax: Json;
  missing: string[];
  unseen: Set<string>;
}

/** Which revision of which gate a fact or a decision is about; it also says how it is named. */
export interface About {
  gate: string;
  revision: number;
  name: string;
}

/** What an effect that happened made. */
interface Made {
  gate: string;
  effect: string;
  result: Json;
}

/** What the earlier events of one run have said. */
export class Story {
  readonly kinds = new Set<string>();
  /** Kinds of which some event does not disclose its fact. */
  readonly hidden = new Set<string>();
  readonly gates = new Map<string, Gate>();
  readonly yeses = new Map<string, Set<string>>();
  readonly approvals = new Map<string, Approval>();
  readonly missing = new Map<string, string[]>();
  readonly intents = new Map<string, Intent>();
  readonly made = new Map<string, Made>();
}

/** Take what an event says of its gate: what was shown, and each yes to it. */
export async function takeGateEvent(event: Event, story: Story): Promise<void> {
  const { kind } = event.header;
  if (!GATES.has(kind) && !DECISIONS.has(kind)) return;
  story.kinds.add(kind);
  const fact = event.bodies.has("fact") ? readPart(event, "fact") : undefined;
  if (DECISIONS.has(kind) && event.bodies.has("decision")) {
    checkDecision(readPart(event, "decision"), fact, story);
  }
  if (!fact) story.hidden.add(kind);
  else if (GATES.has(kind)) await takeGate(event, fact, story);
  else if (YESES.has(kind)) takeYes(event, fact, story);
}

export function aboutOf(fact: Fields): About {
  const gate = text(field(fact, "gate"), "gate");
  const revision = whole(field(fact, "revision"), "revision", 1);
  return { gate, revision, name: `${gate}, revision ${revision}` };
}

export function findGate(about: About, story: Story): Gate | undefined {
  return find(story.gates, about.name, about.name, isHidden(story, GATES));
}

/**
 * Find an earlier fact, or nothing where it is not disclosed.
 *
 * To leave out is no lie. But where all facts of the kind are open and none is the right one, the file puts together
 * what does not belong together, and no reader should have to notice that.
 */
export function find<T>(shown: Map<string, T>, about: string, name: string, isHiddenKind: boolean): T | undefined {
  if (!shown.has(about) && shown.size > 0 && !isHiddenKind) {
    throw new ReceiptError(`it belongs to ${name}, and what this receipt shows before it is another`);
  }
  return shown.get(about);
}

/** Keep a fact for the later ones; there is one of each, and a second would let the file choose. */
export function remember<T>(shown: Map<string, T>, about: string, value: T, name: string): void {
  if (shown.has(about)) throw new ReceiptError(`${name} is in this receipt twice`);
  shown.set(about, value);
}

/** Remember what a revision showed, by the hashes that a decision must name. */
async function takeGate(event: Event, fact: Fields, story: Story): Promise<void> {
  const need = readObject(field(fact, "need"), "need");
  const gate: Gate = {
    draft: await hashOfPart(event, "draft"),
    card: await hashOfPart(event, "card"),
    yesesNeeded: whole(field(need, "count"), "count", 1),
    effects: event.bodies.has("draft") ? readObject(field(readPart(event, "draft"), "effects"), "effects") : undefined,
  };
  const { name } = aboutOf(fact);
  if (story.yeses.has(name) || story.approvals.has(name)) throw new ReceiptError(`${name} comes after a yes to it`);
  remember(story.gates, name, gate, name);
}

/** Compute a draft's or a card's hash: the commitment to this one part, disclosed or not. */
async function hashOfPart(event: Event, name: string): Promise<string> {
  const part = event.parts.get(name);
  if (part === undefined) throw new ReceiptError(`it has no ${name}`);
  return hex(await sha256(utf8("haloop/payload/1"), canonicalBytes(new Map([[name, part]]))));
}

/** Check that a decision is the one its event records, and is about what its gate showed. */
function checkDecision(decision: Fields, fact: Fields | undefined, story: Story): void {
  for (const name of fact ? ["gate", "revision", "person"] : []) {
    if (fact && differ(field(decision, name), field(fact, name))) {
      throw new ReceiptError(`its decision says another ${name} than its fact`);
    }
  }
  const about = aboutOf(decision);
  const gate = findGate(about, story);
  for (const name of ["draft", "card"] as const) {
    if (gate && field(decision, name) !== gate[name]) {
      throw new ReceiptError(`its decision names another ${name} than ${about.name} shows`);
    }
  }
}

/** Count a person's yes; where it is an approval, check that there were enough, or a grant. */
function takeYes(event: Event, fact: Fields, story: Story): void {
  const about = aboutOf(fact);
  const person = field(fact, "person");
  if (person !== null) {
    const actor = `person:${text(person, "person")}`;
    story.yeses.set(about.name, (story.yeses.get(about.name) ?? new Set()).add(actor));
    if (event.header.actor !== actor) throw new ReceiptError("its actor is not the person whose yes it says it is");
    if (!event.bodies.has("decision")) noteMissing(about, "the decision", story);
  }
  if (event.header.kind !== "gate.approved") return;
  const grant = field(fact, "grant");
  const validUntil = whole(field(fact, "valid_until"), "valid_until", 0);
  if ([...story.intents.values()].some((intent) => intent.about.name === about.name)) {
    throw new ReceiptError(`the approval of ${about.name} comes after what was done under it`);
  }
  remember(story.approvals, about.name, { grant, validUntil }, `the approval of ${about.name}`);
  const by = field(fact, "by");
  if (!Array.isArray(by) || !by.every((one) => typeof one === "string")) {
    throw new ReceiptError("by is not a list of texts");
  }
  if (person === null) checkGrant(event, grant, by);
  else checkQuorum(new Set(by), about, story);
}

/** Check that an approval nobody gave was given by a grant. */
function checkGrant(event: Event, grant: Json, by: string[]): void {
  const giver = `grant:${text(grant, "grant")}`;
  if (by.length !== 1 || by[0] !== giver || event.header.actor !== giver) {
    throw new ReceiptError("it does not say by which grant it was approved");
  }
}

/** Check that the approval counts as many people as its gate needs, and that each of them did say yes. */
function checkQuorum(by: Set<string>, about: About, story: Story): void {
  const gate = findGate(about, story);
  if (gate && by.size < gate.yesesNeeded) {
    throw new ReceiptError(`${about.name} needs ${gate.yesesNeeded} yeses, and it counts ${by.size}`);
  }
  const heard = story.yeses.get(about.name) ?? new Set();
  const [unheard] = [...by].filter((one) => !heard.has(one)).sort();
  if (unheard === undefined) return;
  if (!isHidden(story, YESES)) {
    throw new ReceiptError(`it counts a yes of ${unheard}, which this receipt does not show`);
  }
  noteMissing(about, "a yes", story);
}

function noteMissing(about: About, what: string, story: Story): void {
  story.missing.set(about.name, [...(story.missing.get(about.name) ?? []), what]);
}

function isHidden(story: Story, kinds: Set<string>): boolean {
  return [...story.hidden].some((kind) => kinds.has(kind));
}
