import { useState } from "react";
import { ask } from "@/api/client";
import { confirmation } from "@/api/passkeys";
import { queries } from "@/api/queries";
import { t } from "@/i18n";
import { Refused } from "@/settings/Refused";
import { useAct } from "@/settings/useAct";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Section } from "@/ui/Page";
import { useFirstFocus } from "@/ui/useFirstFocus";

const TYPED = 6;
const WHY_MAX = 500;

/** An owner erases what a run said, for good; what that means is read, and a piece of its name typed, before it is. */
export default function EraseRun({ run }: { run: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Section title={t("erase")}>
      {isOpen ? (
        <EraseForm run={run} onClose={() => setOpen(false)} />
      ) : (
        <Button kind="bad" onClick={() => setOpen(true)}>
          {t("erase.open")}
        </Button>
      )}
    </Section>
  );
}

function EraseForm({ run, onClose }: { run: string; onClose: () => void }) {
  const form = useFirstFocus<HTMLFormElement>();
  const [why, setWhy] = useState("");
  const [typed, setTyped] = useState("");
  const end = run.slice(-TYPED);
  const erasing = useAct(
    async () => {
      const path = { run };
      const challenge = await ask("post", "/api/runs/{run}/erasure/challenge", { path });
      const body = { why: why.trim(), confirmed: await confirmation(challenge) };
      await ask("post", "/api/runs/{run}/erasure", { path, body });
    },
    queries.run(run).queryKey,
    queries.activity().queryKey,
    queries.runs().queryKey,
  );
  return (
    <form
      ref={form}
      className="grid gap-3 rounded-card border border-line bg-panel p-4"
      onSubmit={(event) => {
        event.preventDefault();
        erasing.mutate();
      }}
    >
      <p className="max-w-[65ch]">{t("erase.goes")}</p>
      <p className="max-w-[65ch]">{t("erase.stays")}</p>
      <p className="max-w-[65ch] text-ink2">{t("erase.copies")}</p>
      <Field label={t("erase.why")} hint={t("erase.why.hint")}>
        {(about) => (
          <input
            {...about}
            className="control"
            required
            maxLength={WHY_MAX}
            value={why}
            onChange={(event) => setWhy(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("erase.typed", { end })}>
        {(about) => (
          <input
            {...about}
            className="control max-w-40 font-mono"
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <div className="flex flex-wrap gap-2">
        <Button type="submit" kind="bad" disabled={typed.trim() !== end || !why.trim() || erasing.isPending}>
          {t("erase.do")}
        </Button>
        <Button kind="quiet" onClick={onClose}>
          {t("cancel")}
        </Button>
      </div>
      <Refused error={erasing.error} again={() => erasing.mutate()} />
    </form>
  );
}
