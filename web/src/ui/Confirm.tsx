import { useEffect, useRef, useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";

/** A button for what is not taken back: the first press asks, the second does. */
export function Confirm(props: { says: string; about?: string; asks: string; isBusy: boolean; onYes: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  const second = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (isAsking) second.current?.focus();
    else if (wasAsking.current) first.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  if (!isAsking) {
    return (
      <Button
        ref={first}
        kind="bad"
        disabled={props.isBusy}
        {...(props.about ? { "aria-label": `${props.says}: ${props.about}` } : {})}
        onClick={() => setAsking(true)}
      >
        {props.says}
      </Button>
    );
  }
  const close = () => setAsking(false);
  return (
    <div
      role="group"
      aria-label={props.asks}
      className="basis-full rounded-control bg-sunk p-3"
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <p className="mb-2">{props.asks}</p>
      <div className="flex flex-wrap gap-2">
        <Button
          ref={second}
          kind="bad"
          onClick={() => {
            close();
            props.onYes();
          }}
        >
          {props.says}
        </Button>
        <Button kind="quiet" onClick={close}>
          {t("cancel")}
        </Button>
      </div>
    </div>
  );
}
