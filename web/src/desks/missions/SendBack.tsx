import { useState } from "react";
import type { Mission } from "@/desks/missions/api";
import { stepsBefore } from "@/desks/missions/standing";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { useFirstFocus } from "@/ui/useFirstFocus";

interface Props {
  mission: Mission;
  isBusy: boolean;
  onSend: (step: string, reason: string) => void;
  onClose: () => void;
}

/** A no to what was made: which step is to do it again, and what should be different. */
export function SendBack({ mission, isBusy, onSend, onClose }: Props) {
  const steps = stepsBefore(mission);
  const [step, setStep] = useState(steps[0]?.step_id ?? "");
  const [reason, setReason] = useState("");
  const form = useFirstFocus<HTMLFormElement>();
  return (
    <form
      ref={form}
      className="grid gap-3 rounded-card border border-line bg-panel p-4"
      onKeyDown={(event) => event.key === "Escape" && onClose()}
      onSubmit={(event) => {
        event.preventDefault();
        onSend(step, reason.trim());
      }}
    >
      <Field label={t("missions.back_to.step")} hint={t("missions.back_to.hint")}>
        {(about) => (
          <select {...about} className="control" value={step} onChange={(event) => setStep(event.target.value)}>
            {steps.map((one) => (
              <option key={one.step_id} value={one.step_id}>
                {one.name}
                {one.autonomy && `, ${t(`missions.autonomy.${one.autonomy}`)}`}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("missions.back_to.why")}>
        {(about) => (
          <textarea
            {...about}
            rows={3}
            required
            maxLength={2_000}
            className="control"
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
      </Field>
      <div className="flex flex-wrap gap-2">
        <Button type="submit" kind="bad" disabled={isBusy || !reason.trim()}>
          {t("missions.back_to.send")}
        </Button>
        <Button kind="quiet" cap="Escape" onClick={onClose}>
          {t("cancel")}
        </Button>
      </div>
    </form>
  );
}
