import type { Model } from "@/api/client";
import { t } from "@/i18n";

export type Role = Model<"RolesWanted">["roles"][number];
const ROLES: readonly Role[] = ["owner", "approver", "viewer"];

/** What somebody may do; at least one of these. */
export function RoleBoxes(props: {
  legend: string;
  roles: Role[];
  disabled?: boolean;
  onChange: (roles: Role[]) => void;
}) {
  return (
    <fieldset className="flex flex-wrap gap-x-5" disabled={props.disabled}>
      <legend className="sr-only">{props.legend}</legend>
      {ROLES.map((role) => {
        const has = props.roles.includes(role);
        return (
          <label key={role} className="flex min-h-11 items-center gap-2">
            <input
              type="checkbox"
              className="size-5"
              checked={has}
              disabled={has && props.roles.length === 1}
              onChange={() => props.onChange(has ? props.roles.filter((one) => one !== role) : [...props.roles, role])}
            />
            {t(`role.${role}`)}
          </label>
        );
      })}
    </fieldset>
  );
}
