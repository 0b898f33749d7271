import type { Model } from "@/api/client";
import type { Gate } from "@/api/queries";
import { t } from "@/i18n";

/** Why a gate takes no yes of this person just now, whatever they have read of it; nothing where it does. */
export function whyClosedTo(me: Model<"Me"> | undefined, gate: Gate, now: number): string | undefined {
  if (gate.status === "revising") return t("why_not.revising");
  if (gate.expires / 1e3 <= now) return t("why_not.expired");
  if (me && !me.roles.some((role) => gate.need.roles.includes(role))) return t("why_not.role");
  if (me?.person && gate.yeses.includes(me.person))
    return t("why_not.said", { count: gate.need.count - gate.yeses.length });
  return undefined;
}
