import { useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";

/** A question back, before there is a draft: pick an answer, or write one. */
export function Clarify(props: { question: string; options: string[]; onAnswer: (answer: string) => void }) {
  const [written, setWritten] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (written.trim()) props.onAnswer(written.trim());
      }}
    >
      <p className="mb-3">{props.question}</p>
      <div className="mb-4 flex flex-wrap gap-2">
        {props.options.map((option) => (
          <Button key={option} onClick={() => props.onAnswer(option)}>
            {option}
          </Button>
        ))}
      </div>
      <Field label={t(props.options.length > 0 ? "clarify.other" : "clarify.own")}>
        {(about) => (
          <input {...about} className="control" value={written} onChange={(event) => setWritten(event.target.value)} />
        )}
      </Field>
      <Button type="submit" kind="main" className="mt-3" disabled={!written.trim()}>
        {t("clarify.answer")}
      </Button>
    </form>
  );
}
