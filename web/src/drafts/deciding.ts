import { ask, type Model } from "@/api/client";
import { sign } from "@/api/passkeys";
import type { Gate } from "@/api/queries";
import { catalogue, locale } from "@/i18n";

type Decision = Model<"Approval"> | Model<"Refusal"> | Model<"Change">;
export type Word =
  | { verdict: "approved"; disclosures_read: boolean }
  | { verdict: "refused"; reason: string; back_to?: string }
  | { verdict: "changed"; change: unknown };

/** How cards are shown here; every answer to a gate names it. */
function view(): Model<"Seen"> {
  return { language: locale(), renderer: "web/1", catalogue: catalogue() };
}

/** A person's word on just what they read. The same one is sent again with the same nonce, and counts once. */
export function decisionOn(gate: Gate, word: Word, nonce = newNonce()): Decision {
  const { revision, draft, card_hash: card, expires } = gate;
  const named = { revision, draft, card, expires, nonce, view: view() };
  switch (word.verdict) {
    case "approved":
      return { ...named, ...word };
    case "refused":
      return { ...named, ...word };
    case "changed":
      return { ...named, ...word };
  }
}

/** Give it, with a passkey's signature of just this where that is what it takes. */
export async function give(gate: Gate, decision: Decision): Promise<Gate> {
  const path = { gate: gate.id };
  const needsKey = decision.verdict === "approved" && gate.need.passkey;
  const assertion = needsKey
    ? await sign(await ask("post", "/api/gates/{gate}/challenge", { path, body: decision }))
    : null;
  return ask("post", "/api/gates/{gate}/decisions", { path, body: { ...decision, assertion } });
}

/** Say several words at once; a passkey signs all of them together, where one of them takes it. */
export async function giveTogether(said: readonly { gate: Gate; decision: Decision }[]): Promise<Model<"RowOut">[]> {
  const rows = said.map(({ gate, decision }) => ({ gate: gate.id, decision }));
  const needsKey = said.some(({ gate, decision }) => decision.verdict === "approved" && gate.need.passkey);
  const assertion = needsKey ? await sign(await ask("post", "/api/decisions/challenge", { body: { rows } })) : null;
  return (await ask("post", "/api/decisions", { body: { rows, assertion } })).rows;
}

function newNonce(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}
