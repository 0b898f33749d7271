import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useRef, useState } from "react";
import { canSign } from "@/api/passkeys";
import { type Gate, queries } from "@/api/queries";
import { Chips } from "@/drafts/Chips";
import { cardOf, totalsOf } from "@/drafts/card";
import { DeclineForm } from "@/drafts/DeclineForm";
import { Differences } from "@/drafts/Differences";
import { Disclosures } from "@/drafts/Disclosures";
import { DraftCard } from "@/drafts/DraftCard";
import { deedOf } from "@/drafts/deed";
import { ExactRequest } from "@/drafts/ExactRequest";
import { timeLeft, useNow, useSettled } from "@/drafts/now";
import { type Tier, tierOf } from "@/drafts/tier";
import { useDecision } from "@/drafts/useDecision";
import { useEndSeen } from "@/drafts/useEndSeen";
import { whyClosedTo } from "@/drafts/whyClosedTo";
import { later, t } from "@/i18n";
import { moment, money } from "@/i18n/spelling";
import { useCommands } from "@/keys";
import { useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Failed, Notice } from "@/ui/Notice";

const ChangeForm = lazy(later(() => import("@/drafts/ChangeForm")));

interface Props {
  gate: Gate;
  /** Which desk asks, and who asked it. */
  above?: string;
  /** Why it is still the draft that it was, where somebody has just asked for a change. */
  unchanged?: string | undefined;
  onNext?: (() => void) | undefined;
}

/** A draft on which somebody decides: what would happen, why, exactly what is sent, and then their word. */
export function ApprovalSheet({ gate, above, unchanged, onNext }: Props) {
  const deciding = useDecision(gate);
  const { read } = deciding;
  const card = cardOf(read);
  const tier = tierOf(read);
  const now = useNow();
  const isSettled = useSettled(read.draft);
  const [open, setOpen] = useState<"decline" | "change">();
  const [noted, setNoted] = useState<string>();
  const hasRead = noted === read.draft;
  const [end, isEndSeen] = useEndSeen(read.draft);
  const approve = useRef<HTMLButtonElement>(null);
  const why = useWhyNot(read, { tier, isEndSeen, hasRead, now, isConflict: Boolean(deciding.conflict) });
  const seconds = read.expires / 1e6 - now / 1e3;
  const isOwn = Boolean(deciding.own?.length);
  const isOff = useLiveness() === "offline" || deciding.isBusy;

  const sayYes = () => {
    if (why || deciding.isBusy) return;
    void deciding.give({ verdict: "approved", disclosures_read: hasRead }).catch(() => undefined);
  };
  const press = () => {
    approve.current?.scrollIntoView({ block: "nearest" });
    if (tier === 2 || why) approve.current?.focus();
    else sayYes();
  };
  useCommands([
    ...(isSettled ? [{ keys: "a", name: t("approve"), run: press }] : []),
    ...(isOff ? [] : [{ keys: "d", name: t("decline"), run: () => setOpen("decline") }]),
    ...(gate.change_takes && !isOff ? [{ keys: "e", name: t("change"), run: () => setOpen("change") }] : []),
    ...(onNext ? [{ keys: "n", name: t("command.next"), run: onNext }] : []),
  ]);

  return (
    <div data-sheet className="grid gap-4">
      {deciding.conflict && (
        <Notice
          tone="wait"
          loop="waiting"
          urgent
          title={t("conflict.title")}
          action={<Button onClick={deciding.accept}>{t("conflict.read")}</Button>}
        >
          <Differences found={deciding.conflict} title={t("conflict.difference")} />
        </Notice>
      )}
      {unchanged && (
        <Notice tone="wait" loop="waiting" urgent title={t("change.failed")}>
          {unchanged}
        </Notice>
      )}
      <DraftCard
        face="draft"
        card={card}
        {...(above ? { above } : {})}
        left={Math.max(0, Math.min(1, seconds / lifeOf(read)))}
        chips={<Chips gate={read} />}
      />
      {deciding.own && isOwn && (
        <div className="rounded-card border border-line bg-panel p-4">
          <Differences found={deciding.own} title={t("change.own")} />
        </div>
      )}
      <ExactRequest gate={read} />
      <div ref={end} aria-hidden="true" className="h-px" />
      <Disclosures gate={read} hasRead={hasRead} onRead={(has) => setNoted(has ? read.draft : undefined)} />
      {deciding.isUnknown && (
        <Notice tone="wait" loop="uncertain" urgent title={t("unknown.title")}>
          {t("unknown.says")}
        </Notice>
      )}
      {deciding.error && <Failed error={deciding.error} />}
      {open === "decline" && (
        <DeclineForm
          isBusy={isOff}
          onClose={() => setOpen(undefined)}
          onDecline={(reason) => void deciding.give({ verdict: "refused", reason }).catch(() => undefined)}
        />
      )}
      {open === "change" && gate.change_takes && (
        <Suspense>
          <ChangeForm
            gate={read}
            isBusy={isOff}
            onClose={() => setOpen(undefined)}
            onChange={(change) =>
              void deciding.give({ verdict: "changed", change }).then(
                () => setOpen(undefined),
                () => undefined,
              )
            }
          />
        </Suspense>
      )}
      <footer className="sticky bottom-[calc(4rem+env(safe-area-inset-bottom))] rounded-card border border-line bg-panel p-3 max-sm:bottom-[env(safe-area-inset-bottom)] md:bottom-4">
        <div className="flex flex-wrap gap-2">
          <Button
            ref={approve}
            kind="main"
            {...(isSettled ? { cap: "A" } : {})}
            className="min-w-44 flex-1"
            aria-disabled={Boolean(why) || deciding.isBusy || deciding.isUnknown}
            aria-describedby="why-not"
            onClick={sayYes}
          >
            {deciding.isBusy && deciding.word?.verdict === "approved" ? t("approve.busy") : nameOf(read, isOwn)}
          </Button>
          {gate.change_takes && (
            <Button cap="E" onClick={() => setOpen("change")} disabled={isOff}>
              {t("change")}
            </Button>
          )}
          <Button kind="bad" cap="D" onClick={() => setOpen("decline")} disabled={isOff}>
            {t("decline")}
          </Button>
        </div>
        <p id="why-not" className="mt-2 text-sm text-ink2">
          {why ?? (tier === 2 ? t("approve.two_keys") : tier === 3 ? t("approve.passkey") : "")}{" "}
          <time dateTime={read.expires_at} title={moment(read.expires_at)}>
            {timeLeft(seconds)}
          </time>
        </p>
      </footer>
    </div>
  );
}

