import type { components } from "@/api/schema";
import { type Card, totalsOf } from "@/drafts/card";
import { asWords } from "@/i18n";
import { moneyIn } from "@/i18n/spelling";
import { type Kept, readDevice } from "@/worker/device";
import { read, tell } from "@/worker/house";

type Gate = components["schemas"]["GateOut"];
type Run = components["schemas"]["RunDetail"];
type Refusal = components["schemas"]["Refusal"];

/** What the house sends: that something is so, and where it stands. What it is, a device asks the house. */
export interface Message {
  /** The same where the same is told once more. */
  id: string;
  kind: "waits" | "expires" | "failed" | "test" | "recovered" | "loosened" | "over";
  link: string;
  /** Of the gate that waits. */
  revision: number | null;
  title: string;
}

/** What a notification told of: it stays with it until it is touched. */
export type Told = Pick<Message, "id" | "link" | "revision">;

/** A gate as whoever's browser this is may see it. */
interface Seen {
  kept: Kept;
  gate: Gate;
  run: Run;
}

const RENDERER = "push/1";

/**
 * Show a message, and of a gate its desk and deed, if this browser's session may see it. It takes the place of what was
 * said before of the same, and is heard for itself, unless it says that it is over or is the very same.
 */
export async function show(registration: ServiceWorkerRegistration, message: Message): Promise<void> {
  const kept = await readDevice();
  const seen = kept && message.kind !== "over" ? await ask(kept, message.link) : undefined;
  const isOver = message.kind === "over" || (seen !== undefined && !waits(seen.gate));
  const title = kept?.words[`push.${isOver ? "over" : message.kind}`] ?? message.title;
  const asks = !isOver && gateIn(message.link) !== undefined;
  const { id, link } = message;
  const tag = subjectOf(message);
  const [before] = await registration.getNotifications({ tag });
  await registration.showNotification(seen && asks ? named(seen) : title, {
    tag,
    data: { id, link, revision: seen?.gate.revision ?? message.revision } satisfies Told,
    renotify: !isOver && (before?.data as Told | undefined)?.id !== id,
    body: seen && asks ? [amount(seen), title].filter(Boolean).join(" · ") : "",
    icon: "/icons/192.png",
    silent: isOver,
    ...(asks ? { actions: actions(kept) } : {}),
  } as NotificationOptions);
}

/**
 * Say no as whoever's session this is, to the very revision that was told of; a no needs no look. Where that cannot be
 * said from here, or the draft is another now, the page is opened.
 */
export async function decline(
  registration: ServiceWorkerRegistration,
  told: Told,
  open: (link: string) => Promise<void>,
): Promise<void> {
  const kept = await readDevice();
  const seen = kept && (await ask(kept, told.link));
  if (!seen || seen.gate.revision !== told.revision || !(await refuse(seen))) return open(told.link);
  const title = seen.kept.words["push.declined"] ?? "";
  await registration.showNotification(title, { tag: told.link, data: told, silent: true });
}

/** Where a link leads, at the address under which this browser knows the house. */
export function look(link: string): string {
  const { pathname, search } = new URL(link, location.origin);
  return pathname + search;
}

/** What a message is about: a gate or a run; one that names neither is about itself. */
function subjectOf({ id, link }: Message): string {
  return new URL(link).search ? link : id;
}

function gateIn(link: string): string | undefined {
  return new URL(link, location.origin).searchParams.get("draft_id") ?? undefined;
}

async function ask(kept: Kept, link: string): Promise<Seen | undefined> {
  const name = gateIn(link);
  const gate = name && (await read<Gate>(kept, `/api/gates/${name}`));
  const run = gate && (await read<Run>(kept, `/api/runs/${gate.run}`));
  return gate && run ? { kept, gate, run } : undefined;
}

async function refuse({ gate, kept }: Seen): Promise<Gate | undefined> {
  const { language, catalogue } = kept;
  const refusal: Refusal = {
    verdict: "refused",
    reason: "",
    revision: gate.revision,
    draft: gate.draft,
    card: gate.card_hash,
    expires: gate.expires,
    nonce: crypto.randomUUID(),
    view: { language, catalogue, renderer: RENDERER },
  };
  return tell(kept, `/api/gates/${gate.id}/decisions`, refusal);
}

function waits(gate: Gate): boolean {
  return gate.status === "open" || gate.status === "revising";
}

/** The desk and the deed; never to whom, nor what. */
function named({ kept: { words }, gate, run }: Seen): string {
  const { effects } = gate.card as unknown as Card;
  const deeds = new Set(effects.map(({ operation }) => words[`deed.${operation}`] ?? asWords(operation)));
  return `${words[`desk.${run.desk}`] ?? asWords(run.desk)}: ${[...deeds].join(", ")}`;
}

function amount({ kept, gate }: Seen): string {
  if (!kept.amounts) return "";
  const totals = totalsOf(gate.card as unknown as Card);
  return totals.map((one) => moneyIn(kept.region, one)).join(" + ");
}

function actions(kept: Kept | undefined): { action: string; title: string }[] {
  return [
    { action: "review", title: kept?.words["push.review"] ?? "Review" },
    { action: "decline", title: kept?.words.decline ?? "Decline" },
  ];
}
