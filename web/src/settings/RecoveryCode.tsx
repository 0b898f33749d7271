import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { canSign, makeRecoveryCode } from "@/api/passkeys";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { SaidOnce } from "@/settings/SaidOnce";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";

interface Given {
  /** The code that was said with a passkey, if one was. */
  said: string | null | undefined;
  isBusy: boolean;
  onUse: (code: string) => void;
}

/** The way back in for an owner whose passkeys are lost: a code on paper, good once. */
export default function RecoveryCode({ said, isBusy, onUse }: Given) {
  const { data: me } = useQuery(queries.me());
  const { data: passkeys } = useQuery(queries.passkeys());
  const [code, setCode] = useState("");
  const making = useAct(makeRecoveryCode);
  const now = making.data ?? said;
  if (!me?.roles.includes("owner")) return null;
  return (
    <div className="mt-4 grid max-w-[65ch] gap-3">
      {now && (
        <>
          <p>{t("recovery.says")}</p>
          <SaidOnce label={t("recovery.code")} secret={now} />
        </>
      )}
      <Refused error={making.error} again={() => making.mutate(undefined)} />
      {passkeys && passkeys.length > 0 && (
        <div>
          <Button disabled={!canSign() || making.isPending} onClick={() => making.mutate(undefined)}>
            {t("recovery.new")}
          </Button>
        </div>
      )}
      <details>
        <summary className="min-h-12 cursor-pointer py-3.5">{t("recovery.lost")}</summary>
        <form
          className="grid gap-2 py-2"
          onSubmit={(event) => {
            event.preventDefault();
            onUse(code.trim());
          }}
        >
          <Field label={t("recovery.code")} hint={t("recovery.use.says")}>
            {(about) => (
              <input
                {...about}
                className="control font-mono"
                required
                maxLength={100}
                autoComplete="off"
                spellCheck={false}
                value={code}
                onChange={(event) => setCode(event.target.value)}
              />
            )}
          </Field>
          <div>
            <Button type="submit" disabled={!code.trim() || isBusy || !canSign()}>
              {t("recovery.use")}
            </Button>
          </div>
        </form>
      </details>
    </div>
  );
}
