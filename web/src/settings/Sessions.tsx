import { useQuery } from "@tanstack/react-query";
import { ask } from "@/api/client";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Chip } from "@/ui/Chip";
import { Confirm } from "@/ui/Confirm";
import { Section, Waiting } from "@/ui/Page";

/** The browsers in which somebody is known, and the end of one; of this one, that is leaving. */
export default function Sessions() {
  const sessions = useQuery(queries.sessions());
  const ending = useAct(
    (session: string) => ask("delete", "/api/sessions/{session}", { path: { session } }),
    queries.sessions().queryKey,
  );
  return (
    <Section title={t("sessions")} count={sessions.data?.length}>
      <Refused error={sessions.error} />
      {!sessions.data && !sessions.error && <Waiting rows={1} />}
      <ul className="grid gap-2">
        {sessions.data?.map((one) => (
          <Listed
            key={one.id}
            action={
              <Confirm
                says={t(one.current ? "sessions.leave" : "sessions.end")}
                about={one.browser}
                asks={t(one.current ? "sessions.leave.asks" : "sessions.end.asks", { browser: one.browser })}
                isBusy={ending.isPending}
                onYes={() => ending.mutate(one.id)}
              />
            }
          >
            <p className="font-medium">
              {one.browser} {one.current && <Chip tone="info">{t("sessions.this")}</Chip>}
            </p>
            <p className="text-sm text-ink2">
              {t("sessions.when", { begun: moment(one.begun_at), used: moment(one.used_at) })}
            </p>
          </Listed>
        ))}
      </ul>
      <Refused error={ending.error} again={() => ending.variables && ending.mutate(ending.variables)} />
    </Section>
  );
}
