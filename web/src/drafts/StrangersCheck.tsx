import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Proof } from "@/drafts/Proof";
import { proving } from "@/drafts/proving";
import { RecordedFact } from "@/drafts/RecordedFact";
import { t } from "@/i18n";
import { type Bytes, ReceiptError } from "@/proof/bytes";
import { readLogKey, readPersonKey } from "@/proof/keys";
import { Details } from "@/ui/Details";
import { Field } from "@/ui/Field";
import { Notice } from "@/ui/Notice";
import { Section } from "@/ui/Page";

/** The check of a receipt with the keys that a stranger has, and all that the receipt shows. */
export default function StrangersCheck({ file, number, run }: { file: Bytes; number: number; run: string }) {
  const [key, setKey] = useState("");
  const [persons, setPersons] = useState("");
  const checked = useQuery({
    queryKey: ["checked", number, key, persons],
    queryFn: () =>
      check(
        file,
        key.trim(),
        persons.split("\n").flatMap((one) => one.trim() || []),
      ),
    placeholderData: keepPreviousData,
    networkMode: "always",
  });
  const found = checked.data?.found ?? { state: "checking" as const };
  const events = "events" in found ? found.events : [];
  const wrong = (isWrong: boolean | undefined) => (isWrong ? t("verify.key_wrong") : undefined);
  return (
    <>
      <Field label={t("verify.key")} hint={t("verify.key_hint")} wrong={wrong(checked.data?.isKeyWrong)}>
        {(about) => (
          <input
            {...about}
            className="control font-mono text-sm"
            autoComplete="off"
            spellCheck={false}
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        )}
      </Field>
      <Details says={t("verify.persons")}>
        <Field label={t("verify.persons")} hint={t("verify.persons_hint")} wrong={wrong(checked.data?.arePersonsWrong)}>
          {(about) => (
            <textarea
              {...about}
              rows={3}
              className="control font-mono text-sm"
              spellCheck={false}
              value={persons}
              onChange={(event) => setPersons(event.target.value)}
            />
          )}
        </Field>
      </Details>
      <Proof proving={found} />
      {events.length > 0 && events.every(({ header }) => header.runId !== run) && (
        <Notice tone="wait" loop="uncertain" title={t("verify.another")} />
      )}
      {events.length > 0 && (
        <Section title={t("verify.facts")}>
          <ol className="grid grid-cols-1 gap-2">
            {events.map((event) => (
              <RecordedFact key={String(event.proof.leafIndex)} event={event} />
            ))}
          </ol>
        </Section>
      )}
    </>
  );
}

/** Check a receipt with the keys that somebody gave; where one cannot be read, that is the verdict. */
async function check(file: Bytes, key: string, persons: string[]) {
  const isKeyWrong = key !== "" && !(await isRead(() => readLogKey(key)));
  const arePersonsWrong = !(await isRead(() => persons.map(readPersonKey)));
  return { isKeyWrong, arePersonsWrong, found: await proving(file, { log: key || undefined, persons }) };
}

async function isRead(read: () => unknown): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (error instanceof ReceiptError) return false;
    throw error;
  }
}
