// Judges receipts as the app does, outside a browser: a list of files and keys comes in, a list of verdicts goes out.
import { readFileSync } from "node:fs";
import { verify } from "../../web/src/proof/verify.ts";

const CODES = { proved: 0, bad: 1, not_a_receipt: 2, signer_unknown: 3, key_unread: 2 };

const verdicts = [];
for (const { data, key, persons } of JSON.parse(readFileSync(0, "utf8"))) {
  const { outcome, lines } = await verify(Uint8Array.from(Buffer.from(data, "base64")), { log: key ?? undefined, persons });
  verdicts.push([CODES[outcome], lines]);
}
process.stdout.write(JSON.stringify(verdicts));
