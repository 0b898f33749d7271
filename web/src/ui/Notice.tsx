import type { ReactNode } from "react";
import { NoPasskey, Problem, Unreached } from "@/api/client";
import { t } from "@/i18n";
import { Loop, type LoopState } from "@/ui/Loop";

type Tone = "bad" | "wait" | "info" | "plain";

const TONES: Record<Tone, string> = {
  bad: "border-bad bg-bad-soft",
  wait: "border-wait bg-wait-soft",
  info: "border-info bg-info-soft",
  plain: "border-line bg-panel",
};

/** Something that has to be said in its place: what it is, what follows from it, and at most one thing to do. */
export function Notice(props: {
  tone: Tone;
  title: string;
  loop?: LoopState;
  urgent?: boolean;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div
      role={props.urgent ? "alert" : "status"}
      className={`flex gap-3 rounded-card border-l-4 px-4 py-3 ${TONES[props.tone]}`}
    >
      {props.loop && <Loop state={props.loop} silent />}
      <div className="min-w-0 flex-1">
        <p className="font-medium break-words">{props.title}</p>
        {props.children && <div className="mt-1 text-sm break-words text-ink">{props.children}</div>}
        {props.action && <div className="mt-3">{props.action}</div>}
      </div>
    </div>
  );
}

/** What went wrong, whether anything was done, and what to do about it. */
export function Failed({ error, again }: { error: Error; again?: ReactNode }) {
  if (error instanceof NoPasskey) {
    return (
      <Notice tone="bad" urgent title={error.message} action={again}>
        <p>{t("error.nothing_sent")}</p>
      </Notice>
    );
  }
  if (error instanceof Problem) {
    const { executed, next_step: next, request_id: id } = error.told;
    return (
      <Notice tone="bad" urgent title={error.message} action={again}>
        <p>{executed === false ? t("error.nothing_done") : t("error.nobody_knows")}</p>
        <p>{next}</p>
        <p className="mt-1 font-mono text-xs">{t("error.id", { id })}</p>
      </Notice>
    );
  }
  const title = error instanceof Unreached ? t("error.unreached") : t("error.page");
  return (
    <Notice tone="bad" urgent title={title} action={again}>
      <p>{error instanceof Unreached ? t("error.unreached.next") : error.message}</p>
    </Notice>
  );
}
