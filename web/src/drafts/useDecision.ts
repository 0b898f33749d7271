import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Problem, Unreached } from "@/api/client";
import { type Gate, queries, touchedBy } from "@/api/queries";
import { cardOf, type Difference, differences } from "@/drafts/card";
import { decisionOn, give, type Word } from "@/drafts/deciding";

const AGAIN_MS = 2_000;

/** A gate that somebody reads, and their word on it: on what they read, never on what it has become meanwhile. */
export function useDecision(gate: Gate) {
  const client = useQueryClient();
  const [read, setRead] = useState(gate);
  const [before, setBefore] = useState<Gate>();
  const sent = useRef(new Map<string, ReturnType<typeof decisionOn>>());
  const refresh = () => Promise.all(touchedBy(gate.run).map((touched) => client.invalidateQueries(touched)));

  const giving = useMutation({
    mutationFn: async (word: Word) => {
      const key = JSON.stringify([read.revision, word]);
      const decision = sent.current.get(key) ?? decisionOn(read, word);
      sent.current.set(key, decision);
      return give(read, decision);
    },
    onSuccess: (after, word) => {
      if (word.verdict === "changed") setBefore(read);
      client.setQueryData(queries.gate(gate.id).queryKey, after);
    },
    onError: (error) => {
      const now = error instanceof Problem ? (error.told.gate as Gate | null | undefined) : undefined;
      if (now) client.setQueryData(queries.gate(gate.id).queryKey, now);
    },
    onSettled: () => void refresh(),
  });

  // Nobody knows whether it arrived: the gate says so, once it can be asked.
  const isUnknown = giving.error instanceof Unreached;
  const reset = giving.reset;
  useEffect(() => {
    if (!isUnknown) return;
    let isOver = false;
    const look = async () => {
      while (!isOver) {
        const seen = await client
          .fetchQuery({ ...queries.gate(gate.id), retry: false, staleTime: 0 })
          .catch(() => undefined);
        if (seen && !isOver) return reset();
        await new Promise((wake) => setTimeout(wake, AGAIN_MS));
      }
    };
    void look();
    return () => {
      isOver = true;
    };
  }, [isUnknown, client, gate.id, reset]);

  const isNewer = gate.revision !== read.revision;
  const isOwnChange = isNewer && before !== undefined && gate.revision === before.revision + 1;
  useEffect(() => {
    if (isOwnChange) setRead(gate);
  }, [isOwnChange, gate]);

  const changed: Difference[] = isNewer && !isOwnChange ? differences(cardOf(read), cardOf(gate)) : [];
  return {
    read,
    /** Somebody else changed it since it was opened here. */
    conflict: isNewer && !isOwnChange && gate.status === "open" ? changed : undefined,
    /** What this person changed themselves. */
    own: before && read.revision === before.revision + 1 ? differences(cardOf(before), cardOf(read)) : undefined,
    accept: () => setRead(gate),
    isUnknown,
    error: isUnknown ? null : giving.error,
    isBusy: giving.isPending,
    word: giving.variables,
    give: giving.mutateAsync,
    forget: giving.reset,
  };
}
