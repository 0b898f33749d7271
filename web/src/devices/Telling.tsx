import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Model } from "@/api/client";
import { areAmountsShown, deviceOf, showAmounts, subscribe, unsubscribe, whyNotTold } from "@/api/devices";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Section } from "@/ui/Page";

/** Whether this device is told what waits, how much of it, and which others are. */
export function Telling({ me }: { me: Model<"Me"> }) {
  const client = useQueryClient();
  const known = useQuery(queries.devices());
  const changed = () => client.invalidateQueries({ queryKey: queries.devices().queryKey });
  const turningOn = useMutation({ mutationFn: () => subscribe(me), onSettled: changed });
  const turningOff = useMutation({ mutationFn: (device: string) => unsubscribe(me, device), onSettled: changed });
  const [amounts, setAmounts] = useState(areAmountsShown);
  const mine = known.data?.devices.find((one) => one.id === deviceOf(me));
  const others = known.data?.devices.filter((one) => one !== mine) ?? [];
  const why = whyNotTold();
  const error = known.error ?? turningOn.error ?? turningOff.error;
  return (
    <Section title={t("telling")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("telling.says")}</p>
      {known.data && !mine && why && <p className="mb-3 max-w-[65ch]">{t(`telling.${why}`)}</p>}
      {known.data && !mine && !why && (
        <Button kind="main" disabled={turningOn.isPending} onClick={() => turningOn.mutate()}>
          {t("telling.on")}
        </Button>
      )}
      {mine && (
        <>
          <label className="mb-3 flex min-h-12 items-center gap-3">
            <input
              type="checkbox"
              className="size-5"
              checked={amounts}
              onChange={(event) => {
                setAmounts(event.target.checked);
                void showAmounts(me, event.target.checked);
              }}
            />
            {t("telling.amounts")}
          </label>
          <Button kind="bad" disabled={turningOff.isPending} onClick={() => turningOff.mutate(mine.id)}>
            {t("telling.off")}
          </Button>
        </>
      )}
      {others.length > 0 && <h3 className="mt-5 mb-2 text-sm">{t("telling.others")}</h3>}
      <ul className="grid gap-2">
        {others.map(({ id, service, added_at: added }) => (
          <li
            key={id}
            className="flex flex-wrap items-center justify-between gap-3 rounded-card border border-line bg-panel p-3"
          >
            <span className="min-w-0 [overflow-wrap:anywhere]">
              {service}
              <span className="block text-sm text-ink2">{t("passkeys.added", { at: moment(added) })}</span>
            </span>
            <Button
              kind="bad"
              disabled={turningOff.isPending}
              aria-label={t("passkeys.remove_one", { name: service })}
              onClick={() => turningOff.mutate(id)}
            >
              {t("passkeys.remove")}
            </Button>
          </li>
        ))}
      </ul>
      {error && (
        <div className="mt-3">
          <Failed error={error} />
        </div>
      )}
    </Section>
  );
}
