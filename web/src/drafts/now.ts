import { useEffect, useState } from "react";
import { t } from "@/i18n";

/** The time, each second, for what runs out. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(clock);
  }, []);
  return now;
}

/** How long there is left: minutes at the end, seconds in the last two of them. */
export function timeLeft(seconds: number): string {
  if (seconds <= 0) return t("left.none");
  if (seconds < 120) return t("left.seconds", { count: Math.ceil(seconds) });
  if (seconds < 7_200) return t("left.minutes", { count: Math.floor(seconds / 60) });
  if (seconds < 172_800) return t("left.hours", { count: Math.floor(seconds / 3_600) });
  return t("left.days", { count: Math.floor(seconds / 86_400) });
}

const SETTLING_MS = 400;

/** Whether something has stood still long enough that a key which is pressed now is meant for it. */
export function useSettled(shown: string): boolean {
  const [settled, settle] = useState<string>();
  useEffect(() => {
    const timer = setTimeout(() => settle(shown), SETTLING_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return settled === shown;
}
