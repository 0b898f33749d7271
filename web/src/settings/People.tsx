import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, type Model } from "@/api/client";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { type Role, RoleBoxes } from "@/settings/Roles";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Section, Waiting } from "@/ui/Page";

/** Everybody in the account, and what they may do; an owner changes that, and takes people out. */
export function People({ isOwner }: { isOwner: boolean }) {
  const { data: me } = useQuery(queries.me());
  const people = useQuery(queries.people());
  const touched = [queries.people().queryKey, queries.me().queryKey];
  const changing = useAct(
    async ({ person, roles }: { person: string; roles: Role[] }) => {
      const path = { person };
      const challenge = await ask("post", "/api/people/{person}/roles/challenge", { path, body: { roles } });
      const confirmed = await (await import("@/api/passkeys")).confirmation(challenge);
      return ask("post", "/api/people/{person}/roles", { path, body: { roles, confirmed } });
    },
    ...touched,
  );
  const removing = useAct((person: string) => ask("delete", "/api/people/{person}", { path: { person } }), ...touched);
  return (
    <Section title={t("people")} count={people.data?.length}>
      <Refused error={people.error} />
      {!people.data && !people.error && <Waiting rows={1} />}
      <ul className="grid gap-2">
        {people.data?.map((one) => (
          <Listed
            key={`${one.id} ${one.roles}`}
            action={
              isOwner && (
                <Confirm
                  says={t(one.id === me?.person ? "people.leave" : "people.remove")}
                  about={one.name}
                  asks={t(one.id === me?.person ? "people.leave.asks" : "people.remove.asks", { name: one.name })}
                  isBusy={removing.isPending}
                  onYes={() => removing.mutate(one.id)}
                />
              )
            }
          >
            <Somebody
              person={one}
              name={one.id === me?.person ? t("people.you", { name: one.name }) : one.name}
              isFixed={!isOwner || changing.isPending}
              onChange={(roles) => changing.mutate({ person: one.id, roles })}
            />
          </Listed>
        ))}
      </ul>
      <Refused error={changing.error} again={() => changing.variables && changing.mutate(changing.variables)} />
      <Refused error={removing.error} again={() => removing.variables && removing.mutate(removing.variables)} />
    </Section>
  );
}

function Somebody(props: {
  person: Model<"PersonOut">;
  name: string;
  isFixed: boolean;
  onChange: (roles: Role[]) => void;
}) {
  const { name, roles, passkeys } = props.person;
  const [wanted, setWanted] = useState(roles as Role[]);
  const isDifferent = wanted.length !== roles.length || wanted.some((role) => !roles.includes(role));
  return (
    <>
      <p className="font-medium">{props.name}</p>
      <RoleBoxes legend={t("people.roles", { name })} roles={wanted} disabled={props.isFixed} onChange={setWanted} />
      {isDifferent && (
        <Button disabled={props.isFixed} onClick={() => props.onChange(wanted)}>
          {t("people.change", { name })}
        </Button>
      )}
      <p className="text-sm text-ink2">{t("people.passkeys", { count: passkeys })}</p>
    </>
  );
}
