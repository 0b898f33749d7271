import type { Model } from "@/api/client";
import { t } from "@/i18n";
import { type Money, moment, money } from "@/i18n/spelling";

/** How much of a limit is used within its window, and when some of it is free again. */
export function UsedUp({ used, of }: { used: Model<"Used">; of: Money }) {
  const taken = used.spent.minor + used.held.minor;
  return (
    <div className="mt-2">
      <progress
        aria-label={t("limits.used")}
        className="h-2 w-full accent-accent"
        max={Math.max(1, of.minor)}
        value={Math.min(taken, of.minor)}
      />
      <p className="text-sm text-ink2">
        {t("limits.spent", { spent: money(used.spent), left: money(used.left) })}
        {used.held.minor > 0 && ` ${t("limits.held", { held: money(used.held) })}`}
        {used.some_free_at && ` ${t("limits.free", { at: moment(used.some_free_at) })}`}
      </p>
    </div>
  );
}
