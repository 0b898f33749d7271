import { useQuery } from "@tanstack/react-query";
import { type DragEvent, lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useParams } from "wouter";
import { receiptFile, receiptsOf } from "@/api/receipts";
import { isKnown } from "@/api/session";
import { t } from "@/i18n";
import { type Bytes, ReceiptError } from "@/proof/bytes";
import { receiptIn } from "@/proof/link";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Failed, Notice } from "@/ui/Notice";
import { Page, Waiting } from "@/ui/Page";

const StrangersCheck = lazy(() => import("@/drafts/StrangersCheck"));

/** A receipt for whoever has one: read, shown and checked in this browser, with nobody asked whether it is true. */
export default function PublicReceipt() {
  const { run = "" } = useParams();
  const [shown, setShown] = useState<{ file: Bytes; number: number }>();
  const [problem, setProblem] = useState<Error>();
  const show = useCallback((coming: Promise<Bytes>) => {
    setProblem(undefined);
    const take = (file: Bytes) => setShown((before) => ({ file, number: (before?.number ?? 0) + 1 }));
    coming.then(take).catch(setProblem);
  }, []);
  useEffect(() => {
    const read = () => location.hash && show(receiptIn(location.hash.slice(1)));
    read();
    window.addEventListener("hashchange", read);
    return () => window.removeEventListener("hashchange", read);
  }, [show]);
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    const [first] = event.dataTransfer.files;
    if (first) show(bytesOf(first));
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is one way more; the button beside does the same
    <div className="min-h-dvh" onDragOver={(event) => event.preventDefault()} onDrop={dropped}>
      <Page title={t("place.receipt")}>
        <div className="grid max-w-3xl grid-cols-1 gap-5">
          <p className="max-w-[65ch]">{t("verify.says")}</p>
          {problem instanceof ReceiptError && <Notice tone="bad" urgent title={t("verify.none")} />}
          {problem && !(problem instanceof ReceiptError) && <Failed error={problem} />}
          <Choose onChosen={(one) => show(bytesOf(one))} />
          {!shown && !location.hash && isKnown() && <Ours run={run} onChosen={(path) => show(receiptFile(path))} />}
          {shown && (
            <Suspense fallback={<Waiting />}>
              <StrangersCheck key={shown.number} {...shown} run={run} />
            </Suspense>
          )}
        </div>
      </Page>
    </div>
  );
}

function Choose({ onChosen }: { onChosen: (file: File) => void }) {
  return (
    <Field label={t("verify.choose")} hint={t("verify.drop")}>
      {(about) => (
        <input
          {...about}
          type="file"
          accept=".json,application/json"
          className="control"
          onChange={({ target }) => target.files?.[0] && onChosen(target.files[0])}
        />
      )}
    </Field>
  );
}

/** The receipts of the run in the address, for whoever may read them here. */
function Ours({ run, onChosen }: { run: string; onChosen: (path: string) => void }) {
  const ours = useQuery({ queryKey: ["receipts", run], queryFn: () => receiptsOf(run) });
  if (ours.error) return <Failed error={ours.error} />;
  return (
    <div className="flex flex-wrap gap-2">
      {ours.data?.map(({ effect, file }) => (
        <Button key={file} onClick={() => onChosen(file)}>
          {t("receipt.of", { effect })}
        </Button>
      ))}
    </div>
  );
}

async function bytesOf(file: File): Promise<Bytes> {
  return new Uint8Array(await file.arrayBuffer());
}
