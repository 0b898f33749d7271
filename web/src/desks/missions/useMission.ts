import { useQuery } from "@tanstack/react-query";
import { missionQueries } from "@/desks/missions/api";
import { isRunning } from "@/desks/missions/standing";
import { POLL_MS, useLiveness } from "@/live";

/** A mission as it stands now: by the stream, and looked at again and again while it works or the stream is down. */
export function useMission(mission: string) {
  const isDown = useLiveness() === "polling";
  return useQuery({
    ...missionQueries.one(mission),
    refetchInterval: ({ state }) => (isDown || (state.data && isRunning(state.data.status)) ? POLL_MS : false),
  });
}
