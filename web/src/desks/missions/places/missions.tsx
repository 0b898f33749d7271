import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { type Listed, missionQueries } from "@/desks/missions/api";
import { isRunning, ringOf, statusKey } from "@/desks/missions/standing";
import { t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { useCommands } from "@/keys";
import { POLL_MS, useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Loop } from "@/ui/Loop";
import { Failed } from "@/ui/Notice";
import { Empty, Page, Waiting } from "@/ui/Page";

const NewMission = lazy(() => import("@/desks/missions/NewMission"));

/** Every mission, the one where something happened last first. */
export default function Missions() {
  const [isNew, setNew] = useState(false);
  const isDown = useLiveness() === "polling";
  const found = useQuery({
    ...missionQueries.all(),
    refetchInterval: ({ state }) => (isDown || state.data?.some((one) => isRunning(one.status)) ? POLL_MS : false),
  });
  const begin = () => setNew(true);
  useCommands([{ keys: "n", name: t("missions.new"), run: begin }]);
  const button = (
    <Button kind="main" cap="N" icon={<Plus size={18} aria-hidden />} onClick={begin}>
      {t("missions.new")}
    </Button>
  );
  return (
    <Page title={t("desk.missions")} aside={found.data?.length ? button : undefined}>
      {found.error && (
        <Failed error={found.error} again={<Button onClick={() => found.refetch()}>{t("again")}</Button>} />
      )}
      {!found.data && !found.error && <Waiting rows={4} />}
      {found.data?.length === 0 && <Empty says={t("missions.empty")} action={button} />}
      <ul className="grid grid-cols-1 gap-2" aria-label={t("desk.missions")}>
        {found.data?.map((one) => (
          <Row key={one.mission_id} mission={one} />
        ))}
      </ul>
      <Suspense>{isNew && <NewMission onClose={() => setNew(false)} />}</Suspense>
    </Page>
  );
}

function Row({ mission }: { mission: Listed }) {
  const isOver = mission.status === "completed";
  return (
    <li>
      <Link
        href={`/missions/${mission.mission_id}`}
        className="flex min-h-11 gap-3 rounded-card border border-line bg-panel p-3 hover:border-edge"
      >
        <Loop state={ringOf(mission.status)} silent />
        <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">
          <span className="block font-medium">{mission.title}</span>
          <span className="block text-sm text-ink2">
            {t(statusKey(mission.status))}
            {!isOver && `: ${mission.current_step_name}`}
            {mission.place && `, ${t("missions.attempt.queued", { place: mission.place })}`}
          </span>
        </span>
        <time dateTime={mission.updated_at} className="text-right text-sm text-ink2">
          {moment(mission.updated_at)}
        </time>
      </Link>
    </li>
  );
}
