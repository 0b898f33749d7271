import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type Model, Unreached } from "@/api/client";
import { type Gate, queries, touchedBy } from "@/api/queries";
import { cardOf, type Difference, differences } from "@/drafts/card";
import { decisionOn, giveTogether, type Word } from "@/drafts/deciding";
import { useNow } from "@/drafts/now";
import { whyClosedTo } from "@/drafts/whyClosedTo";
import { t } from "@/i18n";

const AGAIN_MS = 2_000;

/** One of the drafts that are decided together. */
export interface Row {
  /** As it was read. */
  gate: Gate;
  /** What became of the word on it, once the server said so. */
  result: Model<"RowOut"> | undefined;
  /** What is different since it was read; it is left out until that was read too. */
  changed: Difference[] | undefined;
  /** Why it is left out. */
  out: string | undefined;
}

/** Several gates that somebody reads, and their one word on all of them: on what they read of each. */
export function useTogether(selected: string[], waiting: Gate[]) {
  const client = useQueryClient();
  const { data: me } = useQuery(queries.me());
  const now = useNow();
  const [read, setRead] = useState(() => waiting.filter((one) => selected.includes(one.id)));
  const [results, setResults] = useState(new Map<string, Model<"RowOut">>());
  const sent = useRef(new Map<string, ReturnType<typeof decisionOn>>());

  const rows = read.map((gate): Row => {
    const newest = waiting.find((one) => one.id === gate.id);
    const result = results.get(gate.id);
    const changed = newest && newest.revision !== gate.revision ? differences(cardOf(gate), cardOf(newest)) : undefined;
    const why = newest ? whyClosedTo(me, newest, now) : t("together.gone");
    return { gate, result, changed, out: result?.counts ? undefined : (why ?? (changed && t("together.changed"))) };
  });
  const open = rows.filter((one) => !one.out && !one.result?.counts).map((one) => one.gate);

  const giving = useMutation({
    mutationFn: (words: Map<string, Word>) =>
      giveTogether(
        open.map((gate) => {
          const word = words.get(gate.id) as Word;
          const key = JSON.stringify([gate.id, gate.revision, word]);
          const decision = sent.current.get(key) ?? decisionOn(gate, word);
          sent.current.set(key, decision);
          return { gate, decision };
        }),
      ),
    onSuccess: (answered) => setResults(new Map([...results, ...answered.map((one) => [one.gate, one] as const)])),
    onSettled: () => {
      for (const { run } of open) for (const touched of touchedBy(run)) void client.invalidateQueries(touched);
    },
  });

  // Nobody knows whether it arrived: the gates say so, once they can be asked.
  const isUnknown = giving.error instanceof Unreached;
  const reset = giving.reset;
  useEffect(() => {
    if (!isUnknown) return;
    const looking = setInterval(() => {
      client.fetchQuery({ ...queries.gates(), retry: false, staleTime: 0 }).then(reset, () => undefined);
    }, AGAIN_MS);
    return () => clearInterval(looking);
  }, [isUnknown, client, reset]);

  return {
    rows,
    /** Those that a word goes to now. */
    open,
    /** Read what one of them has become. */
    accept: (gate: string) => {
      const newest = waiting.find((one) => one.id === gate);
      if (newest) setRead(read.map((one) => (one.id === gate ? newest : one)));
      setResults(new Map([...results].filter(([id]) => id !== gate)));
    },
    give: giving.mutate,
    isUnknown,
    error: isUnknown ? null : giving.error,
    isBusy: giving.isPending,
  };
}
