import { useQuery } from "@tanstack/react-query";
import { ask } from "@/api/client";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Notice";
import { Section } from "@/ui/Page";

/** The switch that stops every agent at once, for an owner who has seen enough; and the way on. */
export function StopAgents({ isStopped }: { isStopped: boolean }) {
  const { data: me } = useQuery(queries.me());
  const touched = [queries.status().queryKey, queries.tokens().queryKey, queries.grants().queryKey];
  const stopping = useAct(() => ask("post", "/api/agents/stop", { body: { reason: "" } }), ...touched);
  const resuming = useAct(() => ask("post", "/api/agents/resumption"), ...touched);
  const isOwner = me?.roles.includes("owner");
  return (
    <Section title={t("stop")}>
      {isStopped ? (
        <Notice
          tone="bad"
          loop="expired"
          title={t("stop.stopped")}
          action={
            isOwner && (
              <Button disabled={resuming.isPending} onClick={() => resuming.mutate()}>
                {t("stop.resume")}
              </Button>
            )
          }
        >
          {t("stop.stopped.says")}
        </Notice>
      ) : (
        <>
          <p className="mb-3 max-w-[65ch]">{t("stop.says")}</p>
          {isOwner && (
            <Confirm
              says={t("stop")}
              asks={t("stop.asks")}
              isBusy={stopping.isPending}
              onYes={() => stopping.mutate()}
            />
          )}
        </>
      )}
      <Refused error={stopping.error} again={() => stopping.mutate()} />
      <Refused error={resuming.error} again={() => resuming.mutate()} />
    </Section>
  );
}
