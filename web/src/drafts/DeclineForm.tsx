import { useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";

/** A no, and what should be done differently; the sentence goes to whoever asked, and may be empty. */
export function DeclineForm(props: { isBusy: boolean; onDecline: (reason: string) => void; onClose: () => void }) {
  const [reason, setReason] = useState("");
  return (
    <form
      className="rounded-card border border-line bg-panel p-4"
      onKeyDown={(event) => event.key === "Escape" && props.onClose()}
      onSubmit={(event) => {
        event.preventDefault();
        props.onDecline(reason.trim());
      }}
    >
      <Field label={t("decline.why")} hint={t("decline.hint")}>
        {(about) => (
          <input
            {...about}
            // biome-ignore lint/a11y/noAutofocus: it was opened to be written in
            autoFocus
            className="control"
            maxLength={2_000}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
      </Field>
      <div className="mt-3 flex flex-wrap gap-2">
        <Button type="submit" kind="bad" disabled={props.isBusy}>
          {t(props.isBusy ? "decline.busy" : "decline.send")}
        </Button>
        <Button kind="quiet" onClick={props.onClose} cap="Escape">
          {t("cancel")}
        </Button>
      </div>
    </form>
  );
}
