import { ArrowLeft } from "lucide-react";
import { lazy, Suspense, useRef } from "react";
import type { Gate } from "@/api/queries";
import type { Looking } from "@/drafts/looking";
import RunView from "@/drafts/RunView";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Handle } from "@/ui/Handle";
import { Waiting } from "@/ui/Page";

const Together = lazy(() => import("@/drafts/Together"));

interface Props {
  looking: Looking;
  waiting: Gate[] | undefined;
  onNext: (() => void) | undefined;
  onClose: () => void;
}

/** What is open on Today: beside the lists, or on a phone as a sheet that is drawn down to go back to them. */
export default function Opened({ looking, waiting, onNext, onClose }: Props) {
  const { run, selected, isTogether } = looking;
  const sheet = useRef<HTMLDivElement>(null);
  return (
    <div
      ref={sheet}
      className="max-sm:pointer-coarse:-mt-4 transition-[translate] duration-200 data-drawn:transition-none"
    >
      <Handle sheet={sheet} onClose={onClose} />
      <Button kind="quiet" className="mb-3 lg:hidden" icon={<ArrowLeft size={18} aria-hidden />} onClick={onClose}>
        {t("back")}
      </Button>
      {isTogether && waiting ? (
        <Suspense fallback={<Waiting />}>
          <Together key={selected.join()} selected={selected} waiting={waiting} />
        </Suspense>
      ) : (
        run && <RunView key={run} run={run} onNext={onNext} />
      )}
    </div>
  );
}
