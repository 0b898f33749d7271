/** What the worker needs of a browser in which somebody wants to be told. It goes with their session. */
export interface Kept {
  /** What the API wants to hear beside the cookie. */
  headers: Record<string, string>;
  language: string;
  region: string;
  /** The digest of the catalogue that the words are from. */
  catalogue: string;
  words: Record<string, string>;
  /** Whether amounts may stand where others could read them. */
  amounts: boolean;
  /** In which account the house tells this browser, and under which name; nothing where it is told in another one. */
  told: { account: string; device: string } | undefined;
}

const STORE = "haloop device";
const PLACE = "/device";

export async function keepDevice(kept: Kept): Promise<void> {
  await (await caches.open(STORE)).put(PLACE, Response.json(kept));
}

export async function readDevice(): Promise<Kept | undefined> {
  const found = await caches.match(PLACE, { cacheName: STORE });
  return found && ((await found.json()) as Kept);
}

export async function forgetDevice(): Promise<void> {
  await caches.delete(STORE);
}
