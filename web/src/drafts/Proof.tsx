import { t } from "@/i18n";
import { Details } from "@/ui/Details";
import { Loop, type LoopState } from "@/ui/Loop";

/** How the check of a receipt stands. */
export type Proving =
  | { state: "unchecked" }
  | { state: "checking" }
  | { state: "proved"; origin: string; size: number; checks: string[] }
  | { state: "unknown_signer"; origin: string; checks: string[] }
  | { state: "broken"; why: string };

const RINGS: Record<Proving["state"], LoopState> = {
  unchecked: "draft",
  checking: "running",
  proved: "proved",
  unknown_signer: "uncertain",
  broken: "failed",
};

/** Whether a receipt holds, worked out here and not asked of the server; and how to check it without us. */
export function Proof({ proving, draft }: { proving: Proving; draft?: string }) {
  return (
    <div role="group" aria-label={t("proof")} className="rounded-control bg-sunk p-3">
      <p className="flex items-start gap-2.5 font-medium">
        <Loop state={RINGS[proving.state]} />
        {t(`proof.${proving.state}`)}
      </p>
      {proving.state === "broken" && <p className="mt-2 text-bad [overflow-wrap:anywhere]">{proving.why}</p>}
      {"checks" in proving && (
        <ul className="mt-2 list-disc pl-9 text-sm [overflow-wrap:anywhere]">
          {proving.checks.map((check) => (
            <li key={check}>{check}</li>
          ))}
        </ul>
      )}
      <div className="mt-3 grid gap-2">
        <Details says={t("proof.yourself")}>
          <p className="mb-2 text-sm">{t("proof.how")}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <pre tabIndex={0} className="overflow-x-auto rounded-control bg-sunk p-3 font-mono text-xs">
            python3 tools/verify_receipt.py receipt.json --key KEY
          </pre>
          {draft && (
            <p className="mt-2 font-mono text-xs [overflow-wrap:anywhere]">{t("exact.draft", { digest: draft })}</p>
          )}
        </Details>
      </div>
    </div>
  );
}
