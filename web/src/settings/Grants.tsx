import { useQuery } from "@tanstack/react-query";
import { ask, type Model } from "@/api/client";
import { queries } from "@/api/queries";
import { capital, deedOf } from "@/drafts/deed";
import { t } from "@/i18n";
import { moment, money } from "@/i18n/spelling";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { UsedUp } from "@/settings/UsedUp";
import { useAct } from "@/settings/useAct";
import { Chip } from "@/ui/Chip";
import { Confirm } from "@/ui/Confirm";
import { Section, Waiting } from "@/ui/Page";

/** The standing permissions under which gates open by themselves, and the end of one. */
export function Grants() {
  const grants = useQuery(queries.grants());
  const ending = useAct(
    (grant: string) => ask("delete", "/api/grants/{grant}", { path: { grant } }),
    queries.grants().queryKey,
  );
  return (
    <Section title={t("limits.grants")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("limits.grants.says")}</p>
      <Refused error={grants.error} />
      {!grants.data && !grants.error && <Waiting rows={1} />}
      {grants.data?.length === 0 && <p>{t("limits.grants.none")}</p>}
      <ul className="grid gap-2">
        {grants.data?.map((one) => (
          <Listed
            key={one.id}
            action={
              <Confirm
                says={t("limits.end")}
                about={deedsOf(one)}
                asks={t("limits.end.asks")}
                isBusy={ending.isPending}
                onYes={() => ending.mutate(one.id)}
              />
            }
          >
            <Terms grant={one} />
          </Listed>
        ))}
      </ul>
      <Refused error={ending.error} again={() => ending.variables && ending.mutate(ending.variables)} />
    </Section>
  );
}

function Terms({ grant }: { grant: Model<"GrantOut"> }) {
  return (
    <>
      <p className="font-medium">{deedsOf(grant)}</p>
      <p>{grant.payees.length > 0 ? t("limits.payee", { payees: grant.payees.join(", ") }) : t("limits.nobody")}</p>
      <p className="text-sm text-ink2">
        {t("limits.each", { amount: money(grant.each_max) })}{" "}
        {t("limits.within", { amount: money(grant.total_max), count: grant.window_days })}{" "}
        {t("limits.until", { at: moment(grant.expires_at) })}
      </p>
      <div className="mt-1 flex flex-wrap gap-1.5">
        <Chip tone={grant.live ? "wait" : "plain"}>{t(grant.live ? "mode.live" : "mode.practice")}</Chip>
        {grant.suspended && <Chip tone="bad">{t("limits.suspended")}</Chip>}
        {grant.is_over && <Chip>{t("limits.over")}</Chip>}
      </div>
      <UsedUp used={grant.used} of={grant.total_max} />
    </>
  );
}

function deedsOf({ operations }: Model<"GrantOut">): string {
  return capital(operations.map(deedOf).join(", "));
}
