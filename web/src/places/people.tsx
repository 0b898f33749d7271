import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { queries } from "@/api/queries";
import { later, t } from "@/i18n";
import { People } from "@/settings/People";
import { Room } from "@/settings/Room";
import { Notice } from "@/ui/Notice";

const Agents = lazy(later(() => import("@/settings/Agents"), "people"));
const Invitations = lazy(later(() => import("@/settings/Invitations"), "people"));

/** Who belongs to the account, who is let in, and which agents may propose. */
export default function PeopleRoom() {
  const { data: me } = useQuery(queries.me());
  const isOwner = me?.roles.includes("owner") ?? false;
  // What stands below a list is there once the list is, so that nothing is pushed down.
  const isListed = [useQuery(queries.people()), useQuery({ ...queries.invitations(), enabled: isOwner })].every(
    ({ isFetched, isEnabled }) => isFetched || !isEnabled,
  );
  return (
    <Room name="people">
      {me && !isOwner && (
        <div className="mb-6">
          <Notice tone="plain" title={t("people.not_owner")} />
        </div>
      )}
      <People isOwner={isOwner} />
      {me && isListed && (
        <Suspense>
          {isOwner && <Invitations />}
          <Agents isOwner={isOwner} />
        </Suspense>
      )}
    </Room>
  );
}
