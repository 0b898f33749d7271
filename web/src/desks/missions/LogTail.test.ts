import { expect, test } from "vitest";
import { inWords } from "@/desks/missions/LogTail";

test("a size is never said to be nothing", () => {
  expect([1, 49, 1_234, 50_000_000].map(inWords)).toEqual(["1 byte", "49 bytes", "1.2 kB", "50 MB"]);
});
