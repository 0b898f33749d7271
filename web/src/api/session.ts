/** The cookie alone opens nothing: it reaches every port of this machine, and this stays with ours. */
const KEPT = "haloop session";
export const SESSION_HEADER = "X-Haloop-Session";

export function sessionHeaders(): Record<string, string> {
  const secret = localStorage.getItem(KEPT);
  return secret ? { [SESSION_HEADER]: secret } : {};
}

/** Whether anybody was signed in here; whether they still are, the server knows. */
export function isKnown(): boolean {
  return localStorage.getItem(KEPT) !== null;
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
  const answer = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
  if (answer.ok) keepSession(((await answer.json()) as { secret: string }).secret);
}

export function keepSession(secret: string): void {
  localStorage.setItem(KEPT, secret);
}
