import { useSyncExternalStore } from "react";
import { sessionHeaders } from "@/api/session";

/** How news comes: by the stream, by looking every now and then while it is down, or not at all. */
export type Liveness = "live" | "polling" | "offline";
type News = { kind: "event"; run: string | undefined; at: number } | { kind: "state"; state: Liveness };

export const POLL_MS = 2_000;
const LOCK = "haloop live";
/** So long a broken stream may be taken up again before anybody is told. */
const PATIENCE_MS = 3_000;

let state: Liveness = navigator.onLine ? "polling" : "offline";
let last: number | undefined;
const readers = new Set<() => void>();

/** Hear of what happens. One tab of the browser holds the stream and tells the others; the next takes over from it. */
export function listen(hear: (run: string | undefined) => void): void {
  const others = new BroadcastChannel(LOCK);
  const take = (news: News) => {
    if (news.kind === "state") become(news.state);
    else {
      last = news.at;
      hear(news.run);
    }
  };
  const tell = (news: News) => {
    take(news);
    others.postMessage(news);
  };
  others.onmessage = ({ data }: MessageEvent<News>) => take(data);
  window.addEventListener("offline", () => become("offline"));
  window.addEventListener("online", () => {
    become("polling");
    hear(undefined);
  });
  void navigator.locks.request(LOCK, () => lead(tell));
}

export function useLiveness(): Liveness {
  return useSyncExternalStore(
    (changed) => {
      readers.add(changed);
      return () => readers.delete(changed);
    },
    () => state,
  );
}

/** Hold the stream for as long as there is a session. */
async function lead(tell: (news: News) => void): Promise<void> {
  for (;;) {
    const late = setTimeout(
      () => tell({ kind: "state", state: navigator.onLine ? "polling" : "offline" }),
      PATIENCE_MS,
    );
    let isOver = false;
    try {
      isOver = await follow(tell, () => clearTimeout(late));
    } catch {
      // the line broke; it is taken up again below, from where it broke
    }
    clearTimeout(late);
    if (isOver) return tell({ kind: "event", run: undefined, at: last ?? -1 });
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Hear until the line ends, and say whether the session is over. */
async function follow(tell: (news: News) => void, isUp: () => void): Promise<boolean> {
  const from: Record<string, string> = last === undefined ? {} : { "Last-Event-ID": String(last) };
  const answer = await fetch("/api/events", { headers: { ...sessionHeaders(), ...from } });
  if (answer.status === 401) return true;
  if (!answer.ok || !answer.body) throw new Error(String(answer.status));
  isUp();
  tell({ kind: "state", state: "live" });
  // What happened before this place was named to nobody.
  if (last === undefined) tell({ kind: "event", run: undefined, at: -1 });
  let rest = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const messages = (rest + text).split("\n\n");
    rest = messages.pop() ?? "";
    for (const message of messages) {
      const news = readEvent(message);
      if (news) tell(news);
    }
  }
  return false;
}

export function readEvent(message: string): News | undefined {
  const id = /^id: (\d+)$/m.exec(message)?.[1];
  const data = /^data: (.*)$/m.exec(message)?.[1];
  if (id === undefined || data === undefined) return undefined;
  const { run } = JSON.parse(data) as { run?: string };
  return { kind: "event", run: run?.startsWith("run_") ? run : undefined, at: Number(id) };
}

function become(now: Liveness): void {
  if (state === now) return;
  state = now;
  for (const reader of readers) reader();
}
