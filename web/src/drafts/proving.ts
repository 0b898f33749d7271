import type { Bytes } from "@/proof/bytes";
import type { Keys, Outcome, Verdict } from "@/proof/verify";

/** How the check of a receipt stands. */
export type Proving =
  | { state: "unchecked" | "checking" | "impossible" }
  | ({ state: Proved; key: string | undefined } & Verdict);

type Proved = "proved" | "unknown_signer" | "broken" | "no_receipt" | "unread_key";

const STATES: Record<Outcome, Proved> = {
  proved: "proved",
  signer_unknown: "unknown_signer",
  bad: "broken",
  not_a_receipt: "no_receipt",
  key_unread: "unread_key",
};

/** Check a receipt here; what it takes is fetched when something is checked, and no sooner. */
export async function proving(file: Bytes, keys: Keys): Promise<Proving> {
  const [{ canCheck }, { verify }] = await Promise.all([import("@/proof/keys"), import("@/proof/verify")]);
  if (!(await canCheck())) return { state: "impossible" };
  const verdict = await verify(file, keys);
  return { ...verdict, state: STATES[verdict.outcome], key: keys.log };
}
