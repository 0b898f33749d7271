import type { Gate } from "@/api/queries";
import { cardOf } from "@/drafts/card";

/** How much stands between a look and a yes: 1 a key, 2 a key and Enter once all of it was in view, 3 a passkey. */
export type Tier = 1 | 2 | 3;

/** What the server asks of a yes is never made less here; only what it leaves open is told apart by what can be undone. */
export function tierOf(gate: Gate): Tier {
  if (gate.need.passkey) return 3;
  const canBeUndone = cardOf(gate).effects.every(
    (one) => one.undo !== null && one.cost_max === null && one.payee === null,
  );
  return canBeUndone && !gate.must_read ? 1 : 2;
}
