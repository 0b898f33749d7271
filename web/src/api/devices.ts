import { ask, type Model, Problem } from "@/api/client";
import { keepSession, sessionHeaders } from "@/api/session";
import { catalogue, locale, region, wordsFor } from "@/i18n";
import { forgetDevice, keepDevice, readDevice } from "@/worker/device";
import type { Told } from "@/worker/notices";
import { subscribed } from "@/worker/subscribing";

const KEPT = "haloop told";
const AMOUNTS = "haloop amounts";
const REMOVED = "device.removed";
const SAID = /^(push|desk|deed)\.|^decline$/;

type Me = Model<"Me">;

/** Under which name the house tells somebody in this browser, and where it reaches it. */
interface Place {
  device: string;
  endpoint: string;
}

/** What stands in the way of being told here, or nothing. */
export function whyNotTold(): "cannot" | "denied" | undefined {
  if (!window.isSecureContext || !("PushManager" in window) || !("serviceWorker" in navigator)) return "cannot";
  return Notification.permission === "denied" ? "denied" : undefined;
}

/** The name under which the house tells somebody in this browser, in their account. */
export function deviceOf(me: Me): string | undefined {
  return placeOf(me)?.device;
}

/** Have this browser told; it asks the person first, and a no is no fault. */
export async function subscribe(me: Me): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") return;
  await tellHere(me, await subscription());
  await tellWorker(me);
}

/** Whoever is told here is told on, also where the browser or the house has another key now than it had; nobody else. */
export async function tellOn(me: Me): Promise<void> {
  await endOthers(me);
  await followSubscription(me).catch(() => undefined); // tried again when the app is opened the next time
  await tellWorker(me);
}

/** Have a device told no more; where it is this browser, nothing of the subscription is left here either. */
export async function unsubscribe(me: Me, device: string): Promise<void> {
  await ask("delete", "/api/devices/push/{device}", { path: { device } });
  if (device === deviceOf(me)) await endHere(me);
}

export function areAmountsShown(): boolean {
  return localStorage.getItem(AMOUNTS) === "on";
}

export async function showAmounts(me: Me, on: boolean): Promise<void> {
  if (on) localStorage.setItem(AMOUNTS, "on");
  else localStorage.removeItem(AMOUNTS);
  await tellWorker(me);
}

/** Where somebody wants to be told in this browser, the worker knows their session and their words. */
async function tellWorker(me: Me): Promise<void> {
  if (!(await subscriptionNow())) return forgetDevice();
  const device = deviceOf(me);
  await keepDevice({
    headers: sessionHeaders(),
    language: locale(),
    region: region(),
    catalogue: catalogue(),
    words: await wordsFor(SAID),
    amounts: areAmountsShown(),
    told: device ? { account: me.account, device } : undefined,
  });
}

/** What says that something waits goes where nothing does any more. */
export async function clearNotices({ gates, waiting }: Model<"GatePage">): Promise<void> {
  if (gates.length < waiting) return;
  const worker = await navigator.serviceWorker?.getRegistration();
  const links = new Set(gates.map((gate) => gate.id));
  for (const notice of (await worker?.getNotifications()) ?? []) {
    const gate = new URL((notice.data as Told | null)?.link ?? notice.tag).searchParams.get("draft_id");
    if (gate && !links.has(gate)) notice.close();
  }
}

/** Go on in another of one's accounts. */
export async function switchAccount(account: string): Promise<void> {
  keepSession((await ask("post", "/api/session/account", { body: { account } })).secret);
  location.assign("/");
}

/** Whoever was told in this browser and is somebody else would have their messages shown to whoever is here now. */
async function endOthers({ person }: Me): Promise<void> {
  const others = toldHere().filter((name) => !name.endsWith(` ${person}`));
  if (others.length === 0) return;
  await (await subscriptionNow())?.unsubscribe();
  for (const name of others) localStorage.removeItem(name);
}

async function followSubscription(me: Me): Promise<void> {
  const before = placeOf(me);
  if (!before || Notification.permission !== "granted") return;
  const made = await subscription();
  if (made.endpoint === before.endpoint) return;
  const told = (await readDevice())?.told; // the worker may have subscribed anew before
  const was = told?.account === me.account ? told.device : before.device;
  await tellHere(me, made, was).catch((error: unknown) => {
    if (error instanceof Problem && error.code === REMOVED) return endHere(me);
    throw error;
  });
}

/** Nothing of the subscription is left here, as long as it is told in no other account. */
async function endHere(me: Me): Promise<void> {
  localStorage.removeItem(keyOf(me));
  if (toldHere().length > 0) return;
  await (await subscriptionNow())?.unsubscribe();
  await forgetDevice();
}

async function tellHere(me: Me, made: PushSubscription, was: string | null = null): Promise<void> {
  const body = { ...made.toJSON(), instead_of: was } as Model<"Subscription">;
  const { id: device } = await ask("post", "/api/devices/push", { body });
  localStorage.setItem(keyOf(me), JSON.stringify({ device, endpoint: made.endpoint } satisfies Place));
}

function toldHere(): string[] {
  return Object.keys(localStorage).filter((name) => name.startsWith(`${KEPT} `));
}

/** A browser may be told in several accounts, and by several people. */
function keyOf({ account, person }: Me): string {
  return `${KEPT} ${account} ${person}`;
}

function placeOf(me: Me): Place | undefined {
  return JSON.parse(localStorage.getItem(keyOf(me)) ?? "null") ?? undefined;
}

async function subscription(): Promise<PushSubscription> {
  const { application_server_key: key } = await ask("get", "/api/devices/push");
  return subscribed((await navigator.serviceWorker.ready).pushManager, key);
}

async function subscriptionNow(): Promise<PushSubscription | undefined> {
  const worker = await navigator.serviceWorker?.getRegistration();
  return (await worker?.pushManager?.getSubscription()) ?? undefined;
}
