import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Asked, askFor } from "@/api/asking";
import { DraftCard } from "@/drafts/DraftCard";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Failed } from "@/ui/Notice";
import { useFirstFocus } from "@/ui/useFirstFocus";

/** Ask in plain words. What is missing is asked back; what nobody does is said, with what would work. */
export function Words({ onBegun }: { onBegun: (run: string) => void }) {
  const [words, setWords] = useState("");
  const [answered, setAnswered] = useState<Exclude<Asked, { outcome: "begun" }>>();
  const form = useFirstFocus<HTMLFormElement>();
  const asking = useMutation({
    mutationFn: (said: string) => askFor({ words: said, conversation: conversationOf(answered), zone: zone() }),
    onSuccess: (heard) => {
      if (heard.outcome === "begun") onBegun(heard.run);
      else setAnswered(heard);
    },
  });
  const say = (said: string) => {
    setWords(said);
    asking.mutate(said);
  };
  const begin = () => {
    setAnswered(undefined);
    setWords("");
  };
  return (
    <div className="grid gap-4">
      {answered?.outcome !== "asks" && (
        <form
          ref={form}
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            if (words.trim()) say(words.trim());
          }}
        >
          <Field label={t("ask.words")}>
            {(about) => (
              <input
                {...about}
                className="control"
                maxLength={1_000}
                value={words}
                onChange={(event) => setWords(event.target.value)}
              />
            )}
          </Field>
          <div>
            <Button type="submit" kind="main" disabled={asking.isPending || !words.trim()}>
              {t(asking.isPending ? "ask.busy" : "ask.send")}
            </Button>
          </div>
        </form>
      )}
      <div aria-live="polite">
        {answered?.outcome === "asks" && (
          <>
            <DraftCard
              key={answered.conversation.length}
              face="clarify"
              asked={answered.conversation.join(" · ")}
              question={answered.questions[0]?.asks ?? ""}
              options={answered.questions[0]?.choices ?? []}
              onAnswer={say}
            />
            <Button kind="quiet" className="mt-3" onClick={begin}>
              {t("ask.anew")}
            </Button>
          </>
        )}
        {answered?.outcome === "unsupported" && (
          <DraftCard
            face="unsupported"
            asked={words}
            sentence={answered.reads.length > 0 ? t("unsupported.language") : answered.sentence}
            offers={answered.examples}
            onOffer={(offer) => {
              setAnswered(undefined);
              say(offer);
            }}
          />
        )}
      </div>
      {asking.error && <Failed error={asking.error} />}
    </div>
  );
}

function conversationOf(answered: Asked | undefined): string[] {
  return answered?.outcome === "asks" ? answered.conversation : [];
}

function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
