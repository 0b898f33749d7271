import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { ask, type Model } from "@/api/client";

/** What somebody looks for in the activity; it stands in the address. */
export interface Wanted {
  desk?: string;
  state?: Model<"RunState">;
  search?: string;
}

const AT_ONCE = 20;

/** The runs that are looked for, the newest first, each with what it did. */
export function feed(wanted: Wanted) {
  return infiniteQueryOptions({
    queryKey: ["activity", "feed", wanted],
    queryFn: ({ pageParam }) =>
      ask("get", "/api/activity", {
        query: { ...wanted, limit: AT_ONCE, ...(pageParam === null ? {} : { before: pageParam }) },
      }),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.before,
    placeholderData: keepPreviousData,
  });
}
