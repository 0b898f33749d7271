import type { Gate } from "@/api/queries";
import { Chips } from "@/drafts/Chips";
import { cardOf } from "@/drafts/card";
import { Disclosures } from "@/drafts/Disclosures";
import { DraftCard } from "@/drafts/DraftCard";
import { ExactRequest } from "@/drafts/ExactRequest";

/** One of several drafts: all that its own sheet would show to read. */
export function InFull(props: { gate: Gate; hasRead: boolean; onRead: (has: boolean) => void }) {
  const { gate } = props;
  return (
    <div className="grid gap-2">
      <DraftCard face="draft" card={cardOf(gate)} chips={<Chips gate={gate} />} />
      <ExactRequest gate={gate} />
      <Disclosures gate={gate} hasRead={props.hasRead} onRead={props.onRead} />
    </div>
  );
}
