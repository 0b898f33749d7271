import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { cardOf, headingOf } from "@/drafts/card";
import { Argument, Rows } from "@/drafts/Values";
import { Failed } from "@/ui/Notice";
import { Waiting } from "@/ui/Page";

const SHOWN = ["not_pushed", "cautions", "not_shown_whole", "on_both_sides", "left_out", "based_on"];

/** What a yes does, and what is to be known of it, from the very card that the yes is to. */
export function Pushing({ gate: id }: { gate: string }) {
  const gate = useQuery(queries.gate(id));
  if (gate.error) return <Failed error={gate.error} />;
  if (!gate.data) return <Waiting rows={2} />;
  const card = cardOf(gate.data);
  const rows = card.rows.filter(({ label }) => SHOWN.includes(label.split(".").pop() ?? ""));
  return (
    <section className="grid gap-3 rounded-card border border-line bg-panel p-4">
      <h3 className="font-medium [overflow-wrap:anywhere]">{headingOf(card)}</h3>
      {card.effects.map((effect) => (
        <Argument key={effect.operation} effect={effect} />
      ))}
      <Rows rows={rows} />
    </section>
  );
}
