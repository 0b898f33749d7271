import { useQuery } from "@tanstack/react-query";
import { ask } from "@/api/client";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Confirm } from "@/ui/Confirm";
import { Section, Waiting } from "@/ui/Page";

const LOGINS = ["logins"];
const SHOWN = 8;

/** By which logins people come in from elsewhere, and the end of one. */
export default function Logins() {
  const { data: me } = useQuery(queries.me());
  const { data: people } = useQuery(queries.people());
  const logins = useQuery({ queryKey: LOGINS, queryFn: () => ask("get", "/api/logins") });
  const ending = useAct((login: string) => ask("delete", "/api/logins/{login}", { path: { login } }), LOGINS);
  const named = (person: string) => people?.find((one) => one.id === person)?.name ?? person;
  return (
    <Section title={t("logins")} count={logins.data?.length}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("logins.says")}</p>
      <Refused error={logins.error} />
      {!logins.data && !logins.error && <Waiting rows={1} />}
      {logins.data?.length === 0 && <p>{t("logins.none")}</p>}
      <ul className="grid gap-2">
        {logins.data?.map(({ id, person }) => (
          <Listed
            key={id}
            action={
              <Confirm
                says={t("logins.end")}
                about={`${named(person)}, ${id.slice(0, SHOWN)}`}
                asks={t(person === me?.person ? "logins.end.own" : "logins.end.asks", { name: named(person) })}
                isBusy={ending.isPending}
                onYes={() => ending.mutate(id)}
              />
            }
          >
            <p className="font-medium">
              {person === me?.person ? t("people.you", { name: named(person) }) : named(person)}
            </p>
            <p className="font-mono text-sm text-ink2">{id.slice(0, SHOWN)}…</p>
          </Listed>
        ))}
      </ul>
      <Refused error={ending.error} again={() => ending.variables && ending.mutate(ending.variables)} />
    </Section>
  );
}
