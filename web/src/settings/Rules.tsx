import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, type Model } from "@/api/client";
import { confirmation } from "@/api/passkeys";
import { queries } from "@/api/queries";
import type { Difference } from "@/drafts/card";
import { Differences } from "@/drafts/Differences";
import { t } from "@/i18n";
import { money } from "@/i18n/spelling";
import { Ceilings, type Wanted } from "@/settings/Ceilings";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Section, Waiting } from "@/ui/Page";

type Known = Model<"RulesOut">;
type Need = Model<"NeedSaid">;

const RULES = ["rules"];
const YESES_MAX = 9;

/** An owner sets what each yes takes and how much is spent at most; what is different is shown first. */
export default function Rules() {
  const known = useQuery({ queryKey: RULES, queryFn: () => ask("get", "/api/rules") });
  const setting = useAct(setRules, RULES, queries.budgets().queryKey);
  return (
    <Section title={t("rules")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("rules.says")}</p>
      <Refused error={known.error} />
      {!known.data && !known.error && <Waiting rows={2} />}
      {known.data && (
        <RulesForm
          key={known.data.version}
          known={known.data}
          isBusy={setting.isPending}
          onSet={(rules) => setting.mutate(rules)}
        />
      )}
      <Refused error={setting.error} again={() => setting.variables && setting.mutate(setting.variables)} />
    </Section>
  );
}

async function setRules(wanted: Model<"RulesWanted">): Promise<Known> {
  const challenge = await ask("post", "/api/rules/challenge", { body: wanted });
  return ask("post", "/api/rules", { body: { ...wanted, confirmed: await confirmation(challenge) } });
}

function RulesForm(props: { known: Known; isBusy: boolean; onSet: (rules: Model<"RulesWanted">) => void }) {
  const { known } = props;
  const [ceilings, setCeilings] = useState<Wanted[]>(known.ceilings.map((one, key) => ({ ...one, key })));
  const [need, setNeed] = useState<Need>(known.need);
  const found = [...needsThatDiffer(known.need, need), ...ceilingsThatDiffer(known, ceilings)];
  const send = (event: FormEvent) => {
    event.preventDefault();
    const wanted = ceilings.map(({ amount, window_days }) => ({ amount, window_days })) as Model<"CeilingSaid">[];
    props.onSet({ need, ceilings: wanted, instead_of: known.version });
  };
  return (
    <form onSubmit={send} className="grid gap-4 rounded-card border border-line bg-panel p-4">
      <Ceilings ceilings={ceilings} onChange={setCeilings} />
      <Field label={t("rules.count")}>
        {(about) => (
          <input
            {...about}
            type="number"
            className="control max-w-24"
            min={1}
            max={YESES_MAX}
            required
            value={need.count || ""}
            onChange={(event) => setNeed({ ...need, count: event.target.valueAsNumber || 0 })}
          />
        )}
      </Field>
      {(["passkey", "separation"] as const).map((name) => (
        <label key={name} className="flex min-h-11 items-center gap-2">
          <input
            type="checkbox"
            className="size-5"
            checked={need[name]}
            onChange={(event) => setNeed({ ...need, [name]: event.target.checked })}
          />
          {t(`rules.${name}`)}
        </label>
      ))}
      {found.length > 0 && <Differences found={found} title={t("rules.different")} />}
      <div>
        <Button type="submit" kind="main" disabled={found.length === 0 || props.isBusy}>
          {t("rules.set")}
        </Button>
        <p className="mt-2 text-sm text-ink2">{t("rules.looser")}</p>
      </div>
    </form>
  );
}

function needsThatDiffer(before: Need, now: Need): Difference[] {
  const said = (value: boolean) => t(value ? "yes" : "no");
  return [
    ...(before.count === now.count
      ? []
      : [{ at: t("rules.count"), before: String(before.count), now: String(now.count) }]),
    ...(["passkey", "separation"] as const)
      .filter((name) => before[name] !== now[name])
      .map((name) => ({ at: t(`rules.${name}`), before: said(before[name]), now: said(now[name]) })),
  ];
}

/** Ceilings are the same where they are in the same currency and for the same days. */
function ceilingsThatDiffer(known: Known, wanted: Wanted[]): Difference[] {
  const before = spelt(known.ceilings);
  const now = spelt(wanted);
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter((at) => before.get(at) !== now.get(at))
    .map((at) => ({ at, before: before.get(at), now: now.get(at) }));
}

function spelt(ceilings: readonly Omit<Wanted, "key">[]): Map<string, string> {
  return new Map(
    ceilings.flatMap(({ amount, window_days: count }) =>
      amount ? [[t("rules.ceiling", { currency: amount.currency, count }), money(amount)] as const] : [],
    ),
  );
}
