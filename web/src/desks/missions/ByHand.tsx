import { useMutation } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Failed, Notice } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

const Difference = lazy(() => import("@/desks/missions/Difference"));

interface Props {
  stands: string;
  written: string;
  /** The hash of all that was written; more may be there than `written` says. */
  digest: string | undefined;
  isInPart: boolean;
  /** Only where the file is open for changes. */
  onTake: (() => void) | undefined;
  /** Only for whoever may decide. */
  onPutBack: (() => Promise<unknown>) | undefined;
}

/** Somebody wrote into the mission's folder: what they wrote is used by nothing until a person takes it up here. */
export function ByHand({ stands, written, digest, isInPart, onTake, onPutBack }: Props) {
  const [left, leave] = useState<string>();
  const puttingBack = useMutation({ mutationFn: async () => onPutBack?.() });
  if (left !== undefined && left === digest) return null;
  return (
    <Notice
      tone="info"
      title={t("missions.by_hand")}
      action={
        <div className="flex flex-wrap gap-2">
          {onTake && <Button onClick={onTake}>{t("missions.by_hand.take")}</Button>}
          {onPutBack && (
            <Confirm
              key={digest} // a yes is to what was seen when it was asked for
              says={t("missions.by_hand.put_back")}
              asks={t("missions.by_hand.put_back.asks")}
              isBusy={puttingBack.isPending}
              onYes={puttingBack.mutate}
            />
          )}
          <Button kind="quiet" onClick={() => leave(digest)}>
            {t("missions.by_hand.leave")}
          </Button>
        </div>
      }
    >
      {puttingBack.error && <Failed error={puttingBack.error} />}
      <p className="mb-2">{t(onTake ? "missions.by_hand.says" : "missions.by_hand.closed")}</p>
      {isInPart && <p className="mb-2">{t("missions.by_hand.in_part")}</p>}
      <Suspense fallback={<Waiting rows={1} />}>
        <Difference before={stands} after={written} label={t("missions.by_hand.difference")} />
      </Suspense>
    </Notice>
  );
}
