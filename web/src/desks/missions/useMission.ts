import { useQuery } from "@tanstack/react-query";
import { missionQueries } from "@/desks/missions/api";
import { POLL_MS, useLiveness } from "@/live";

/** A mission as it stands now: by the stream, and looked at again and again while that is down. */
export function useMission(mission: string) {
  const isDown = useLiveness() === "polling";
  return useQuery({ ...missionQueries.one(mission), refetchInterval: isDown ? POLL_MS : false });
}
