import { useEffect, useState } from "react";

/** The time, each second, for what runs out. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(clock);
  }, []);
  return now;
}

const SETTLING_MS = 400;

/** Whether something has stood still long enough that a key which is pressed now is meant for it. */
export function useSettled(): boolean {
  const [isSettled, settle] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => settle(true), SETTLING_MS);
    return () => clearTimeout(timer);
  }, []);
  return isSettled;
}
