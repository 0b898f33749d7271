import type { ReactNode } from "react";
import type { Execution } from "@/api/queries";
import { Clarify } from "@/drafts/Clarify";
import { type Card, type Effect, headingOf, isUnlimited, sentenceOf, totalsOf } from "@/drafts/card";
import { Receipt } from "@/drafts/Receipt";
import { Argument, Pair, Rows } from "@/drafts/Values";
import { said, t } from "@/i18n";
import { money } from "@/i18n/spelling";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Chip";
import { Loop, type LoopState } from "@/ui/Loop";

/** How it did not come to pass. */
export type Failure = "not_done" | "uncertain" | "refused" | "expired" | "withdrawn" | "parked" | "cancelled";

type Props =
  | { face: "draft"; card: Card; above?: string; chips?: ReactNode; state?: LoopState; left?: number }
  | { face: "clarify"; asked: string; question: string; options: string[]; onAnswer: (answer: string) => void }
  | { face: "unsupported"; asked: string; sentence: string; offers: string[]; onOffer: (offer: string) => void }
  | { face: "done"; card: Card; executions: Execution[]; proof?: ReactNode }
  | { face: "failed"; card: Card | undefined; how: Failure; reason: string | undefined; action?: ReactNode };

const FAILURES: Record<Failure, LoopState> = {
  not_done: "failed",
  uncertain: "uncertain",
  refused: "failed",
  expired: "expired",
  withdrawn: "expired",
  parked: "failed",
  cancelled: "expired",
};

/** One thing that is asked for, in one frame from the first question to the receipt. */
export function DraftCard(props: Props) {
  switch (props.face) {
    case "draft":
      return (
        <Frame
          state={props.state ?? "waiting"}
          title={headingOf(props.card)}
          above={props.above}
          chips={props.chips}
          left={props.left}
        >
          <WhatWillHappen card={props.card} />
        </Frame>
      );
    case "clarify":
      return (
        <Frame state="draft" title={t("clarify.title")} above={props.asked}>
          <Clarify question={props.question} options={props.options} onAnswer={props.onAnswer} />
        </Frame>
      );
    case "unsupported":
      return (
        <Frame state="failed" title={t("unsupported.title")} above={props.asked}>
          <p>{props.sentence}</p>
          <p className="mt-1 text-sm text-ink2">{t("error.nothing_done")}</p>
          {props.offers.length > 0 && <p className="mt-4 mb-2 text-sm font-medium">{t("unsupported.offers")}</p>}
          <div className="flex flex-wrap gap-2">
            {props.offers.map((offer) => (
              <Button key={offer} onClick={() => props.onOffer(offer)}>
                {offer}
              </Button>
            ))}
          </div>
        </Frame>
      );
    case "done":
      return (
        <Frame state={props.proof ? "proved" : "done"} title={headingOf(props.card)} closing>
          {props.executions.map((one) => (
            <Receipt key={one.effect} execution={one} />
          ))}
          {props.proof}
        </Frame>
      );
    case "failed":
      return (
        <Frame
          state={FAILURES[props.how]}
          title={props.card ? headingOf(props.card) : t("failed.title")}
          grey={props.how === "expired"}
        >
          <p className="font-medium">{t(`failed.${props.how}`)}</p>
          {props.reason && <p className="mt-1 [overflow-wrap:anywhere]">{props.reason}</p>}
          <p className="mt-1 text-sm text-ink2">
            {t(props.how === "uncertain" ? "failed.uncertain.next" : "error.nothing_done")}
          </p>
          {props.action && <div className="mt-4">{props.action}</div>}
        </Frame>
      );
  }
}

function Frame(props: {
  state: LoopState;
  title: string;
  above?: string | undefined;
  chips?: ReactNode;
  left?: number | undefined;
  grey?: boolean;
  closing?: boolean;
  children: ReactNode;
}) {
  return (
    <article
      data-face={props.state}
      className={`rounded-card border border-line bg-panel ${props.grey ? "text-ink2" : ""}`}
    >
      <header className="flex gap-3 border-b border-line p-4">
        <Loop
          state={props.state}
          size={24}
          {...(props.left === undefined ? {} : { left: props.left })}
          closing={props.closing ?? false}
        />
        <div className="min-w-0">
          {props.above && <p className="mb-0.5 text-sm text-ink2 [overflow-wrap:anywhere]">{props.above}</p>}
          <h2 className="text-lg [overflow-wrap:anywhere]">{props.title}</h2>
          {props.chips && <div className="mt-2 flex flex-wrap gap-1.5">{props.chips}</div>}
        </div>
      </header>
      <div className="p-4">{props.children}</div>
    </article>
  );
}

function WhatWillHappen({ card }: { card: Card }) {
  const totals = totalsOf(card);
  if (card.effects.length === 0) return <Rows rows={card.rows} />;
  return (
    <>
      <h3 className="mb-2 text-sm text-ink2">{t("card.effects")}</h3>
      <ol className="mb-4 grid gap-3">
        {card.effects.map((effect) => (
          <EffectLine key={effect.name} effect={effect} isOne={card.effects.length === 1} />
        ))}
      </ol>
      <p className="mb-4 flex justify-between gap-4 border-t border-line pt-3 font-medium">
        <span>{t("card.total")}</span>
        <span className={isUnlimited(card) ? "text-bad" : ""}>
          {isUnlimited(card) ? t("card.unlimited") : totals.map(money).join(" + ") || t("card.free")}
        </span>
      </p>
      {card.rows.length > 0 && (
        <>
          <h3 className="mb-2 text-sm text-ink2">{t("card.why")}</h3>
          <Rows rows={card.rows} />
        </>
      )}
    </>
  );
}

function EffectLine({ effect, isOne }: { effect: Effect; isOne: boolean }) {
  return (
    <li className="rounded-control bg-sunk p-3">
      {!isOne && <p className="mb-1 font-medium">{sentenceOf(effect)}</p>}
      <Argument effect={effect} />
      <dl className="mt-2 grid gap-x-5 border-t border-line pt-2 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
        {effect.payee !== null && <Pair label={t("effect.payee")}>{effect.payee}</Pair>}
        {effect.cost_max && (
          <Pair label={t("effect.cost")}>{t("effect.at_most", { amount: money(effect.cost_max) })}</Pair>
        )}
        <Pair label={t("effect.with")}>
          {effect.with}
          {effect.provider_account && `, ${effect.provider_account}`}
        </Pair>
        <Pair label={t("effect.undo")}>
          {effect.undo === null ? t("effect.no_undo") : (said(`deed.${effect.undo}`) ?? effect.undo)}
        </Pair>
      </dl>
      {effect.live && (
        <div className="mt-2">
          <Chip tone="wait">{t("effect.live")}</Chip>
        </div>
      )}
    </li>
  );
}
