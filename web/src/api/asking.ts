import { ask, type Model } from "@/api/client";

/** What became of it: a run, a question back, or nothing. */
export type Asked = Model<"Begun"> | Model<"AsksBack"> | Model<"NotSupported">;
type Wanted = Partial<Model<"AskedInWords">> & { words: string };

/** Ask for something in plain words. */
export function askFor(wanted: Wanted): Promise<Asked> {
  return ask("post", "/api/requests", { body: wanted as Model<"AskedInWords"> }) as Promise<Asked>;
}

/** Ask for something typed; under the same key it is asked once. */
export async function askTyped(wanted: Model<"Asked">, key: string): Promise<string> {
  const asked = await ask("post", "/api/requests", { headers: { "Idempotency-Key": key }, body: wanted });
  return (asked as Model<"Begun">).run;
}
