import { useQuery } from "@tanstack/react-query";
import { ledgerKey, receiptFile } from "@/api/receipts";
import { Proof } from "@/drafts/Proof";
import { proving } from "@/drafts/proving";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";

/** A receipt of ours, checked here with the key that this Haloop names as its own. */
export function CheckedReceipt({ path }: { path: string }) {
  const checked = useQuery({
    queryKey: ["proof", path],
    queryFn: async () => {
      const [file, log] = await Promise.all([receiptFile(path), ledgerKey()]);
      return proving(file, { log });
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (checked.error) {
    return <Failed error={checked.error} again={<Button onClick={() => checked.refetch()}>{t("again")}</Button>} />;
  }
  return (
    <>
      <Proof proving={checked.data ?? { state: "checking" }} />
      {checked.data?.state === "proved" && <p className="text-sm text-ink2">{t("proof.by_house")}</p>}
    </>
  );
}
