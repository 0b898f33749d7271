import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { Room } from "@/settings/Room";
import { Running } from "@/settings/Running";
import { StopAgents } from "@/settings/StopAgents";
import { Waiting } from "@/ui/Page";

const EVERY_MS = 15_000;

/** How this Haloop is: what runs, what is stuck, and the switch that stops every agent. */
export default function StatusRoom() {
  const status = useQuery({ ...queries.status(), refetchInterval: EVERY_MS });
  return (
    <Room name="status">
      <Refused error={status.error} />
      {!status.data && !status.error && <Waiting />}
      {status.data && (
        <>
          <StopAgents isStopped={status.data.agents_stopped} />
          <Running status={status.data} />
          <a className="underline" href="/status">
            {t("status.public")}
          </a>
        </>
      )}
    </Room>
  );
}
