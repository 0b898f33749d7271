import { actorOf, nameOfFact } from "@/drafts/naming";
import { t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import type { Bytes } from "@/proof/bytes";
import type { Event } from "@/proof/reading";
import { Details } from "@/ui/Details";

/** One fact as a receipt shows it: what the ledger recorded, and each part of it that is disclosed, in full. */
export function RecordedFact({ event: { header, parts, bodies, proof } }: { event: Event }) {
  const at = new Date(header.ts / 1_000).toISOString();
  return (
    <li className="rounded-card border border-line bg-panel p-3 [overflow-wrap:anywhere]">
      <p className="font-medium">{nameOfFact(header.kind)}</p>
      <p className="mb-2 text-sm text-ink2">
        {t("verify.place", { at: moment(at), who: actorOf(header.actor, null), index: String(proof.leafIndex) })}
      </p>
      <div className="grid grid-cols-1 gap-2">
        {[...parts.keys()].map((name) => {
          const body = bodies.get(name);
          if (!body)
            return (
              <p key={name} className="text-sm text-ink2">
                {t("verify.hidden", { name })}
              </p>
            );
          return (
            <Details key={name} says={name}>
              <pre dir="ltr" className="font-mono text-xs whitespace-pre-wrap [unicode-bidi:isolate]">
                {written(body)}
              </pre>
            </Details>
          );
        })}
      </div>
    </li>
  );
}

/** A part as it was recorded; JSON with a line for each field. */
function written(body: Bytes): string {
  const text = new TextDecoder().decode(body);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
