/** What was sent, held against the draft that was approved; and what came of it, against what was sent. */
import { ReceiptError } from "./bytes.ts";
import { differ, type Fields, type Json } from "./json.ts";
import type { Event } from "./reading.ts";
import { field, haveSameNames, readObject, readPart, text, whole } from "./shape.ts";
import { aboutOf, find, findGate, type Intent, remember, type Story } from "./story.ts";

const INTENT = "effect.intended";
const OUTCOME = "effect.happened";
const PROMISED = ["operation", "connector", "cost_max", "payee", "purpose", "live"];
const UNDO = "/undo";

/** Whether what was approved is what ran, of one effect; what would have to be disclosed to know. */
export interface Ran {
  /** Nothing where not even the intent is shown. */
  effect: string | undefined;
  missing: string[];
  /** Effects whose results fill a place of this one, and are not disclosed. */
  unseen: string[];
}

/** What the effects of one approval have made so far, by name. */
type Results = Map<string, Json>;

/** Take what an event says of an effect: that it is about to be sent, or what it did. */
export function takeEffectEvent(event: Event, story: Story): void {
  const { kind } = event.header;
  if (kind !== INTENT && kind !== OUTCOME) return;
  story.kinds.add(kind);
  if (!event.bodies.has("fact")) story.hidden.add(kind);
  else if (kind === INTENT) takeIntent(event, readPart(event, "fact"), story);
  else takeOutcome(readPart(event, "fact"), story);
}

/** Say of each effect of a run whether its story is whole, and if not, what is missing. */
export function whatRan(story: Story): Ran[] {
  if (![INTENT, OUTCOME, "gate.approved"].some((kind) => story.kinds.has(kind))) return [];
  const unintended = [...story.made].filter(([about]) => !story.intents.has(about));
  const ran = [
    ...[...story.intents].map(([about, { effect, missing, unseen }]) => ({
      effect,
      missing: story.made.has(about) ? missing : [...missing, "what happened"],
      unseen: [...unseen].sort(),
    })),
    ...unintended.map(([, { effect }]) => ({ effect, missing: ["the intent"], unseen: [] })),
  ];
  return ran.length > 0 ? ran : [{ effect: undefined, missing: ["the intent"], unseen: [] }];
}

/** Check that what is about to be sent was approved, and in time. */
function takeIntent(event: Event, fact: Fields, story: Story): void {
  const about = aboutOf(fact);
  const effect = text(field(fact, "effect"), "effect");
  const missing = [...(story.missing.get(about.name) ?? [])];
  const position = text(field(fact, "at"), "at");
  const intent: Intent = { about, effect, position, costMax: field(fact, "cost_max"), missing, unseen: new Set() };
  const name = nameOf(effect, about.gate);
  if (story.made.has(name)) throw new ReceiptError(`the intent of ${name} comes after its outcome`);
  remember(story.intents, name, intent, `the intent of ${name}`);
  checkApproved(event, fact, intent, story);
  const gate = findGate(about, story);
  if (!gate?.effects) {
    intent.missing.push(gate ? "the draft" : "the gate");
    return;
  }
  const made = madeUnder(about.gate, story);
  if (effect.endsWith(UNDO)) checkUndo(fact, gate.effects, intent, made);
  else checkEffect(fact, gate.effects, intent, made);
}

/** Check that the approval was still good when the intent was recorded; it covers an undo for ever. */
function checkApproved(event: Event, fact: Fields, { about, effect, missing }: Intent, story: Story): void {
  const approvalName = `the approval of ${about.name}`;
  const approval = find(story.approvals, about.name, approvalName, story.hidden.has("gate.approved"));
  if (!approval) {
    missing.push("the approval");
    return;
  }
  if (differ(field(fact, "grant"), approval.grant)) {
    throw new ReceiptError("its grant is not the one that approved it");
  }
  if (event.header.ts >= approval.validUntil && !effect.endsWith(UNDO)) {
    throw new ReceiptError("its approval was no longer good: valid_until had passed");
  }
}

/** Check that an effect of the draft is sent as the draft has it. */
function checkEffect(fact: Fields, effects: Fields, { effect, unseen }: Intent, made: Results): void {
  const planned = readPlanned(effects, effect);
  checkPromised(fact, planned);
  checkArgument(field(planned, "argument"), field(fact, "argument"), "argument", unseen, made);
}

