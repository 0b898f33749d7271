import type { RunSummary } from "@/api/queries";
import { leavesOf } from "@/drafts/card";
import { capital } from "@/drafts/deed";
import { asWords, said, t } from "@/i18n";

/** What a run is for: the desk's own name for it. */
export function nameOfRun({ desk, procedure }: Pick<RunSummary, "desk" | "procedure">): string {
  return said(`offer.${desk}.${procedure}`) ?? `${capital(desk)}: ${asWords(procedure)}`;
}

/** What was asked for: by its title where it has one, else in the values it was asked with. */
export function askedFor(run: Pick<RunSummary, "arguments">): string {
  const leaves = leavesOf(run.arguments);
  const title = leaves.find(([at]) => at.endsWith(".title"));
  return (title ? [title] : leaves).map(([, text]) => text).join(", ");
}

/** The line above a card: the desk, who asked it, and which model read the words, if one did. */
export function aboutRun(run: RunSummary, me: string | null): string {
  const desk = said(`desk.${run.desk}`) ?? capital(run.desk);
  const above = t("card.above", { desk, who: actorOf(run.asked_by, me) });
  const { name } = run.reader;
  return name === "builtin" ? above : t("card.read_by", { above, name });
}

/** What happened, by the name that the ledger has for it. */
export function nameOfFact(kind: string): string {
  return said(`fact.${kind}`) ?? `${asWords(kind.split(".")[0] ?? "")} ${asWords(kind)}`;
}

export function actorOf(actor: string, me: string | null): string {
  const [kind, name = ""] = actor.split(":");
  if (kind === "agent") return t("actor.agent", { name });
  if (kind === "person") return name === me ? t("actor.you") : t("actor.person");
  return t("actor.kernel");
}
