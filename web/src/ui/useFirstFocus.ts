import { type RefObject, useEffect, useRef } from "react";

/** A form that somebody has just opened: it comes into view, and its first field is ready to be written in. */
export function useFirstFocus<T extends HTMLElement>(): RefObject<T | null> {
  const form = useRef<T>(null);
  useEffect(() => {
    form.current?.scrollIntoView({ block: "center" });
    form.current?.querySelector<HTMLElement>("input:not(:disabled), select, textarea")?.focus({ preventScroll: true });
  }, []);
  return form;
}
