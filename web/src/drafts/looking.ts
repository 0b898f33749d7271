import { useLocation, useSearch } from "wouter";

/** So many gates are decided together at most; the server takes no more. */
export const TOGETHER_MAX = 25;

/** What is open on Today, as its address says it. */
export interface Looking {
  /** The run that is read. */
  run: string | undefined;
  /** Words that what is listed must have. */
  wanted: string;
  /** The gates that are selected, in the order in which they were. */
  selected: string[];
  /** Those are read and decided together. */
  isTogether: boolean;
}

export function addressOf({ run, wanted, selected, isTogether }: Looking): string {
  const said = new URLSearchParams({
    ...(run ? { run } : {}),
    ...(wanted ? { q: wanted } : {}),
    ...(selected.length > 0 ? { select: selected.join(" ") } : {}),
    ...(isTogether ? { together: "" } : {}),
  });
  return said.size > 0 ? `/?${said}` : "/";
}

export function useLooking(): [Looking, (otherwise: Partial<Looking>, how?: { replace: boolean }) => void] {
  const asked = new URLSearchParams(useSearch());
  const [, go] = useLocation();
  const selected = asked.get("select")?.split(" ").slice(0, TOGETHER_MAX) ?? [];
  const looking: Looking = {
    run: asked.get("run") ?? undefined,
    wanted: asked.get("q") ?? "",
    selected,
    isTogether: asked.has("together") && selected.length > 0,
  };
  return [looking, (otherwise, how) => go(addressOf({ ...looking, ...otherwise }), how)];
}
