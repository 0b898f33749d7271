import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import { askTyped } from "@/api/asking";
import type { Model } from "@/api/client";
import { queries, touchedBy } from "@/api/queries";
import { capital } from "@/drafts/deed";
import { SchemaForm } from "@/drafts/SchemaForm";
import { beginning, type Schema, sent } from "@/drafts/schema";
import { Words } from "@/drafts/Words";
import { asWords, said, t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Details } from "@/ui/Details";
import { Field } from "@/ui/Field";
import { Failed } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

interface Offer extends Model<"Offered"> {
  desk: string;
}

/** Ask for something that a desk here does. Nothing happens yet: what comes back is a draft. */
export default function Composer({ onAsked, onCancel }: { onAsked: () => void; onCancel: () => void }) {
  const desks = useQuery(queries.desks());
  const [place, setPlace] = useState(0);
  const client = useQueryClient();
  const [, go] = useLocation();
  if (desks.error) return <Failed error={desks.error} />;
  if (!desks.data) return <Waiting />;
  const offers = desks.data.flatMap((desk) => desk.procedures.map((one) => ({ ...one, desk: desk.name })));
  const chosen = offers[place];
  const begun = (run: string) => {
    for (const touched of touchedBy(run)) void client.invalidateQueries(touched);
    go(`/?run=${run}`);
    onAsked();
  };
  return (
    <>
      <h2 className="mb-4 text-lg">{t("ask.title")}</h2>
      <Words onBegun={begun} />
      <Details says={t("ask.form")}>
        <Field label={t("ask.what")}>
          {(about) => (
            <select
              {...about}
              className="control"
              value={place}
              onChange={(event) => setPlace(Number(event.target.value))}
            >
              {offers.map((one, number) => (
                <option key={`${one.desk}.${one.name}`} value={number}>
                  {nameOf(one)}
                </option>
              ))}
            </select>
          )}
        </Field>
        {chosen && <Wanted key={`${chosen.desk}.${chosen.name}`} offer={chosen} onBegun={begun} />}
      </Details>
      <div className="mt-4">
        <Button kind="quiet" onClick={onCancel} cap="Escape">
          {t("cancel")}
        </Button>
      </div>
    </>
  );
}

function Wanted({ offer, onBegun }: { offer: Offer; onBegun: (run: string) => void }) {
  const takes = offer.takes as Record<string, Schema>;
  const [values, setValues] = useState(() =>
    Object.fromEntries(Object.entries(takes).map(([name, schema]) => [name, beginning(schema, schema)])),
  );
  const key = useRef(crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
  const asking = useMutation({
    mutationFn: () => {
      const passed = Object.fromEntries(
        Object.entries(takes).map(([name, schema]) => [name, sent(values[name], schema, schema)]),
      );
      return askTyped({ desk: offer.desk, procedure: offer.name, arguments: passed }, key.current);
    },
    onSuccess: onBegun,
  });
  return (
    <form
      className="mt-4 grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        asking.mutate();
      }}
    >
      <p className="text-sm text-ink2">{said(`offer.${offer.desk}.${offer.name}.does`) ?? offer.does}</p>
      {Object.entries(takes).map(([name, schema]) => (
        <SchemaForm
          key={name}
          name={name}
          schema={schema}
          root={schema}
          value={values[name]}
          onChange={(value) => setValues({ ...values, [name]: value })}
        />
      ))}
      {asking.error && <Failed error={asking.error} />}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" kind="main" disabled={asking.isPending}>
          {t(asking.isPending ? "ask.busy" : "ask.send")}
        </Button>
      </div>
      <p className="text-sm text-ink2">{t("ask.hint")}</p>
    </form>
  );
}

function nameOf({ desk, name }: Offer): string {
  return said(`offer.${desk}.${name}`) ?? `${capital(desk)}: ${asWords(name)}`;
}
