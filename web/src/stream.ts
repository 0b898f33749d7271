import { sessionHeaders } from "@/api/session";
import { type Liveness, POLL_MS, SILENCE_MS } from "@/live";

export type News = { kind: "event"; run: string | undefined; at?: number } | { kind: "state"; state: Liveness };

/** So long a broken stream may be taken up again before anybody is told. */
const PATIENCE_MS = 3_000;

/** Hold the stream for as long as there is a session. */
export async function lead(tell: (news: News) => void, last: () => number | undefined): Promise<void> {
  // One for all tries: where each fails at once, none of them takes as long as this.
  let late: ReturnType<typeof setTimeout> | undefined;
  const isUp = () => {
    clearTimeout(late);
    late = undefined;
    tell({ kind: "state", state: "live" });
  };
  for (;;) {
    late ??= setTimeout(() => tell({ kind: "state", state: navigator.onLine ? "polling" : "offline" }), PATIENCE_MS);
    try {
      if (await follow(tell, last(), isUp)) break;
    } catch {
      // the line broke; it is taken up again below, from where it broke
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  clearTimeout(late);
  tell({ kind: "state", state: "polling" });
  tell({ kind: "event", run: undefined });
}

/** Hear until the line ends, and say whether the session is over; one that brings nothing, no heartbeat even, is let go. */
async function follow(tell: (news: News) => void, last: number | undefined, isUp: () => void): Promise<boolean> {
  const from: Record<string, string> = last === undefined ? {} : { "Last-Event-ID": String(last) };
  const line = new AbortController();
  const letGo = () => line.abort();
  let silent = setTimeout(letGo, SILENCE_MS);
  try {
    const headers = { ...sessionHeaders(), ...from };
    const answer = await fetch("/api/events", { headers, signal: line.signal });
    if (answer.status === 401) return true;
    if (!answer.ok || !answer.body) throw new Error(String(answer.status));
    // What happened before this place was named to nobody.
    if (last === undefined) tell({ kind: "event", run: undefined });
    let rest = "";
    for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(silent);
      silent = setTimeout(letGo, SILENCE_MS);
      isUp(); // by what comes, not by the answer's beginning: something between may keep the rest to itself
      const messages = (rest + text).split("\n\n");
      rest = messages.pop() ?? "";
      for (const message of messages) {
        const news = readEvent(message);
        if (news) tell(news);
      }
    }
    return false;
  } finally {
    clearTimeout(silent);
  }
}

export function readEvent(message: string): News | undefined {
  const id = /^id: (\d+)$/m.exec(message)?.[1];
  const data = /^data: (.*)$/m.exec(message)?.[1];
  if (id === undefined || data === undefined) return undefined;
  const { run } = JSON.parse(data) as { run?: string };
  return { kind: "event", run: run?.startsWith("run_") ? run : undefined, at: Number(id) };
}
