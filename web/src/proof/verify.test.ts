import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type Bytes, ReceiptError, utf8 } from "./bytes.ts";
import { linkTo, receiptIn } from "./link.ts";
import { verify } from "./verify.ts";

const LOG = "haloop.local/acc_5a1e0000000000000000000000000001+c3ae986b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
const file: Bytes = new Uint8Array(readFileSync(new URL("../../../examples/sample-receipt.json", import.meta.url)));

beforeAll(() => {
  Object.assign(globalThis, { location: { origin: "https://home.example" } });
});

test("the sample that the repository publishes is proved", async () => {
  const { outcome, events, lines } = await verify(file, { log: LOG });
  expect(outcome).toBe("proved");
  expect(events.map(({ header }) => header.kind)).toEqual(["draft.proposed", "gate.approved", "effect.happened"]);
  expect(lines.at(-1)).toMatch(/^PROVED: 3 event/);
});

test("without the key nobody knows who signed", async () => {
  expect((await verify(file)).outcome).toBe("signer_unknown");
});

test("a byte that is changed is noticed, wherever it stands", async () => {
  for (let place = 0; place < file.length; place += 29) {
    const changed = file.slice();
    changed[place] = (changed[place] ?? 0) ^ 1;
    expect((await verify(changed, { log: LOG })).outcome).toMatch(/^(bad|not_a_receipt)$/);
  }
});

test("a link carries the very bytes, and a part of one is no receipt", async () => {
  const link = await linkTo(file, "run_1");
  const fragment = new URL(link ?? "").hash.slice(1);
  expect(link).toMatch(/^https:\/\/home\.example\/r\/run_1#[A-Za-z0-9_-]+$/);
  expect(await receiptIn(fragment)).toEqual(file);
  await expect(receiptIn(fragment.slice(0, 500))).rejects.toThrow(ReceiptError);
  await expect(receiptIn("…")).rejects.toThrow(ReceiptError);
});

test("a receipt that no address holds goes as a file", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(40_000));
  expect(await linkTo(noise, "run_1")).toBeUndefined();
  expect((await verify(utf8("{}"))).outcome).toBe("not_a_receipt");
});
