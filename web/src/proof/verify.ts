/**
 * Check a receipt in the browser, with nothing but its file and the keys that a reader has: no server is asked, least
 * of all the one that made it. It is `tools/verify_receipt.py` once more, check by check and sentence by sentence, and
 * both must agree on every file; that script's head says what a good receipt proves, and what it does not.
 */
import { type Bytes, ReceiptError } from "./bytes.ts";
import { type Ran, takeEffectEvent, whatRan } from "./effects.ts";
import { type Json, parse } from "./json.ts";
import { type LogKey, type PersonKey, readLogKey, readPersonKey } from "./keys.ts";
import { type Event, readEvent, readFile } from "./reading.ts";
import { readObject, text } from "./shape.ts";
import { Story, takeGateEvent } from "./story.ts";
import { checkEvent, Seen } from "./tree.ts";
import { checkApproval } from "./yes.ts";

export type Outcome = "proved" | "bad" | "not_a_receipt" | "signer_unknown" | "key_unread";

/** What was found; the lines are those that the script prints, and the last one is the verdict. */
export interface Verdict {
  outcome: Outcome;
  lines: string[];
  /** The events that passed, in the file's order. */
  events: Event[];
  ran: Ran[];
  /** Who signed the checkpoints beside the log, unchecked. */
  witnesses: string[];
}

/** The keys that a reader has from somewhere they trust. */
export interface Keys {
  /** The log's, "name+id+base64". Without it nobody knows who signed: a file alone can be invented by anyone. */
  log?: string | undefined;
  /** "es256:…" or "eddsa:…", of each person who said yes. */
  persons?: readonly string[];
}

const SHOWN_CHARACTERS_MAX = 300;
const SAID_YES = ["gate.answered", "gate.approved"];

/** Judge the bytes of a receipt file; no input makes this throw. */
export async function verify(data: Bytes, keys: Keys = {}): Promise<Verdict> {
  const verdict: Verdict = { outcome: "key_unread", lines: [], events: [], ran: [], witnesses: [] };
  try {
    const log = keys.log === undefined ? undefined : await readLogKey(keys.log);
    const persons = (keys.persons ?? []).map(readPersonKey);
    verdict.outcome = "not_a_receipt";
    const { origin, items } = readFile(data);
    await new Check(verdict, origin, log, persons).run(items);
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    const what = verdict.outcome === "key_unread" ? "CANNOT READ A KEY" : "NOT A RECEIPT";
    verdict.lines.push(`${what}: ${error.message}`);
  }
  return verdict;
}

class Check {
  private readonly seen = new Seen();
  private readonly stories = new Map<string, Story>();
  private readonly verdict: Verdict;
  private readonly origin: string;
  private readonly log: LogKey | undefined;
  private readonly persons: PersonKey[];
  private approvals = 0;

  constructor(verdict: Verdict, origin: string, log: LogKey | undefined, persons: PersonKey[]) {
    this.verdict = verdict;
    this.origin = origin;
    this.log = log;
    this.persons = persons;
  }

  async run(items: Json[]): Promise<void> {
    this.verdict.outcome = "bad";
    for (const [place, item] of items.entries()) {
      try {
        await this.take(item, place + 1);
      } catch (error) {
        if (!(error instanceof ReceiptError)) throw error;
        this.say(`BAD: ${nameOf(item, place + 1)}: ${error.message}`);
        return;
      }
    }
    if (this.persons.length > 0 && this.approvals === 0) {
      // An approval left out of the file must not turn "checked" into "nothing to check, so all is well".
      this.say("BAD: --person was given, but no approval in this receipt can be checked");
      return;
    }
    this.conclude();
  }

