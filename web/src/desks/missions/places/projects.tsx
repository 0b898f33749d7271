import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, type Model } from "@/api/client";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { Room } from "@/settings/Room";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Notice } from "@/ui/Notice";
import { Section, Waiting } from "@/ui/Page";

type Linked = Model<"LinkedProjectOut">;

const LINKED = ["projects", "linked"];
const COMMIT_LETTERS = 12;

/** The project that missions work on; an owner of the home links it. */
export default function Projects() {
  const { data: me } = useQuery(queries.me());
  const isOwner = me?.roles.includes("owner") ?? false;
  const linked = useQuery({ queryKey: LINKED, queryFn: () => ask("get", "/api/projects/linked"), enabled: isOwner });
  return (
    <Room name="projects">
      <Section title={t("projects.linked")}>
        <p className="mb-3 max-w-[65ch] text-ink2">{t("projects.says")}</p>
        {me && !isOwner && <Notice tone="plain" title={t("projects.not_owner")} />}
        <Refused error={linked.error} />
        {isOwner && !linked.data && !linked.error && <Waiting rows={2} />}
        {linked.data && <Known linked={linked.data} />}
      </Section>
    </Room>
  );
}

function Known({ linked }: { linked: Linked }) {
  const unlinking = useAct((_: null) => ask("delete", "/api/projects/linked"), LINKED);
  return (
    <div className="grid gap-4">
      {linked.path ? (
        <div className="rounded-card border border-line bg-panel p-4">
          <p className="font-medium [overflow-wrap:anywhere]">{linked.path}</p>
          {linked.problem ? (
            <p className="text-bad">{linked.problem}</p>
          ) : (
            <p className="text-ink2">{standing(linked)}</p>
          )}
          <div className="mt-3">
            <Button disabled={unlinking.isPending} onClick={() => unlinking.mutate(null)}>
              {t("projects.unlink")}
            </Button>
          </div>
          <Refused error={unlinking.error} again={() => unlinking.mutate(null)} />
        </div>
      ) : (
        <p>{t("projects.none")}</p>
      )}
      <LinkForm />
    </div>
  );
}

function LinkForm() {
  const [path, setPath] = useState("");
  const linking = useAct((wanted: string) => ask("put", "/api/projects/linked", { body: { path: wanted } }), LINKED);
  const send = (event: FormEvent) => {
    event.preventDefault();
    linking.mutate(path.trim(), { onSuccess: () => setPath("") });
  };
  return (
    <form onSubmit={send} className="grid gap-3 rounded-card border border-line bg-panel p-4">
      <Field label={t("projects.path")} hint={t("projects.path.hint")}>
        {(about) => (
          <input {...about} className="control" value={path} onChange={(event) => setPath(event.target.value)} />
        )}
      </Field>
      <div>
        <Button type="submit" kind="main" disabled={!path.trim() || linking.isPending}>
          {t("projects.link")}
        </Button>
        <p className="mt-2 text-sm text-ink2">{t("projects.from_now")}</p>
      </div>
      <Refused error={linking.error} again={() => linking.variables && linking.mutate(linking.variables)} />
    </form>
  );
}

function standing({ branch, commit }: Linked): string {
  const at = (commit ?? "").slice(0, COMMIT_LETTERS);
  return branch ? t("projects.at", { branch, commit: at }) : t("projects.detached", { commit: at });
}
