import { useSyncExternalStore } from "react";
import type { News } from "@/stream";

/** How news comes: by the stream, by looking every now and then while it is down, or not at all. */
export type Liveness = "live" | "polling" | "offline";

export const POLL_MS = 2_000;
const LOCK = "haloop live";

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
  void navigator.locks.request(LOCK, async () => (await import("@/stream")).lead(tell, () => last));
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

function become(now: Liveness): void {
  if (state === now) return;
  state = now;
  for (const reader of readers) reader();
}
