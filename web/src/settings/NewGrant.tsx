import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { askTyped } from "@/api/asking";
import { queries } from "@/api/queries";
import { capital, deedOf } from "@/drafts/deed";
import { MoneyField } from "@/drafts/MoneyField";
import { t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { useFirstFocus } from "@/ui/useFirstFocus";

const DAY_MICROSECONDS = 86_400_000_000;
const WINDOW_DAYS_MAX = 31;
const DAYS_MAX = 366;
const GIVES_GRANTS = "Grants.give";

/** Ask for a grant; it is given by a yes to the card that shows it, like everything else. */
export default function NewGrant() {
  const connectors = useQuery(queries.connectors());
  const [, go] = useLocation();
  const form = useFirstFocus<HTMLFormElement>();
  const [operations, setOperations] = useState<string[]>([]);
  const [payees, setPayees] = useState("");
  const [each, setEach] = useState<unknown>();
  const [total, setTotal] = useState<unknown>();
  const [days, setDays] = useState({ window: 30, end: 30 });
  const known = (connectors.data ?? []).filter((one) => !one.operations.includes(GIVES_GRANTS));
  const live = known.some((one) => one.live && one.operations.some((name) => operations.includes(name)));
  const asking = useMutation({
    mutationFn: () =>
      askTyped(
        {
          desk: "grants",
          procedure: "give_grant",
          arguments: {
            terms: {
              operations,
              payees: payees.split("\n").flatMap((one) => one.trim() || []),
              each_max: each,
              total_max: total,
              window_days: days.window,
              expires_at: Date.now() * 1_000 + days.end * DAY_MICROSECONDS,
              live,
            },
          },
        },
        crypto.randomUUID(),
      ),
    onSuccess: (run) => go(`/?run=${run}`),
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    asking.mutate();
  };
  return (
    <form ref={form} onSubmit={send} className="grid gap-4 rounded-card border border-line bg-panel p-4">
      <fieldset>
        <legend className="mb-1 text-sm font-medium">{t("limits.new.for")}</legend>
        {known.flatMap((connector) =>
          connector.operations.map((name) => (
            <label key={name} className="flex min-h-11 items-center gap-3">
              <input
                type="checkbox"
                className="size-5"
                checked={operations.includes(name)}
                onChange={(event) =>
                  setOperations(event.target.checked ? [...operations, name] : operations.filter((one) => one !== name))
                }
              />
              {t("limits.new.with", { deed: capital(deedOf(name)), with: connector.name })}
            </label>
          )),
        )}
      </fieldset>
      <Field label={t("limits.new.payees")} hint={t("limits.new.payees.hint")}>
        {(about) => (
          <textarea
            {...about}
            className="control"
            rows={2}
            value={payees}
            onChange={(event) => setPayees(event.target.value)}
          />
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={t("limits.new.each")}>
          {(about) => <MoneyField about={about} required value={each} onChange={setEach} />}
        </Field>
        <Field label={t("limits.new.total")}>
          {(about) => <MoneyField about={about} required value={total} onChange={setTotal} />}
        </Field>
        <Days
          label={t("limits.new.window")}
          max={WINDOW_DAYS_MAX}
          value={days.window}
          onChange={(window) => setDays({ ...days, window })}
        />
        <Days
          label={t("limits.new.end")}
          max={DAYS_MAX}
          value={days.end}
          onChange={(end) => setDays({ ...days, end })}
        />
      </div>
      <div>
        <Button type="submit" kind="main" disabled={operations.length === 0 || asking.isPending}>
          {t("limits.new.ask")}
        </Button>
        <p className="mt-2 text-sm text-ink2">{t("limits.new.says")}</p>
      </div>
      <Refused error={asking.error ?? connectors.error} />
    </form>
  );
}

function Days(props: { label: string; max: number; value: number; onChange: (days: number) => void }) {
  return (
    <Field label={props.label}>
      {(about) => (
        <input
          {...about}
          type="number"
          className="control"
          min={1}
          max={props.max}
          required
          value={props.value || ""}
          onChange={(event) => props.onChange(event.target.valueAsNumber || 0)}
        />
      )}
    </Field>
  );
}
