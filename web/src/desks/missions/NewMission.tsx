import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { createMission, type Wanted, workflows } from "@/desks/missions/api";
import { t } from "@/i18n";
import { useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field } from "@/ui/Field";
import { Failed } from "@/ui/Notice";
import { useFirstFocus } from "@/ui/useFirstFocus";

const TYPES = ["feature", "fix", "bugfix", "hotfix", "enhance"] as const;
const NOTHING: Wanted = { title: "", type: "feature", rawInput: "" };

/** What was typed and not sent, for as long as the window is open: whoever closes the form by accident loses nothing. */
let typed = { wanted: NOTHING, key: crypto.randomUUID() };

/** A mission that somebody wants; nothing of it runs before they let it begin. */
export default function NewMission({ onClose }: { onClose: () => void }) {
  const [{ wanted, key }, setTyped] = useState(typed);
  const [, go] = useLocation();
  const isOffline = useLiveness() === "offline";
  const form = useFirstFocus<HTMLFormElement>();
  const type = (more: Partial<Wanted>) => {
    typed = { wanted: { ...wanted, ...more }, key: crypto.randomUUID() };
    setTyped(typed);
  };
  const creating = useMutation({
    mutationFn: () => createMission({ ...wanted, title: wanted.title.trim() }, key),
    onSuccess: (made) => {
      type(NOTHING);
      go(`/missions/${made.mission_id}`);
    },
  });
  const isWhole = Boolean(wanted.title.trim() && wanted.rawInput.trim());
  return (
    <Dialog label={t("missions.new")} onClose={onClose} wide>
      <form
        ref={form}
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (isWhole) creating.mutate();
        }}
      >
        <h2 className="text-lg">{t("missions.new")}</h2>
        <div className="grid gap-4 sm:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
          <Field label={t("missions.new.title")}>
            {(about) => (
              <input
                {...about}
                className="control"
                maxLength={200}
                value={wanted.title}
                onChange={(event) => type({ title: event.target.value })}
              />
            )}
          </Field>
          <Field label={t("missions.new.type")}>
            {(about) => (
              <select
                {...about}
                className="control"
                value={wanted.type}
                onChange={(event) => type({ type: event.target.value as Wanted["type"] })}
              >
                {TYPES.map((one) => (
                  <option key={one} value={one}>
                    {t(`missions.type.${one}`)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <WorkflowChoice chosen={wanted.workflow} onChoose={(workflow) => type({ workflow })} />
        <Field label={t("missions.new.raw")} hint={t("missions.new.hint")}>
          {(about) => (
            <textarea
              {...about}
              rows={8}
              className="control"
              value={wanted.rawInput}
              onChange={(event) => type({ rawInput: event.target.value })}
            />
          )}
        </Field>
        {creating.error && <Failed error={creating.error} />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" kind="main" disabled={!isWhole || creating.isPending || isOffline}>
            {t(creating.isPending ? "missions.new.busy" : "missions.new.send")}
          </Button>
          <Button kind="quiet" cap="Escape" onClick={onClose}>
            {t("cancel")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Which workflow it follows, where there is more than one; and a word on the templates that cannot be followed. */
function WorkflowChoice({ chosen, onChoose }: { chosen: Wanted["workflow"]; onChoose: (workflow: string) => void }) {
  const found = useQuery(workflows()).data;
  if (!found || (found.workflows.length < 2 && found.faults.length === 0)) return null;
  const standard = found.workflows.find((one) => one.is_standard)?.workflow_id;
  return (
    <div>
      {found.workflows.length > 1 && (
        <Field label={t("missions.new.workflow")}>
          {(about) => (
            <select
              {...about}
              className="control"
              value={chosen ?? standard ?? ""}
              onChange={(event) => onChoose(event.target.value)}
            >
              {!standard && !chosen && <option value="" />}
              {found.workflows.map((one) => (
                <option key={one.workflow_id} value={one.workflow_id}>
                  {t("missions.new.workflow.one", { name: one.name, steps: one.steps.length })}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {found.faults.map((one) => (
        <p key={`${one.origin}/${one.file}`} className="mt-2 text-sm text-ink2 [overflow-wrap:anywhere]">
          {t("missions.new.workflow.fault", { file: one.file, line: one.line, problem: one.problem })}
        </p>
      ))}
    </div>
  );
}
