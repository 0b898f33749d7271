import { lazy, Suspense } from "react";
import { Problem } from "@/api/client";
import { later } from "@/i18n";
import { Failed } from "@/ui/Notice";

const StepUp = lazy(later(() => import("@/settings/StepUp"), "settings"));
const STALE = "identity.stale";

/** What could not be changed; where somebody has to show again who they are, here is how, and then it is done. */
export function Refused({ error, again }: { error: Error | null; again?: () => void }) {
  if (!error) return null;
  const isStale = error instanceof Problem && error.code === STALE;
  return (
    <div className="my-3">
      <Failed error={error} again={isStale && again && <Suspense>{<StepUp onShown={again} />}</Suspense>} />
    </div>
  );
}