/** Check that an undo is the one the draft named for that effect, and takes back what that effect made. */
function checkUndo(fact: Fields, effects: Fields, { effect, unseen }: Intent, made: Results): void {
  const name = effect.slice(0, -UNDO.length);
  const undone = readPlanned(effects, name);
  const undo = field(undone, "undo");
  if (undo === null) throw new ReceiptError(`the approved draft names no undo for ${name}`);
  const purpose = `undo ${text(field(undone, "purpose"), "purpose")}`;
  const free: Fields = new Map<string, Json>([...undone, ["operation", undo], ["cost_max", null], ["payee", null]]);
  checkPromised(fact, free.set("purpose", purpose));
  const result = made.get(name);
  if (result === undefined) unseen.add(name);
  else if (differ(result, field(fact, "argument"))) throw new ReceiptError(`its argument is not what ${name} made`);
}

/** Find an effect in the approved draft. */
function readPlanned(effects: Fields, name: string): Fields {
  if (!effects.has(name)) throw new ReceiptError(`the approved draft holds no effect ${name}`);
  return readObject(effects.get(name), `effect ${name}`);
}

/** Compare what is sent with what was approved, field by field. */
function checkPromised(fact: Fields, planned: Fields): void {
  for (const name of PROMISED) {
    if (differ(field(planned, name), field(fact, name))) throw new ReceiptError(`its ${name} is not the approved one`);
  }
}

/** Compare arguments place by place; {"$later": name} may be filled with what that effect made, and only that. */
function checkArgument(approved: Json, sent: Json, place: string, unseen: Set<string>, made: Results): void {
  if (approved instanceof Map && approved.size === 1 && approved.has("$later")) {
    checkFilled(text(approved.get("$later"), "$later"), sent, place, unseen, made);
  } else if (approved instanceof Map && sent instanceof Map && haveSameNames(approved, sent)) {
    for (const [name, value] of approved) {
      checkArgument(value, sent.get(name) ?? null, `${place}.${name}`, unseen, made);
    }
  } else if (Array.isArray(approved) && Array.isArray(sent) && approved.length === sent.length) {
    approved.forEach((value, number) => {
      checkArgument(value, sent[number] ?? null, `${place}.${number}`, unseen, made);
    });
  } else if (differ(approved, sent)) {
    throw new ReceiptError(`its ${place} is not the approved one`);
  }
}

function checkFilled(maker: string, sent: Json, place: string, unseen: Set<string>, made: Results): void {
  const filled = sent instanceof Map && sent.size === 1 ? sent.get("$filled") : undefined;
  if (filled === undefined) throw new ReceiptError(`its ${place} is not filled with what ${maker} made`);
  const result = made.get(maker);
  if (result === undefined) unseen.add(maker);
  else if (differ(result, filled)) throw new ReceiptError(`its ${place} is not what ${maker} made`);
}

/** Check that what happened is what was intended, and that it says truly whether it cost too much. */
function takeOutcome(fact: Fields, story: Story): void {
  const gate = text(field(fact, "gate"), "gate");
  const effect = text(field(fact, "effect"), "effect");
  const name = nameOf(effect, gate);
  remember(story.made, name, { gate, effect, result: field(fact, "result") }, `the outcome of ${name}`);
  const intent = find(story.intents, name, `the intent of ${name}`, story.hidden.has(INTENT));
  if (!intent) return;
  if (differ(field(fact, "revision"), intent.about.revision)) {
    throw new ReceiptError("its revision is not that of its intent");
  }
  if (differ(field(fact, "at"), intent.position)) throw new ReceiptError("its at is not that of its intent");
  if (field(fact, "exceeded") !== exceeds(field(fact, "charged"), intent.costMax)) {
    throw new ReceiptError("exceeded is not true: compare charged with the cost_max of its intent");
  }
}

/** Tell whether more was charged than was approved; where no cost was approved, anything is more. */
function exceeds(charged: Json, costMax: Json): boolean {
  if (charged === null) return false;
  const cost = readMoney(charged, "charged");
  if (cost.minor <= 0) return false;
  if (costMax === null) return true;
  const limit = readMoney(costMax, "cost_max");
  return cost.currency !== limit.currency || cost.minor > limit.minor;
}

/** Read an amount: so many of the smallest units of a currency. */
function readMoney(value: Json, what: string): { minor: number; currency: string } {
  const fields = readObject(value, what, ["currency", "minor"]);
  return {
    minor: whole(fields.get("minor"), what, Number.MIN_SAFE_INTEGER),
    currency: text(fields.get("currency"), what),
  };
}

function madeUnder(gate: string, story: Story): Results {
  const made = [...story.made.values()].filter((one) => one.gate === gate);
  return new Map(made.map((one) => [one.effect, one.result]));
}

function nameOf(effect: string, gate: string): string {
  return `${effect}, ${gate}`;
}
