import { type RefObject, useEffect, useRef, useState } from "react";

/** Whether the end of something was in view; anew for each new thing. */
export function useEndSeen(of: string): [RefObject<HTMLDivElement | null>, boolean] {
  const end = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState("");
  useEffect(() => {
    const watched = end.current;
    if (!watched) return;
    const watcher = new IntersectionObserver((entries) => {
      if (entries.some((one) => one.isIntersecting)) setSeen(of);
    });
    watcher.observe(watched);
    return () => watcher.disconnect();
  }, [of]);
  return [end, seen === of];
}
