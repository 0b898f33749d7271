import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, type Model } from "@/api/client";
import { queries } from "@/api/queries";
import type { Difference } from "@/drafts/card";
import { Differences } from "@/drafts/Differences";
import { capital } from "@/drafts/deed";
import { SchemaForm } from "@/drafts/SchemaForm";
import { beginning, nameOf, type Schema, sent } from "@/drafts/schema";
import { said, t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Notice } from "@/ui/Notice";
import { Section, Waiting } from "@/ui/Page";

type Known = Model<"DefaultsOut">;
type Values = Record<string, unknown>;

const DEFAULTS = ["defaults"];
const WHOLE_MINUTE = /^(\d\d:\d\d):00$/;

/** What each desk takes where whoever asks does not say; everybody sees it, an owner sets it. */
export default function Defaults() {
  const { data: me } = useQuery(queries.me());
  const known = useQuery({ queryKey: DEFAULTS, queryFn: () => ask("get", "/api/defaults") });
  const isOwner = me?.roles.includes("owner") ?? false;
  return (
    <>
      <p className="mb-6 max-w-[65ch] text-ink2">{t("defaults.says")}</p>
      {me && !isOwner && (
        <div className="mb-6">
          <Notice tone="plain" title={t("people.not_owner")} />
        </div>
      )}
      <Refused error={known.error} />
      {!known.data && !known.error && <Waiting rows={2} />}
      {known.data?.length === 0 && <p>{t("defaults.no_desk")}</p>}
      {known.data?.map((one) => (
        <Section key={one.desk} title={said(`desk.${one.desk}`) ?? capital(one.desk)}>
          {isOwner ? <DeskForm key={JSON.stringify(one.values)} known={one} /> : <DeskValues known={one} />}
        </Section>
      ))}
    </>
  );
}

function DeskValues({ known: { values } }: { known: Known }) {
  const found = [...spelt(inMinutes(values))];
  if (found.length === 0) return <p>{t("defaults.none")}</p>;
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-5 gap-y-1 rounded-card border border-line bg-panel p-4">
      {found.map(([name, text]) => (
        <div key={name} className="contents">
          <dt className="text-ink2">{name}</dt>
          <dd className="[overflow-wrap:anywhere]">{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function DeskForm({ known }: { known: Known }) {
  const schema = known.takes as Schema;
  const before = inMinutes(known.values);
  const [value, setValue] = useState<unknown>({ ...(beginning(schema, schema) as Values), ...before });
  const setting = useAct(
    (values: Values) => ask("put", "/api/defaults", { body: { desk: known.desk, values } }),
    DEFAULTS,
  );
  const wanted = sent(value, schema, schema) as Values;
  const found = thatDiffer(spelt(before), spelt(wanted));
  const send = (event: FormEvent) => {
    event.preventDefault();
    setting.mutate(wanted);
  };
  return (
    <form onSubmit={send} className="grid gap-4 rounded-card border border-line bg-panel p-4">
      <SchemaForm name={known.desk} schema={schema} root={schema} value={value} onChange={setValue} />
      {found.length > 0 && <Differences found={found} title={t("rules.different")} />}
      <div>
        <Button type="submit" kind="main" disabled={found.length === 0 || setting.isPending}>
          {t("defaults.set")}
        </Button>
        <p className="mt-2 text-sm text-ink2">{t("defaults.from_now")}</p>
      </div>
      <Refused error={setting.error} again={() => setting.variables && setting.mutate(setting.variables)} />
    </form>
  );
}

/** Hours as a person says them; the server says their seconds too. */
function inMinutes(values: Values): Values {
  const spoken = (value: unknown) => (typeof value === "string" ? value.replace(WHOLE_MINUTE, "$1") : value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, spoken(value)]));
}

/** What is set, by the name that people read. */
function spelt(values: Values): Map<string, string> {
  const isSet = ([, value]: [string, unknown]) => value !== null && value !== "";
  return new Map(
    Object.entries(values)
      .filter(isSet)
      .map(([name, value]) => [nameOf(name), String(value)]),
  );
}

function thatDiffer(before: Map<string, string>, now: Map<string, string>): Difference[] {
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter((at) => before.get(at) !== now.get(at))
    .map((at) => ({ at, before: before.get(at), now: now.get(at) }));
}
