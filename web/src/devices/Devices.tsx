import { useMutation, useQuery } from "@tanstack/react-query";
import type { Model } from "@/api/client";
import { switchAccount } from "@/api/devices";
import { queries } from "@/api/queries";
import { Install } from "@/devices/Install";
import { Telling } from "@/devices/Telling";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";
import { Section, Waiting } from "@/ui/Page";

/** This device: as whom it asks, where, in which account; how it is told; and how it becomes an app of its own. */
export default function Devices() {
  const { data: me } = useQuery(queries.me());
  return (
    <>
      <ThisDevice me={me} />
      {me && <Telling me={me} />}
      <Install />
    </>
  );
}

function ThisDevice({ me }: { me: Model<"Me"> | undefined }) {
  const accounts = useQuery(queries.accounts());
  const switching = useMutation({ mutationFn: switchAccount });
  const error = accounts.error ?? switching.error;
  const current = accounts.data?.find((one) => one.current);
  const others = accounts.data?.filter((one) => !one.current) ?? [];
  return (
    <Section title={t("device")}>
      {!accounts.data && !error && <Waiting rows={1} />}
      {me && current && (
        <dl className="mb-3 grid grid-cols-[auto_minmax(0,1fr)] gap-x-5 gap-y-1">
          <dt className="text-ink2">{t("device.address")}</dt>
          <dd className="[overflow-wrap:anywhere]">{location.origin}</dd>
          <dt className="text-ink2">{t("device.account")}</dt>
          <dd className="[overflow-wrap:anywhere]">{nameOf(current)}</dd>
          <dt className="text-ink2">{t("device.person")}</dt>
          <dd className="[overflow-wrap:anywhere]">
            {me.name}, {me.roles.map((role) => t(`role.${role as "owner"}`)).join(", ")}
          </dd>
        </dl>
      )}
      {others.length > 0 && (
        <ul className="grid gap-2">
          {others.map((one) => (
            <li key={one.id}>
              <Button disabled={switching.isPending} onClick={() => switching.mutate(one.id)}>
                {t("device.switch", { account: nameOf(one) })}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {error && <Failed error={error} />}
    </Section>
  );
}

/** What an account is called; one that nobody named, by what it is. */
function nameOf({ name, sort }: Model<"AccountOut">): string {
  return name || t(`account.${sort as "household"}`);
}
