import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Liveness } from "@/live";
import { lead, readEvent } from "@/stream";

const LOCK = "haloop live";
const A_MOMENT_MS = 100;
const SILENCE_MS = 40_000;
const HEARTBEAT = ": still here\n\n";

/** What the house does with whoever wants to listen. */
let answers: (line: ServerResponse) => void;
const begins = (line: ServerResponse) => line.writeHead(200).write("retry: 2000\n\n");
const keepsToItself = (line: ServerResponse) => line.writeHead(200).flushHeaders();
const refuses = (line: ServerResponse) => line.writeHead(502).end();
const knowsNobody = (line: ServerResponse) => line.writeHead(401).end();

let lines: ServerResponse[];
const house = createServer((_, line) => {
  lines.push(line);
  answers(line);
});

beforeEach(async () => {
  lines = [];
  await once(house.listen(0, "127.0.0.1"), "listening");
  const address = `http://127.0.0.1:${(house.address() as AddressInfo).port}`;
  const reach = globalThis.fetch;
  vi.stubGlobal("fetch", (path: string, how: RequestInit) => reach(address + path, how));
  vi.stubGlobal("localStorage", { getItem: () => null });
  vi.stubGlobal("navigator", { onLine: true, locks: navigator.locks });
  vi.stubGlobal("window", new EventTarget());
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(async () => {
  answers = knowsNobody;
  house.closeAllConnections();
  await until(async () => (await navigator.locks.query()).held?.length === 0, A_MOMENT_MS);
  house.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an event names its place, and the run it is about", () => {
  const run = `run_${"0".repeat(32)}`;
  expect(readEvent(`id: 7\nevent: gate.opened\ndata: {"run":"${run}"}`)).toEqual({ kind: "event", run, at: 7 });
  expect(readEvent(`id: 8\nevent: token.issued\ndata: {"run":"acc_1"}`)).toEqual({
    kind: "event",
    run: undefined,
    at: 8,
  });
});

test("a heartbeat is no news", () => {
  expect(readEvent(": still here")).toBeUndefined();
  expect(readEvent("retry: 2000")).toBeUndefined();
});

test("where a house that was there refuses at once, again and again, that is told", async () => {
  answers = begins;
  const states = led();
  await until(() => states.at(-1) === "live");

  answers = refuses;
  house.closeAllConnections();

  await until(() => states.at(-1) === "polling", A_MOMENT_MS);
  answers = begins;
  await until(() => states.at(-1) === "live", A_MOMENT_MS);
});

test("a line that brings nothing any more, no heartbeat even, is let go and taken up anew", async () => {
  answers = begins;
  const states = led();
  await until(() => states.at(-1) === "live");

  await until(() => lines.length === 2, A_MOMENT_MS);

  await until(() => lines[0]?.closed === true);
});

test("a line whose answer begins and brings nothing is no stream", async () => {
  answers = keepsToItself;
  const states = led();

  await until(() => lines.length === 2, A_MOMENT_MS);

  expect(states).toEqual(["polling"]);
});

test("a line that broke before anything happened begins where the house stands, and not with all that ever was", async () => {
  answers = begins;
  let heard = 0;
  const tab = await opened(() => heard++);
  await until(() => tab() === "live");

  house.closeAllConnections();
  await until(() => lines.length === 2, A_MOMENT_MS);
  await until(() => heard === 2);
  lines[1]?.write('id: 7\ndata: {"run":"acc_1"}\n\n');
  await until(() => heard === 3);
  house.closeAllConnections();
  await until(() => lines.length === 3, A_MOMENT_MS);

  expect(lines.map((line) => line.req.headers["last-event-id"])).toEqual([undefined, undefined, "7"]);
});

test("a tab that is opened later knows at once that news come", async () => {
  answers = begins;
  const first = await opened();
  await until(() => first() === "live");

  const second = await opened();

  await until(() => second() === "live");
  expect(lines.length).toBe(1);
});

test("a tab that hears no more of the one that listens looks by itself", async () => {
  const listens = new BroadcastChannel(LOCK);
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  void navigator.locks.request(LOCK, () => isOver);
  answers = knowsNobody;
  const tab = await opened();
  listens.postMessage({ kind: "state", state: "live" });
  await until(() => tab() === "live");

  await vi.advanceTimersByTimeAsync(SILENCE_MS);

  expect(tab()).toBe("polling");
  listens.close();
  end();
});

test("who is offline by the browser's own word stays so until it takes that back, and then one heartbeat is enough", async () => {
  let heard = 0;
  answers = begins;
  const tab = await opened(() => heard++);
  await until(() => tab() === "live");
  window.dispatchEvent(new Event("offline"));
  const before = heard;
  lines[0]?.write('id: 7\ndata: {"run":"acc_1"}\n\n');
  await until(() => heard > before);
  expect(tab()).toBe("offline");

  window.dispatchEvent(new Event("online"));
  expect(tab()).toBe("polling");
  lines[0]?.write(HEARTBEAT);

  await until(() => tab() === "live");
});

/** What is told of the stream while it is led. */
function led(): Liveness[] {
  const states: Liveness[] = [];
  void navigator.locks.request(LOCK, () =>
    lead(
      (news) => news.kind === "state" && states.push(news.state),
      () => undefined,
    ),
  );
  return states;
}

/** A tab of its own, and how news come there. */
async function opened(hear: () => void = () => undefined): Promise<() => Liveness> {
  vi.resetModules();
  const { listen, liveness } = await import("@/live");
  listen(hear);
  return liveness;
}

/** Wait for that, while the clock moves as far with each look. */
async function until(check: () => boolean | Promise<boolean>, step = 0): Promise<void> {
  while (!(await check())) {
    await vi.advanceTimersByTimeAsync(step);
    await setImmediate();
  }
}
