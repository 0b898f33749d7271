import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/client";
import { canSign, invite } from "@/api/passkeys";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { type Role, RoleBoxes } from "@/settings/Roles";
import { SaidOnce } from "@/settings/SaidOnce";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Field } from "@/ui/Field";
import { Section, Waiting } from "@/ui/Page";

const DAYS = 7;

/** An owner lets somebody in, by an address that is good once. */
export default function Invitations() {
  const known = useQuery(queries.invitations());
  const touched = queries.invitations().queryKey;
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<Role[]>(["approver"]);
  const { data: passkeys } = useQuery(queries.passkeys());
  const [wantsPasskey, setWantsPasskey] = useState(true);
  const mayConfirm = canSign() && (passkeys?.length ?? 0) > 0;
  const making = useAct(() => invite({ name: name.trim(), roles, days: DAYS }, mayConfirm && wantsPasskey), touched);
  const ending = useAct(
    (invitation: string) => ask("delete", "/api/invitations/{invitation}", { path: { invitation } }),
    touched,
  );
  return (
    <Section title={t("invitations")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("invitations.says", { count: DAYS })}</p>
      <Refused error={known.error} />
      {!known.data && !known.error && <Waiting rows={1} />}
      <ul className="mb-3 grid gap-2">
        {known.data?.map((one) => (
          <Listed
            key={one.id}
            action={
              <Confirm
                says={t("invitations.end")}
                about={one.name}
                asks={t("invitations.end.asks", { name: one.name })}
                isBusy={ending.isPending}
                onYes={() => ending.mutate(one.id)}
              />
            }
          >
            <p className="font-medium">{one.name}</p>
            <p className="text-sm text-ink2">
              {one.roles.map((role) => t(`role.${role as Role}`)).join(", ")}{" "}
              {t("limits.until", { at: moment(one.expires_at) })}
            </p>
          </Listed>
        ))}
      </ul>
      <Refused error={ending.error} again={() => ending.variables && ending.mutate(ending.variables)} />
      <form
        className="grid gap-2 rounded-card border border-line bg-panel p-4"
        onSubmit={(event) => {
          event.preventDefault();
          making.mutate(undefined, { onSuccess: () => setName("") });
        }}
      >
        <Field label={t("invitations.name")}>
          {(about) => (
            <input
              {...about}
              className="control"
              required
              maxLength={60}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <RoleBoxes legend={t("invitations.roles")} roles={roles} onChange={setRoles} />
        {mayConfirm && (
          <label className="flex min-h-12 items-center gap-2">
            <input
              type="checkbox"
              className="size-5"
              checked={wantsPasskey}
              onChange={(event) => setWantsPasskey(event.target.checked)}
            />
            {t("invitations.confirm")}
          </label>
        )}
        <div>
          <Button type="submit" kind="main" disabled={!name.trim() || making.isPending}>
            {t("invitations.make")}
          </Button>
        </div>
        <Refused error={making.error} again={() => making.mutate()} />
        {making.data && (
          <SaidOnce label={t("invitations.address", { name: making.data.name })} secret={making.data.address} />
        )}
      </form>
    </Section>
  );
}
