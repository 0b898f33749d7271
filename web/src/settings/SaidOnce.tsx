import { useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Notice } from "@/ui/Notice";

/** A secret that is said this once; whoever made it copies it, and it is nowhere afterwards. */
export function SaidOnce({ label, secret }: { label: string; secret: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <Notice tone="wait" title={t("once.title")}>
      <div className="mt-2 grid gap-2">
        <Field label={label}>
          {(about) => (
            <input
              {...about}
              readOnly
              className="control font-mono text-sm"
              value={secret}
              onFocus={(event) => event.target.select()}
            />
          )}
        </Field>
        <div>
          <Button
            onClick={() => {
              void navigator.clipboard.writeText(secret).then(() => setCopied(true));
            }}
          >
            {t(isCopied ? "once.copied" : "once.copy")}
          </Button>
        </div>
      </div>
    </Notice>
  );
}
