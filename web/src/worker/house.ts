import type { Kept } from "@/worker/device";

const ASKING_MS = 3_000;

/** Ask the house as whoever's session this is; nothing where it says no, or nothing in time. */
export async function read<T>({ headers }: Kept, path: string): Promise<T | undefined> {
  const asked = fetch(path, { headers, signal: AbortSignal.timeout(ASKING_MS) });
  const answer = await asked.catch(() => undefined);
  return answer?.ok ? ((await answer.json()) as T) : undefined;
}

/** Tell the house something as whoever's session this is, and what it said to that; nothing where it did not take it. */
export async function tell<T>({ headers }: Kept, path: string, said: object): Promise<T | undefined> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(said),
  }).catch(() => undefined);
  return answer?.ok ? ((await answer.json()) as T) : undefined;
}
