import { expect, test } from "vitest";
import { timeLeft } from "@/drafts/now";
import { money, wallTime } from "@/i18n/spelling";

test("an amount is spelt to its last digit, however large and in whatever currency", () => {
  expect(money({ minor: 4_680, currency: "EUR" })).toBe("€46.80");
  expect(money({ minor: 5, currency: "EUR" })).toBe("€0.05");
  expect(money({ minor: -1_250, currency: "EUR" })).toBe("-€12.50");
  expect(money({ minor: 1_500, currency: "JPY" })).toBe("¥1,500");
  expect(money({ minor: 9_007_199_254_740_991, currency: "EUR" })).toBe("€90,071,992,547,409.91");
});

test("a time stays what it is in its own place", () => {
  expect(wallTime("2027-03-05T19:00:00+09:30")).toContain("7:00");
  expect(wallTime("2027-03-05T19:00:00+09:30")).toContain("UTC+09:30");
  expect(wallTime("2027-03-05")).toContain("March 5, 2027");
  expect(wallTime("next week")).toBe("next week");
});

test("the time left is said in days, then hours, minutes, and seconds at the end", () => {
  expect([172_800, 7_200, 120, 119, 1, 0].map(timeLeft)).toEqual([
    "2 days left",
    "2 hours left",
    "2 minutes left",
    "119 seconds left",
    "1 second left",
    "the time is over",
  ]);
});
