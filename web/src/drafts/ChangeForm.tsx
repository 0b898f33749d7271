import { type FormEvent, useState } from "react";
import type { Gate } from "@/api/queries";
import { CANVASES } from "@/drafts/canvases";
import { cardOf } from "@/drafts/card";
import { choicesOf } from "@/drafts/choices";
import { SchemaForm } from "@/drafts/SchemaForm";
import { beginning, type Schema, sent } from "@/drafts/schema";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { useFirstFocus } from "@/ui/useFirstFocus";

/** What should be different; whoever made the draft makes a new one of it, which is read and approved anew. */
export default function ChangeForm(props: {
  gate: Gate;
  isBusy: boolean;
  onChange: (change: unknown) => void;
  onClose: () => void;
}) {
  const schema = props.gate.change_takes as Schema;
  const card = cardOf(props.gate);
  const Canvas = CANVASES[card.title];
  const [value, setValue] = useState(() => (Canvas ? undefined : beginning(schema, schema)));
  const choices = choicesOf(schema, card);
  const form = useFirstFocus<HTMLFormElement>();
  const send = (event: FormEvent) => {
    event.preventDefault();
    props.onChange(Canvas ? value : sent(value, schema, schema));
  };
  return (
    <form
      ref={form}
      className="rounded-card border border-line bg-panel p-4"
      onSubmit={send}
      onKeyDown={(event) => event.key === "Escape" && props.onClose()}
    >
      <h3 className="mb-3 text-base">{t("change.title")}</h3>
      {Canvas ? (
        <Canvas card={card} run={props.gate.run} onChange={setValue} />
      ) : choices ? (
        <fieldset className="grid gap-2">
          <legend className="mb-2 text-sm font-medium">{choices.name}</legend>
          {choices.options.map(({ key, says, isNow }) => (
            <label
              key={key}
              className="flex min-h-11 items-center gap-3 rounded-control border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft"
            >
              <input
                type="radio"
                name="choice"
                required
                className="size-4.5 shrink-0"
                disabled={isNow}
                onChange={() => setValue({ [choices.field]: key })}
              />
              <span className="min-w-0 [overflow-wrap:anywhere]">
                {says}
                {isNow && <span className="block text-sm text-ink2">{t("change.now")}</span>}
              </span>
            </label>
          ))}
        </fieldset>
      ) : (
        <SchemaForm name={schema.title ?? "change"} schema={schema} root={schema} value={value} onChange={setValue} />
      )}
      <div className="mt-4 flex flex-wrap gap-2">
        <Button type="submit" kind="main" disabled={props.isBusy || value === undefined}>
          {t(props.isBusy ? "change.busy" : "change.send")}
        </Button>
        <Button kind="quiet" onClick={props.onClose} cap="Escape">
          {t("cancel")}
        </Button>
      </div>
      <p className="mt-2 text-sm text-ink2">{t("change.hint")}</p>
    </form>
  );
}
