import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/client";
import { queries } from "@/api/queries";
import { capital } from "@/drafts/deed";
import { said, t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { SaidOnce } from "@/settings/SaidOnce";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Field } from "@/ui/Field";
import { Section, Waiting } from "@/ui/Page";

const DAYS = 30;

/** The agents that may propose, each under a token of its own. */
export default function Agents({ isOwner }: { isOwner: boolean }) {
  const tokens = useQuery(queries.tokens());
  const ending = useAct(
    (token: string) => ask("delete", "/api/tokens/{token}", { path: { token } }),
    queries.tokens().queryKey,
  );
  return (
    <Section title={t("agents")} count={tokens.data?.length}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("agents.says", { count: DAYS })}</p>
      <Refused error={tokens.error} />
      {!tokens.data && !tokens.error && <Waiting rows={1} />}
      <ul className="mb-3 grid gap-2">
        {tokens.data?.map((one) => (
          <Listed
            key={one.id}
            action={
              isOwner && (
                <Confirm
                  says={t("agents.end")}
                  about={one.agent}
                  asks={t("agents.end.asks", { name: one.agent })}
                  isBusy={ending.isPending}
                  onYes={() => ending.mutate(one.id)}
                />
              )
            }
          >
            <p className="font-medium">{one.agent}</p>
            <p className="text-sm text-ink2">
              {one.desks ? one.desks.map(deskName).join(", ") : t("agents.any")}{" "}
              {t("limits.until", { at: moment(one.expires_at) })}
            </p>
          </Listed>
        ))}
      </ul>
      <Refused error={ending.error} again={() => ending.variables && ending.mutate(ending.variables)} />
      {isOwner && <NewToken />}
    </Section>
  );
}

function NewToken() {
  const desks = useQuery(queries.desks());
  const [agent, setAgent] = useState("");
  const [reached, setReached] = useState<string[]>([]);
  const making = useAct(
    () =>
      ask("post", "/api/tokens", {
        body: { agent: agent.trim(), days: DAYS, desks: reached.length > 0 ? reached : null },
      }),
    queries.tokens().queryKey,
  );
  return (
    <form
      className="grid gap-2 rounded-card border border-line bg-panel p-4"
      onSubmit={(event) => {
        event.preventDefault();
        making.mutate(undefined, { onSuccess: () => setAgent("") });
      }}
    >
      <Field label={t("agents.name")} hint={t("agents.name.hint")}>
        {(about) => (
          <input
            {...about}
            className="control"
            required
            maxLength={60}
            pattern="[a-z][a-z0-9_.\-]*"
            autoCapitalize="none"
            value={agent}
            onChange={(event) => setAgent(event.target.value)}
          />
        )}
      </Field>
      <fieldset className="flex flex-wrap gap-x-5">
        <legend className="text-sm font-medium">{t("agents.desks")}</legend>
        {desks.data?.map(({ name: desk }) => (
          <label key={desk} className="flex min-h-11 items-center gap-2">
            <input
              type="checkbox"
              className="size-5"
              checked={reached.includes(desk)}
              onChange={(event) =>
                setReached(event.target.checked ? [...reached, desk] : reached.filter((one) => one !== desk))
              }
            />
            {deskName(desk)}
          </label>
        ))}
      </fieldset>
      <div>
        <Button type="submit" kind="main" disabled={!agent.trim() || making.isPending}>
          {t("agents.make")}
        </Button>
      </div>
      <Refused error={making.error} again={() => making.mutate()} />
      {making.data && <SaidOnce label={t("agents.token", { name: making.data.agent })} secret={making.data.token} />}
    </form>
  );
}

function deskName(desk: string): string {
  return said(`desk.${desk}`) ?? capital(desk);
}
