import { useMutation } from "@tanstack/react-query";
import { showPasskey } from "@/api/passkeys";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";

/** Show again who you are, and what was wanted is done. */
export default function StepUp({ onShown }: { onShown: () => void }) {
  const showing = useMutation({ mutationFn: showPasskey, onSuccess: onShown });
  return (
    <div className="grid gap-3">
      <div>
        <Button kind="main" disabled={showing.isPending} onClick={() => showing.mutate()}>
          {t("passkey.show")}
        </Button>
      </div>
      {showing.error && <Failed error={showing.error} />}
    </div>
  );
}
