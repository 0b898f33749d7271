import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useRef, useState } from "react";
import { Link } from "wouter";
import { queries } from "@/api/queries";
import type { Mission } from "@/desks/missions/api";
import { Conflict } from "@/desks/missions/Conflict";
import { useEdit } from "@/desks/missions/edits";
import { SendBack } from "@/desks/missions/SendBack";
import { isRunning } from "@/desks/missions/standing";
import type { Say } from "@/desks/missions/useWord";
import { later, t } from "@/i18n";
import { useCommands } from "@/keys";
import { useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Failed, Notice } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

const Sheet = lazy(
  later(
    later(async () => ({ default: (await import("@/drafts/ApprovalSheet")).ApprovalSheet })),
    "deciding",
  ),
);

/** What a mission waits for, or why it does not go on, in one place. */
export function Told({ mission }: { mission: Mission }) {
  const step = mission.workflow.steps[mission.current_step];
  const said = { step: step?.name ?? "", file: mission.gate?.artifact ?? "", agent: step?.agent ?? "" };
  const acting = mission.gate?.acts ?? [];
  const acts = acting.length > 0 && ` ${t("missions.told.acts", { steps: acting.join(", ") })}`;
  const record = (
    <Link href={`/activity/${mission.run}`} className="underline">
      {t("missions.record")}
    </Link>
  );
  if (mission.status === "completed") {
    return <Notice tone="plain" loop="done" title={t("missions.told.completed")} action={record} />;
  }
  if (mission.status === "failed") {
    return (
      <Notice
        tone="bad"
        loop="failed"
        title={t("missions.told.failed", said)}
        action={mission.gate ? undefined : record}
      >
        {mission.last_error}
        {acts}
      </Notice>
    );
  }
  if (isRunning(mission.status)) {
    const place = mission.runs.at(-1)?.place;
    const title = place ? t("missions.told.queued", { ...said, place }) : t("missions.told.running", said);
    return <Notice tone="info" loop="running" title={title} />;
  }
  const asks = askedOf(mission);
  return (
    <Notice tone="wait" loop="waiting" title={t(`missions.told.${asks}`, said)}>
      {asks !== "permission" && t(`missions.told.${asks}.next`)}
      {acts}
    </Notice>
  );
}

function askedOf({ gate }: Mission): "begin" | "permission" | "push" | "review" {
  if (gate?.pushes) return "push";
  return gate?.asks === "begin" || gate?.asks === "permission" ? gate.asks : "review";
}

/** What an agent may not do by itself is answered where every draft is. */
export function Permission({ gate: id }: { gate: string }) {
  const gate = useQuery(queries.gate(id));
  if (!gate.data) return <Waiting rows={2} />;
  return (
    <Suspense fallback={<Waiting rows={2} />}>
      <Sheet key={id} gate={gate.data} />
    </Suspense>
  );
}

/** The words that a person may say to a mission now. */
export function Words({ mission, say }: { mission: Mission; say: Say }) {
  const [isSendingBack, sendBack] = useState(false);
  const approve = useRef<HTMLButtonElement>(null);
  const isOffline = useLiveness() === "offline";
  const asks = mission.parked ? "again" : mission.gate?.asks;
  const yesTo = mission.gate?.pushes ? "push" : (asks ?? "");
  const mayApprove = asks !== undefined && asks !== "permission";
  const why = isOffline ? t("missions.why_not.offline") : say.isConflict ? t("missions.why_not.conflict") : undefined;
  const isOff = Boolean(why) || say.isBusy;
  const yes = () => !isOff && say.approve();
  useCommands([
    ...(mayApprove ? [{ keys: "a", name: nameOf(yesTo, Boolean(say.edit)), run: () => approve.current?.focus() }] : []),
    ...(say.edit ? [{ keys: "Ctrl s", name: t("missions.save"), run: () => !isOff && say.save() }] : []),
    ...(asks === "review" ? [{ keys: "d", name: t("missions.back_to"), run: () => sendBack(true) }] : []),
  ]);
  return (
    <div className="grid gap-3">
      {say.error && <Failed error={say.error} />}
      {isSendingBack && asks === "review" && (
        <SendBack
          mission={mission}
          isBusy={say.isBusy || isOffline}
          onClose={() => sendBack(false)}
          onSend={(step, reason) =>
            void say.sendBack(step, reason).then(
              () => sendBack(false),
              () => undefined,
            )
          }
        />
      )}
      <footer className="sticky bottom-[calc(4rem+env(safe-area-inset-bottom))] rounded-card border border-line bg-panel p-3 md:bottom-4">
        <div className="flex flex-wrap gap-2">
          {mayApprove && (
            <Button
              ref={approve}
              kind="main"
              cap="A"
              className="min-w-44 flex-1"
              aria-disabled={isOff}
              aria-describedby="why-not"
              onClick={yes}
            >
              {nameOf(yesTo, Boolean(say.edit))}
            </Button>
          )}
          {say.edit && mayApprove && (
            <Button disabled={isOff} onClick={say.save}>
              {t("missions.save")}
            </Button>
          )}
          {asks === "review" && (
            <Button kind="bad" cap="D" disabled={isOffline || say.isBusy} onClick={() => sendBack(true)}>
              {t("missions.back_to")}
            </Button>
          )}
          <Confirm
            says={t("missions.complete")}
            asks={t("missions.complete.asks")}
            isBusy={isOffline || say.isBusy}
            onYes={say.complete}
          />
        </div>
        <p id="why-not" className="mt-2 text-sm text-ink2 empty:hidden">
          {why ?? (say.edit && mayApprove && t("missions.approve.unsaved"))}
        </p>
      </footer>
    </div>
  );
}

/** Two saved one file: here is both, where the file is open. */
export function Merging({ mission, say }: { mission: Mission; say: Say }) {
  const file = mission.gate?.artifact ?? "";
  const stands = mission.artifacts[file] ?? "";
  const { keep } = useEdit(mission.mission_id, file, stands);
  if (!say.isConflict || !say.edit) return null;
  return (
    <Conflict edit={say.edit} stands={stands} isBusy={say.isBusy} onSave={say.save} onDrop={() => keep(undefined)} />
  );
}

function nameOf(asks: string, isUnsaved: boolean): string {
  if (asks === "push") return t(isUnsaved ? "missions.push.save" : "missions.push");
  if (asks === "begin") return t(isUnsaved ? "missions.begin.unsaved" : "missions.begin");
  if (asks === "again") return t("missions.again");
  return t(isUnsaved ? "missions.approve.save" : "missions.approve");
}
