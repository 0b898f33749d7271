import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { addPasskey, canSign, removePasskey } from "@/api/passkeys";
import { queries } from "@/api/queries";
import { later, t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Section, Waiting } from "@/ui/Page";

const RecoveryCode = lazy(later(() => import("@/settings/RecoveryCode"), "phone"));

/** What a person says yes with to what is real; one that is there vouches for each further one. */
export function Passkeys() {
  const known = useQuery(queries.passkeys());
  const adding = useAct((code: string | undefined) => addPasskey(code), queries.passkeys().queryKey);
  const removing = useAct(removePasskey, queries.passkeys().queryKey);
  return (
    <Section title={t("passkeys")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("passkeys.says")}</p>
      <Refused error={known.error} />
      {!known.data && !known.error && <Waiting rows={1} />}
      <ul className="mb-3 grid gap-2">
        {known.data?.map(({ credential, added_at: added }) => (
          <Listed
            key={credential}
            action={
              <Button
                kind="bad"
                disabled={removing.isPending}
                aria-label={t("passkeys.remove_one", { name: credential.slice(0, 8) })}
                onClick={() => removing.mutate(credential)}
              >
                {t("passkeys.remove")}
              </Button>
            }
          >
            <span className="font-mono text-sm">{credential.slice(0, 8)}…</span>
            <span className="block text-sm text-ink2">{t("passkeys.added", { at: moment(added) })}</span>
          </Listed>
        ))}
      </ul>
      {known.data?.length === 0 && <p className="mb-3">{t("passkeys.none")}</p>}
      <Refused error={adding.error} again={() => adding.mutate(adding.variables)} />
      <Refused error={removing.error} again={() => removing.variables && removing.mutate(removing.variables)} />
      <Button kind="main" disabled={!canSign() || adding.isPending} onClick={() => adding.mutate(undefined)}>
        {t("passkeys.add")}
      </Button>
      <Suspense>
        <RecoveryCode said={adding.data} isBusy={adding.isPending} onUse={(code) => adding.mutate(code)} />
      </Suspense>
      {!canSign() && <p className="mt-2 text-sm text-ink2">{t("passkey.no_context")}</p>}
    </Section>
  );
}
