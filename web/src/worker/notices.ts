import type { components } from "@/api/schema";
import { type Card, totalsOf } from "@/drafts/card";
import { asWords } from "@/i18n";
import { moneyIn } from "@/i18n/spelling";
import { type Kept, readDevice } from "@/worker/device";

type Gate = components["schemas"]["GateOut"];
type Run = components["schemas"]["RunDetail"];
type Refusal = components["schemas"]["Refusal"];

/** What the house sends: that something is so, and where it stands. What it is, a device asks the house. */
export interface Message {
  kind: "waits" | "expires" | "failed" | "test" | "recovered" | "over";
  link: string;
  title: string;
}

/** A gate as whoever's browser this is may see it. */
interface Seen {
  kept: Kept;
  gate: Gate;
  run: Run;
}

const RENDERER = "push/1";
const ASKING_MS = 3_000;

/** Show a message, and of a gate its desk and deed, if this browser's session may see it. What is over makes no sound. */
export async function show(registration: ServiceWorkerRegistration, message: Message): Promise<void> {
  const kept = await readDevice();
  const seen = kept && message.kind !== "over" ? await ask(kept, message.link) : undefined;
  const isOver = message.kind === "over" || (seen !== undefined && !waits(seen.gate));
  const title = kept?.words[`push.${isOver ? "over" : message.kind}`] ?? message.title;
  const asks = !isOver && gateIn(message.link) !== undefined;
  await registration.showNotification(seen && asks ? named(seen) : title, {
    tag: message.link,
    body: seen && asks ? [amount(seen), title].filter(Boolean).join(" · ") : "",
    icon: "/icons/192.png",
    silent: isOver,
    ...(asks ? { actions: actions(kept) } : {}),
  } as NotificationOptions);
}

/** Say no as whoever's session this is; a no needs no look. Where that cannot be said from here, the page is opened. */
export async function decline(
  registration: ServiceWorkerRegistration,
  link: string,
  open: (link: string) => Promise<void>,
): Promise<void> {
  const kept = await readDevice();
  const seen = kept && (await ask(kept, link));
  if (!seen || !(await refuse(seen))) return open(link);
  await registration.showNotification(seen.kept.words["push.declined"] ?? "", { tag: link, silent: true });
}

/** Where a link leads, at the address under which this browser knows the house. */
export function look(link: string): string {
  const { pathname, search } = new URL(link, location.origin);
  return pathname + search;
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

/** Nothing where the house says no, or nothing in time: then the message's own words have to do. */
async function read<T>({ headers }: Kept, path: string): Promise<T | undefined> {
  const asked = fetch(path, { headers, signal: AbortSignal.timeout(ASKING_MS) });
  const answer = await asked.catch(() => undefined);
  return answer?.ok ? ((await answer.json()) as T) : undefined;
}

async function refuse({ gate, kept }: Seen): Promise<boolean> {
  const { headers, language, catalogue } = kept;
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
  const answer = await fetch(`/api/gates/${gate.id}/decisions`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(refusal),
  }).catch(() => undefined);
  return answer?.ok ?? false;
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
