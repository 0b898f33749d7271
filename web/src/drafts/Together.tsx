import { useRef, useState } from "react";
import { canSign } from "@/api/passkeys";
import type { Gate } from "@/api/queries";
import { cardOf, isUnlimited, totalsOf } from "@/drafts/card";
import { DeclineForm } from "@/drafts/DeclineForm";
import type { Word } from "@/drafts/deciding";
import { InFull } from "@/drafts/InFull";
import { useSettled } from "@/drafts/now";
import { TogetherTable } from "@/drafts/TogetherTable";
import { type Tier, tierOf } from "@/drafts/tier";
import { useEndSeen } from "@/drafts/useEndSeen";
import { useTogether } from "@/drafts/useTogether";
import { t } from "@/i18n";
import { money } from "@/i18n/spelling";
import { useCommands } from "@/keys";
import { useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Failed, Notice } from "@/ui/Notice";

/** Several drafts, each in full, on which somebody decides with one word; what becomes of it is said of each. */
export default function Together({ selected, waiting }: { selected: string[]; waiting: Gate[] }) {
  const deciding = useTogether(selected, waiting);
  const { rows, open } = deciding;
  const [read, setRead] = useState<string[]>([]);
  const [end, isEndSeen] = useEndSeen(open.map((one) => one.draft).join());
  const [isDeclining, setDeclining] = useState(false);
  const table = useRef<HTMLDivElement>(null);
  const unread = open.some((one) => one.must_read && !read.includes(one.draft));
  const why = useWhyNot(open, { isEndSeen, unread });
  const tell = () => {
    setDeclining(false);
    table.current?.focus();
  };
  const give = (wordOn: (gate: Gate) => Word) => {
    if (open.length === 0 || deciding.isBusy || deciding.isUnknown) return;
    deciding.give(new Map(open.map((gate) => [gate.id, wordOn(gate)])), { onSuccess: tell });
  };

  if (rows.length === 0) return <Notice tone="plain" loop="expired" title={t("together.none")} />;
  return (
    <div className="grid gap-4">
      <div ref={table} tabIndex={-1} className="outline-none">
        <TogetherTable rows={rows} open={open} onAccept={deciding.accept} />
      </div>
      {open.map((gate) => (
        <InFull
          key={gate.draft}
          gate={gate}
          hasRead={read.includes(gate.draft)}
          onRead={(has) => setRead(has ? [...read, gate.draft] : read.filter((one) => one !== gate.draft))}
        />
      ))}
      <div ref={end} aria-hidden="true" className="h-px" />
      {deciding.isUnknown && (
        <Notice tone="wait" loop="uncertain" urgent title={t("unknown.title")}>
          {t("together.unknown")}
        </Notice>
      )}
      {deciding.error && <Failed error={deciding.error} />}
      {isDeclining && (
        <DeclineForm
          isBusy={deciding.isBusy}
          onClose={() => setDeclining(false)}
          onDecline={(reason) => give(() => ({ verdict: "refused", reason }))}
        />
      )}
      {open.length > 0 && (
        <Buttons
          key={open.map((one) => one.draft).join()}
          open={open}
          why={why}
          isBusy={deciding.isBusy || deciding.isUnknown}
          onApprove={() => give((gate) => ({ verdict: "approved", disclosures_read: read.includes(gate.draft) }))}
          onDecline={() => setDeclining(true)}
        />
      )}
    </div>
  );
}

function Buttons(props: {
  open: Gate[];
  why: string | undefined;
  isBusy: boolean;
  onApprove: () => void;
  onDecline: () => void;
}) {
  const { open, why } = props;
  const isSettled = useSettled(open.map((one) => one.draft).join());
  const approve = useRef<HTMLButtonElement>(null);
  const tier = tierOfAll(open);
  const amount = totalsOf(...open.map(cardOf))
    .map(money)
    .join(" + ");
  const sayYes = () => {
    if (!why && !props.isBusy) props.onApprove();
  };
  useCommands([
    ...(isSettled
      ? [{ keys: "a", name: t("approve"), run: () => (tier === 2 || why ? approve.current?.focus() : sayYes()) }]
      : []),
    { keys: "d", name: t("decline"), run: props.onDecline },
  ]);
  return (
    <footer className="sticky bottom-[calc(4rem+env(safe-area-inset-bottom))] rounded-card border border-line bg-panel p-3 md:bottom-4">
      <div className="flex flex-wrap gap-2">
        <Button
          ref={approve}
          kind="main"
          {...(isSettled ? { cap: "A" } : {})}
          className="min-w-44 flex-1"
          aria-disabled={Boolean(why) || props.isBusy}
          aria-describedby="why-not"
          onClick={sayYes}
        >
          {amount
            ? t("together.approve_amount", { count: open.length, amount })
            : t("together.approve", { count: open.length })}
        </Button>
        <Button kind="bad" cap="D" onClick={props.onDecline} disabled={props.isBusy}>
          {t("together.decline", { count: open.length })}
        </Button>
      </div>
      <p id="why-not" className="mt-2 text-sm text-ink2">
        {why ?? (tier === 2 ? t("approve.two_keys") : tier === 3 ? t("together.passkey") : "")}
      </p>
    </footer>
  );
}

/** The most that any of them takes. */
function tierOfAll(open: Gate[]): Tier {
  return Math.max(...open.map(tierOf)) as Tier;
}

/** Why a yes to all of them cannot be said just now; nothing where it can. */
function useWhyNot(open: Gate[], seen: { isEndSeen: boolean; unread: boolean }): string | undefined {
  const isOffline = useLiveness() === "offline";
  const tier = tierOfAll(open);
  if (isOffline) return t("why_not.offline");
  if (tier === 3 && open.some((one) => !one.need.passkey)) return t("together.mixed");
  if (open.some((one) => isUnlimited(cardOf(one)))) return t("together.unlimited");
  if (seen.unread) return t("why_not.unread");
  if (tier > 1 && !seen.isEndSeen) return t("why_not.end");
  if (tier === 3 && !canSign()) return t("passkey.no_context");
  return undefined;
}
