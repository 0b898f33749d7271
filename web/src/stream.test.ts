import { expect, test } from "vitest";
import { readEvent } from "@/stream";

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
