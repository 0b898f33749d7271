import { expect, test } from "vitest";
import { pseudo } from "@/i18n/pseudo";

test("every message is longer, marked at both ends, and keeps its places", () => {
  const { some = "" } = pseudo({ some: "Approve {amount} now" });
  expect(some).toMatch(/^\[.*\{amount\}.*\]$/);
  expect(some.length).toBeGreaterThan("Approve {amount} now".length * 1.3);
  expect(some).not.toContain("Approve");
});