  private async take(item: Json, number: number): Promise<void> {
    const event = await readEvent(item);
    await checkEvent(event, this.origin, this.log, this.seen);
    this.say(...describe(event, number));
    const { kind, runId } = event.header;
    const story = this.stories.get(runId) ?? new Story();
    this.stories.set(runId, story);
    await takeGateEvent(event, story);
    takeEffectEvent(event, story);
    if (SAID_YES.includes(kind)) {
      this.say(`  who said yes: ${await checkApproval(event, this.persons)}`);
      this.approvals += Number(kind === "gate.approved");
    }
    this.verdict.events.push(event);
  }

  /** Say what was shown once every event has passed. */
  private conclude(): void {
    const { seen, verdict } = this;
    verdict.ran = [...this.stories.values()].flatMap(whatRan);
    verdict.witnesses = [...seen.witnesses].sort();
    this.say(...verdict.ran.map(spelled));
    const found = `${seen.indexes.size} event(s) of ${this.origin}, under ${seen.roots.size} checkpoint(s)`;
    if (this.log) {
      verdict.outcome = "proved";
      this.say(`PROVED: ${found}, signed by the key given`);
      return;
    }
    verdict.outcome = "signer_unknown";
    const signers = [...seen.signers].sort().join(", ");
    this.say(`CONSISTENT, SIGNER UNKNOWN: ${found}, said to be signed by key ${signers} (give --key)`);
  }

  private say(...lines: string[]): void {
    this.verdict.lines.push(...lines);
  }
}

function spelled({ effect, missing, unseen }: Ran): string {
  const about = effect === undefined ? "" : ` for ${effect}`;
  if (missing.length > 0) {
    const named = [...new Set(missing)].map((what) => `${what} is not disclosed`).join("; ");
    return `what was approved is what ran: not checked${about} (${named})`;
  }
  const spared = unseen.length ? `, except the places filled with what ${unseen.join(", ")} made (not disclosed)` : "";
  return `what was approved is what ran: checked${about}${spared}`;
}

/** Show one event: when, what, who, where, and each of its parts. */
function describe({ header, parts, bodies, proof }: Event, number: number): string[] {
  const seconds = new Date(Math.floor(header.ts / 1_000_000) * 1_000).toISOString().slice(0, 19);
  const when = `${seconds}.${String(header.ts % 1_000_000).padStart(6, "0")}Z`;
  const place = `run ${header.runId} #${header.runSeq}, index ${proof.leafIndex}`;
  const lines = [`event ${number}: ${when} ${header.kind} by ${header.actor}, ${place}`];
  for (const name of parts.keys()) {
    const body = bodies.get(name);
    lines.push(`  ${name}: ${body ? shown(body) : "(not disclosed or erased)"}`);
  }
  return lines;
}

/** Show the beginning of a disclosed body, or its size where it is no text. */
function shown(body: Bytes): string {
  let whole: string;
  try {
    whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return `(${body.length} bytes that are not text)`;
  }
  const characters = [...whole];
  const rest = characters.length - SHOWN_CHARACTERS_MAX;
  return rest > 0 ? `${characters.slice(0, SHOWN_CHARACTERS_MAX).join("")}... (${rest} more characters)` : whole;
}

/** Name an event for the verdict as far as it can be read, for it may be the unreadable one. */
function nameOf(item: Json, number: number): string {
  const known = [...attempt(() => wordsOfHeader(item)), ...attempt(() => wordsOfProof(item))];
  return `event ${number}${known.length > 0 ? ` (${known.join(", ")})` : ""}`;
}

function wordsOfHeader(item: Json): string[] {
  const written = text(readObject(item, "").get("header"), "");
  const header = readObject(parse(new TextEncoder().encode(written)), "");
  return [text(header.get("kind"), ""), `run ${text(header.get("run_id"), "")}`];
}

function wordsOfProof(item: Json): string[] {
  const index = /\nindex ([0-9]{1,19})\n/.exec(text(readObject(item, "").get("proof"), ""))?.[1];
  return index === undefined ? [] : [`index ${index}`];
}

function attempt(read: () => string[]): string[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof ReceiptError) return [];
    throw error;
  }
}
