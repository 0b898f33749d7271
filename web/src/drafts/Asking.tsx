import Composer from "@/drafts/Composer";
import { t } from "@/i18n";
import { Dialog } from "@/ui/Dialog";

/** The composer, over whatever is being looked at. */
export default function Asking({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label={t("ask.title")} onClose={onClose} wide>
      <Composer onAsked={onClose} onCancel={onClose} />
    </Dialog>
  );
}
