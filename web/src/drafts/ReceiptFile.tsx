import { useMutation } from "@tanstack/react-query";
import { Download, Link2 } from "lucide-react";
import { save } from "@/api/files";
import { receiptFile } from "@/api/receipts";
import { t } from "@/i18n";
import { linkTo } from "@/proof/link";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";

type Copied = { how: "copied" | "long" } | { how: "here"; link: string };

/** The file that proves it, to keep, or to hand on as a link that holds the whole of it. */
export function ReceiptFile({ path, run }: { path: string; run: string }) {
  const saving = useMutation({ mutationFn: () => save(path, `receipt-${run}.json`) });
  const copying = useMutation({ mutationFn: () => copyLink(path, run) });
  const error = saving.error ?? copying.error;
  return (
    <div className="mt-3 grid grid-cols-1 gap-3">
      <div className="flex flex-wrap gap-2">
        <Button
          icon={<Download size={18} strokeWidth={1.75} aria-hidden />}
          disabled={saving.isPending}
          onClick={() => saving.mutate()}
        >
          {t("receipt.save")}
        </Button>
        <Button
          icon={<Link2 size={18} strokeWidth={1.75} aria-hidden />}
          disabled={copying.isPending}
          onClick={() => copying.mutate()}
        >
          {t("link.copy")}
        </Button>
      </div>
      <div role="status" className="text-sm empty:hidden">
        {copying.data && <p>{t(`link.${copying.data.how}`)}</p>}
        {copying.data?.how === "here" && (
          <input
            readOnly
            aria-label={t("link.copy")}
            className="control mt-2 font-mono text-xs"
            value={copying.data.link}
            onFocus={(event) => event.target.select()}
          />
        )}
      </div>
      {error && <Failed error={error} />}
    </div>
  );
}

async function copyLink(path: string, run: string): Promise<Copied> {
  const link = await linkTo(await receiptFile(path), run);
  if (link === undefined) return { how: "long" };
  try {
    await navigator.clipboard.writeText(link);
    return { how: "copied" };
  } catch {
    return { how: "here", link }; // no leave to copy, or no secure address: nothing is lost by showing it
  }
}
