import { lazy, Suspense } from "react";
import type { Edit } from "@/desks/missions/edits";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

const Difference = lazy(() => import("@/desks/missions/Difference"));

interface Props {
  edit: Edit;
  stands: string;
  isBusy: boolean;
  onSave: () => void;
  onDrop: () => void;
}

/** Two wrote one file: what stands there now beside what was typed here, until one of them is chosen. */
export function Conflict({ edit, stands, isBusy, onSave, onDrop }: Props) {
  return (
    <Notice
      tone="wait"
      loop="waiting"
      urgent
      title={t("missions.conflict")}
      action={
        <div className="flex flex-wrap gap-2">
          <Button disabled={isBusy} onClick={onSave}>
            {t("missions.conflict.save")}
          </Button>
          <Confirm
            says={t("missions.conflict.drop")}
            asks={t("missions.conflict.drop.asks")}
            isBusy={isBusy}
            onYes={onDrop}
          />
        </div>
      }
    >
      <p className="mb-2">{t("missions.conflict.says")}</p>
      <Suspense fallback={<Waiting rows={1} />}>
        <Difference before={stands} after={edit.text} label={t("missions.conflict.difference")} />
      </Suspense>
    </Notice>
  );
}
