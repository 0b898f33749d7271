import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { touchedBy } from "@/api/queries";

/** Everything that is kept, and whether it is known to be old after news of one run, or of nobody knows which. */
async function oldAfter(run: string | undefined): Promise<string[]> {
  const client = new QueryClient();
  const kept = [
    ["gates"],
    ["activity", "feed"],
    ["runs"],
    ["runs", "one"],
    ["runs", "one", "executions"],
    ["runs", "two"],
  ];
  for (const queryKey of [...kept, ["me"]]) client.setQueryData(queryKey, {});
  for (const touched of touchedBy(run)) await client.invalidateQueries(touched);
  const old = client.getQueryCache().findAll({ predicate: ({ state }) => state.isInvalidated });
  return old.map(({ queryKey }) => queryKey.join(" "));
}

test("news of a run makes what is known of it old, and all lists, but no other run", async () => {
  expect(await oldAfter("one")).toEqual(["gates", "activity feed", "runs", "runs one", "runs one executions"]);
});

test("where nobody knows what was missed, as when the stream begins, every run is looked at again", async () => {
  expect(await oldAfter(undefined)).toContain("runs two");
});
