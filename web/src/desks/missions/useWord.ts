import { useMutation, useQueryClient } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { goOn, lookAgain, type Mission, markCompleted, saveFile } from "@/desks/missions/api";
import { useEdit } from "@/desks/missions/edits";
import { decisionOn, give } from "@/drafts/deciding";

/** A person's word on a mission: on what they read of it, never on what it has become meanwhile. */
export function useWord(mission: Mission) {
  const client = useQueryClient();
  const reviewed = mission.gate?.artifact ?? "";
  const stands = mission.artifacts[reviewed] ?? "";
  const { edit, now, keep } = useEdit(mission.mission_id, reviewed, stands);

  const saved = async (): Promise<Mission> => {
    const text = now();
    await saveFile(mission, reviewed, text);
    keep({ text: now(), from: text });
    const after = await lookAgain(client, mission);
    if (after.artifacts[reviewed] === now()) keep(undefined);
    return after;
  };
  const approved = async () => {
    const text = now();
    const read = edit ? await saved() : mission;
    if ((read.artifacts[reviewed] ?? "") === text) await goOn(read);
  };
  const sentBack = async (step: string, reason: string) => {
    if (!mission.gate) return;
    const gate = await client.fetchQuery({ ...queries.gate(mission.gate.id), staleTime: 0 });
    const read = { ...gate, revision: mission.gate.revision, draft: mission.gate.draft_hash };
    await give(read, decisionOn(read, { verdict: "refused", reason, back_to: step }));
  };

  const saying = useMutation({
    mutationFn: (word: () => Promise<unknown>) => word(),
    onSettled: () => lookAgain(client, mission).catch(() => undefined),
  });
  return {
    edit,
    /** Somebody else saved the file while this was typed. */
    isConflict: edit !== undefined && reviewed !== "" && edit.from !== stands,
    isBusy: saying.isPending,
    error: saying.error,
    save: () => saying.mutate(saved),
    approve: () => saying.mutate(approved),
    sendBack: (step: string, reason: string) => saying.mutateAsync(() => sentBack(step, reason)),
    complete: () => saying.mutate(() => markCompleted(mission)),
  };
}

export type Say = ReturnType<typeof useWord>;
