import { ask, reach } from "@/api/client";

/** A receipt's file, byte for byte. */
export async function receiptFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await reach(path)).arrayBuffer());
}

/** The key that this Haloop names as the one of the account's ledger. */
export async function ledgerKey(): Promise<string> {
  return (await ask("get", "/api/ledger/key")).key;
}

/** Where the files are of all that a run did. */
export async function receiptsOf(run: string): Promise<{ effect: string; file: string }[]> {
  return ask("get", "/api/runs/{run}/receipts", { path: { run } });
}
