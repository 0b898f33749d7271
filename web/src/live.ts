import { useSyncExternalStore } from "react";
import type { News } from "@/stream";

/** How news comes: by the stream, by looking every now and then while it is down, or not at all. */
export type Liveness = "live" | "polling" | "offline";

export const POLL_MS = 2_000;
/** The house says at least every 15 seconds that it is there; who hears nothing for so long is alone. */
export const SILENCE_MS = 40_000;
const LOCK = "haloop live";

let state: Liveness = navigator.onLine ? "polling" : "offline";
let silent: ReturnType<typeof setTimeout> | undefined;
let last: number | undefined;
const readers = new Set<() => void>();

/** Hear of what happens. One tab of the browser holds the stream and tells the others; the next takes over from it. */
export function listen(hear: (run: string | undefined) => void): void {
  const others = new BroadcastChannel(LOCK);
  let isLeading = false;
  let isCut = false;
  const take = (news: News) => {
    if (news.kind === "event") {
      last = news.at ?? last;
      hear(news.run);
    } else if (!isCut) become(news.state);
  };
  const tell = (news: News) => {
    take(news);
    others.postMessage(news);
  };
  // A tab that is new says nothing, and is told how it stands.
  others.onmessage = ({ data }: MessageEvent<News | null>) => {
    if (data) take(data);
    else if (isLeading) others.postMessage({ kind: "state", state });
  };
  others.postMessage(null);
  // The browser's own word: until it takes that back it asks for nothing, whatever still comes.
  window.addEventListener("offline", () => {
    isCut = true;
    become("offline");
  });
  window.addEventListener("online", () => {
    isCut = false;
    become("polling");
    hear(undefined);
  });
  void navigator.locks.request(LOCK, async () => {
    isLeading = true;
    await (await import("@/stream")).lead(tell, () => last);
    isLeading = false;
  });
}

export function useLiveness(): Liveness {
  return useSyncExternalStore((changed) => {
    readers.add(changed);
    return () => readers.delete(changed);
  }, liveness);
}

export const liveness = () => state;

/** Live is who heard something a moment ago, from the house or from the tab that listens for all. */
function become(now: Liveness): void {
  clearTimeout(silent);
  if (now === "live") silent = setTimeout(become, SILENCE_MS, "polling");
  if (state === now) return;
  state = now;
  for (const reader of readers) reader();
}
