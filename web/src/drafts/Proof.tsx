import type { Proving } from "@/drafts/proving";
import { type Key, t } from "@/i18n";
import type { Ran } from "@/proof/effects";
import { Details } from "@/ui/Details";
import { Loop, type LoopState } from "@/ui/Loop";

const RINGS: Record<Proving["state"], LoopState> = {
  unchecked: "draft",
  checking: "running",
  impossible: "uncertain",
  proved: "proved",
  unknown_signer: "uncertain",
  broken: "failed",
  no_receipt: "failed",
  unread_key: "uncertain",
};
const NOT_PROVEN: Key[] = [
  "proof.not.true",
  "proof.not.who",
  "proof.not.else",
  "proof.not.site",
  "proof.not.everybody",
];
/** Letters that steer what is around them: nobody may turn the order of what is read here. */
const STEERING = /[^\n\P{C}]/gu;

/** Whether a receipt holds, worked out here and not asked of the server; and how to check it without us. */
export function Proof({ proving, draft }: { proving: Proving; draft?: string }) {
  return (
    <div role="group" aria-label={t("proof")} className="rounded-control bg-sunk p-3 [overflow-wrap:anywhere]">
      <p className="flex items-start gap-2.5 font-medium" role="status">
        <Loop state={RINGS[proving.state]} />
        {t(`proof.${proving.state}`)}
      </p>
      {proving.state === "impossible" && <p className="mt-2">{t("proof.impossible.why")}</p>}
      {(proving.state === "broken" || proving.state === "no_receipt" || proving.state === "unread_key") && (
        <p lang="en" className="mt-2 text-bad">
          {plain(proving.lines.at(-1) ?? "")}
        </p>
      )}
      {(proving.state === "proved" || proving.state === "unknown_signer") && <Checked proving={proving} />}
      <div className="mt-3 grid grid-cols-1 gap-2">
        {"lines" in proving && (
          <Details says={t("proof.sentences")}>
            <pre lang="en" className="font-mono text-xs whitespace-pre-wrap">
              {plain(proving.lines.join("\n"))}
            </pre>
          </Details>
        )}
        <Details says={t("proof.yourself")} open={proving.state === "impossible"}>
          <p className="mb-2 text-sm">{t("proof.how")}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <pre tabIndex={0} className="overflow-x-auto rounded-control bg-sunk p-3 font-mono text-xs">
            python3 tools/verify_receipt.py receipt.json --key KEY
          </pre>
          {draft && <p className="mt-2 font-mono text-xs">{t("exact.draft", { digest: draft })}</p>}
        </Details>
      </div>
    </div>
  );
}

function Checked({ proving }: { proving: Extract<Proving, { key: string | undefined }> }) {
  const names = proving.witnesses.join(", ");
  return (
    <>
      <Listed title={t("proof.checked")}>
        <li>{t("proof.checked.places", { count: proving.events.length })}</li>
        <li>{t("proof.checked.parts")}</li>
        <li>{t("proof.checked.order")}</li>
        <li>
          {proving.key ? t("proof.checked.signed", { key: proving.key }) : t("proof.checked.unsigned")}{" "}
          {names ? t("proof.witness", { names: plain(names) }) : t("proof.witness_none")}
        </li>
        {proving.ran.map((one) => (
          <li key={one.effect}>{toldOf(one)}</li>
        ))}
      </Listed>
      <Listed title={t("proof.not")}>
        {NOT_PROVEN.map((one) => (
          <li key={one}>{t(one)}</li>
        ))}
      </Listed>
    </>
  );
}

function Listed({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <>
      <p className="mt-3 text-sm font-medium">{title}</p>
      <ul className="mt-1 list-disc pl-5 text-sm">{children}</ul>
    </>
  );
}

function toldOf({ effect, missing, unseen }: Ran): string {
  if (effect === undefined || missing.length > 0) return t("proof.ran_unknown");
  return t(unseen.length > 0 ? "proof.ran_partly" : "proof.ran", { effect: plain(effect) });
}

function plain(text: string): string {
  return text.replace(STEERING, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
}
