import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { queries } from "@/api/queries";
import type { Mission } from "@/desks/missions/api";
import { hasEdits } from "@/desks/missions/edits";
import { Files } from "@/desks/missions/Files";
import { LogTail } from "@/desks/missions/LogTail";
import { Steps } from "@/desks/missions/Steps";
import { isRunning } from "@/desks/missions/standing";
import { useWord } from "@/desks/missions/useWord";
import { Merging, Permission, Told, Words } from "@/desks/missions/WhatNow";
import { later, t } from "@/i18n";
import { Chip } from "@/ui/Chip";
import { Details } from "@/ui/Details";
import { Notice } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

const Changes = lazy(
  later(
    later(() => import("@/desks/missions/Changes")),
    "deciding",
  ),
);
const WIDE = "(min-width: 64rem)";

/** All that there is of a mission. */
export default function Whole({ mission }: { mission: Mission }) {
  const say = useWord(mission);
  const me = useQuery(queries.me());
  const mayDecide = me.data?.roles.some((role) => role === "owner" || role === "approver") ?? false;
  const isOver = mission.status === "completed" || (mission.status === "failed" && !mission.gate && !mission.parked);
  const { current_step: place, workflow } = mission;
  const at = t("missions.place", { place: Math.min(place + 1, workflow.steps.length), steps: workflow.steps.length });
  useUnsavedWarning();
  return (
    <div className="grid items-start gap-5 lg:grid-cols-[17rem_minmax(0,1fr)] lg:gap-8">
      <aside className="grid gap-3">
        <p>
          <Chip>{t(`missions.type.${mission.type as "fix"}`)}</Chip> <Chip>{workflow.name}</Chip>
        </p>
        <Details says={at} open={matchMedia(WIDE).matches}>
          <Steps mission={mission} />
        </Details>
      </aside>
      <div className="grid min-w-0 gap-5">
        <Told mission={mission} />
        {(isRunning(mission.status) || (mission.status === "failed" && mission.runs.length > 0)) && (
          <LogTail mission={mission} />
        )}
        {mission.gate?.asks === "permission" && <Permission gate={mission.gate.id} />}
        <Merging mission={mission} say={say} />
        {mission.changed && (
          <Suspense fallback={<Waiting rows={2} />}>
            <Changes mission={mission} />
          </Suspense>
        )}
        <Files mission={mission} mayDecide={mayDecide} />
        {me.data && !mayDecide && <Notice tone="plain" title={t("missions.role")} />}
        {mayDecide && !isOver && <Words mission={mission} say={say} />}
      </div>
    </div>
  );
}

/** A window that is closed takes along what was typed in it; the browser asks first. */
function useUnsavedWarning(): void {
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => hasEdits() && event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, []);
}