/** The button names the deed, with its amount. */
function nameOf(gate: Gate, isOwn: boolean): string {
  const card = cardOf(gate);
  const amount = totalsOf(card).map(money).join(" + ");
  const deed = [...new Set(card.effects.map((one) => deedOf(one.operation)))].join(", ");
  if (isOwn) return amount ? t("approve.own_amount", { amount }) : t("approve.own");
  if (amount) return t("approve.amount", { amount });
  return deed ? t("approve.deed", { deed }) : t("approve");
}

function lifeOf(gate: Gate): number {
  return Math.max(1, gate.expires / 1e6 - Date.parse(gate.opened_at) / 1e3);
}

/** Why a yes cannot be said just now; nothing where it can. */
function useWhyNot(
  gate: Gate,
  seen: { tier: Tier; isEndSeen: boolean; hasRead: boolean; now: number; isConflict: boolean },
): string | undefined {
  const { data: me } = useQuery(queries.me());
  const isOffline = useLiveness() === "offline";
  if (isOffline) return t("why_not.offline");
  if (seen.isConflict) return t("why_not.conflict");
  const closed = whyClosedTo(me, gate, seen.now);
  if (closed) return closed;
  if (gate.must_read && !seen.hasRead) return t("why_not.unread");
  if (seen.tier > 1 && !seen.isEndSeen) return t("why_not.end");
  if (seen.tier === 3 && !canSign()) return t("passkey.no_context");
  return undefined;
}
