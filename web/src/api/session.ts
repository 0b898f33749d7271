import { forgetDevice } from "@/worker/device";

/** The cookie alone opens nothing: it reaches every port of this machine, and this stays with ours. */
const KEPT = "haloop session";
/** Who opened a link before they were let in lands there once they are; the plain page has the same. */
const LINK = "haloop link";
export const SESSION_HEADER = "X-Haloop-Session";

export function sessionHeaders(): Record<string, string> {
  const secret = localStorage.getItem(KEPT);
  return secret ? { [SESSION_HEADER]: secret } : {};
}

/** Whether anybody was signed in here; whether they still are, the server knows. */
export function isKnown(): boolean {
  return localStorage.getItem(KEPT) !== null;
}

export function keepSession(secret: string): void {
  localStorage.setItem(KEPT, secret);
}

/** There is no session: nothing of one is left with the worker, and a link that was opened waits for the next. */
export function standOutside(): void {
  if (location.pathname === "/open") sessionStorage.setItem(LINK, location.pathname + location.search);
  if ("caches" in window) void forgetDevice();
}

/** The link that somebody opened before they were let in, once. */
export function takeLink(): string | null {
  const link = sessionStorage.getItem(LINK);
  sessionStorage.removeItem(LINK);
  return link;
}

/** What leads to a login or an invitation; the plain page has both. */
const LEADS_IN = ["key", "invitation", "refused"];

/** Exchange the key in the address, which is good for one visit, for a session; the key is taken out of the address. */
export async function comeIn(): Promise<void> {
  const address = new URL(location.href);
  const said = new URLSearchParams(address.hash.slice(1));
  if (LEADS_IN.some((name) => said.has(name))) {
    location.replace(`/plain${address.search}${address.hash}`);
    return;
  }
  const key = address.searchParams.get("key") ?? said.get("session");
  if (!key) return;
  address.searchParams.delete("key");
  address.hash = "";
  history.replaceState(null, "", address);
  const asked = fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
  const answer = await asked.catch(() => undefined); // without a network the app says so
  if (answer?.ok) keepSession(((await answer.json()) as { secret: string }).secret);
}
