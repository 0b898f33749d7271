import { ask, type Model } from "@/api/client";
import { keepSession, sessionHeaders } from "@/api/session";
import { catalogue, locale, region, wordsFor } from "@/i18n";
import { forgetDevice, keepDevice } from "@/worker/device";

const KEPT = "haloop device";
const AMOUNTS = "haloop amounts";
const SAID = /^(push|desk|deed)\.|^decline$/;

/** What stands in the way of being told here, or nothing. */
export function whyNotTold(): "cannot" | "denied" | undefined {
  if (!window.isSecureContext || !("PushManager" in window) || !("serviceWorker" in navigator)) return "cannot";
  return Notification.permission === "denied" ? "denied" : undefined;
}

/** The name under which the house tells this browser, in an account. */
export function deviceIn(account: string): string | undefined {
  return localStorage.getItem(`${KEPT} ${account}`) ?? undefined;
}

/** Have this browser told; it asks the person first, and a no is no fault. */
export async function subscribe(account: string): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") return;
  const { application_server_key: applicationServerKey } = await ask("get", "/api/devices/push");
  const { pushManager } = await navigator.serviceWorker.ready;
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  const device = await ask("post", "/api/devices/push", { body: made.toJSON() as Model<"Subscription"> });
  localStorage.setItem(`${KEPT} ${account}`, device.id);
  await tellWorker();
}

/** Have a device told no more; where it is this browser, nothing of the subscription is left here either. */
export async function unsubscribe(account: string, device: string): Promise<void> {
  await ask("delete", "/api/devices/push/{device}", { path: { device } });
  if (device !== deviceIn(account)) return;
  localStorage.removeItem(`${KEPT} ${account}`);
  if (Object.keys(localStorage).some((name) => name.startsWith(`${KEPT} `))) return; // told in another account still
  await (await subscription())?.unsubscribe();
  await forgetDevice();
}

export function areAmountsShown(): boolean {
  return localStorage.getItem(AMOUNTS) === "on";
}

export async function showAmounts(on: boolean): Promise<void> {
  if (on) localStorage.setItem(AMOUNTS, "on");
  else localStorage.removeItem(AMOUNTS);
  await tellWorker();
}

/** Where somebody wants to be told in this browser, the worker knows their session and their words. */
export async function tellWorker(): Promise<void> {
  if (!(await subscription())) return forgetDevice();
  await keepDevice({
    headers: sessionHeaders(),
    language: locale(),
    region: region(),
    catalogue: catalogue(),
    words: await wordsFor(SAID),
    amounts: areAmountsShown(),
  });
}

/** What says that something waits goes where nothing does any more. */
export async function clearNotices({ gates, waiting }: Model<"GatePage">): Promise<void> {
  if (gates.length < waiting) return;
  const worker = await navigator.serviceWorker?.getRegistration();
  const links = new Set(gates.map((gate) => gate.id));
  for (const notice of (await worker?.getNotifications()) ?? []) {
    const gate = new URL(notice.tag, location.origin).searchParams.get("draft_id");
    if (gate && !links.has(gate)) notice.close();
  }
}

/** Go on in another of one's accounts. */
export async function switchAccount(account: string): Promise<void> {
  keepSession((await ask("post", "/api/session/account", { body: { account } })).secret);
  location.assign("/");
}

async function subscription(): Promise<PushSubscription | undefined> {
  const worker = await navigator.serviceWorker?.getRegistration();
  return (await worker?.pushManager?.getSubscription()) ?? undefined;
}
