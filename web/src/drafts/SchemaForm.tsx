import { capital } from "@/drafts/deed";
import { MoneyField } from "@/drafts/MoneyField";
import { beginning, controlOf, isOptional, meant, nameOf, type Schema } from "@/drafts/schema";
import { asWords, said, t } from "@/i18n";
import { Field } from "@/ui/Field";

interface Props {
  name: string;
  schema: Schema;
  root: Schema;
  value: unknown;
  onChange: (value: unknown) => void;
}

/** The control that fits a schema, or one for each of its fields. */
export function SchemaForm({ name, schema, root, value, onChange }: Props) {
  const known = meant(schema, root);
  if (controlOf(known) === "group") {
    const fields = (value ?? beginning(known, root)) as Record<string, unknown>;
    return (
      <div className="grid gap-4">
        {Object.entries(known.properties ?? {}).map(([inner, innerSchema]) => (
          <SchemaForm
            key={inner}
            name={inner}
            schema={innerSchema}
            root={root}
            value={fields[inner]}
            onChange={(changed) => onChange({ ...fields, [inner]: changed })}
          />
        ))}
      </div>
    );
  }
  if (controlOf(known) === "check") {
    return (
      <label className="flex min-h-9 items-center gap-2">
        <input
          type="checkbox"
          className="size-5"
          checked={value === true}
          onChange={(event) => onChange(event.target.checked)}
        />
        {nameOf(name)}
      </label>
    );
  }
  return (
    <Field label={nameOf(name)} hint={hintOf(schema, known)}>
      {(about) => (
        <Control about={about} known={known} required={!isOptional(schema)} value={value} onChange={onChange} />
      )}
    </Field>
  );
}

function Control(props: {
  about: { id: string };
  known: Schema;
  required: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  const { about, known, required, value, onChange } = props;
  const common = { ...about, required, className: "control" };
  const text = value === null || value === undefined ? "" : String(value);
  switch (controlOf(known)) {
    case "choice":
      return (
        <select {...common} value={text} onChange={(event) => onChange(event.target.value)}>
          {known.enum?.map((one) => (
            <option key={one} value={one}>
              {said(`word.${one}`) ?? capital(asWords(one))}
            </option>
          ))}
        </select>
      );
    case "number":
      return (
        <input
          {...common}
          type="number"
          inputMode="numeric"
          step={known.type === "integer" ? 1 : "any"}
          min={known.minimum}
          max={known.maximum}
          value={text}
          onChange={(event) => onChange(event.target.value === "" ? "" : event.target.valueAsNumber)}
        />
      );
    case "moment":
      return (
        <input
          {...common}
          type="datetime-local"
          value={text.slice(0, 16)}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    case "date":
    case "time":
      return <input {...common} type={known.format} value={text} onChange={(event) => onChange(event.target.value)} />;
    case "lines": {
      const lines = Array.isArray(value) ? value.join("\n") : text;
      return (
        <textarea
          {...common}
          required={false}
          rows={3}
          value={lines}
          onChange={(event) => onChange(event.target.value === "" ? [] : event.target.value.split("\n"))}
        />
      );
    }
    case "money":
      return <MoneyField about={about} required={required} value={value} onChange={onChange} />;
    case "json":
      return (
        <textarea
          {...common}
          rows={3}
          spellCheck={false}
          className="control font-mono text-sm"
          value={typeof value === "string" ? value : JSON.stringify(value)}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    default:
      return (
        <input
          {...common}
          type="text"
          minLength={known.minLength}
          maxLength={known.maxLength}
          value={text}
          onChange={(event) => onChange(event.target.value)}
        />
      );
  }
}

function hintOf(schema: Schema, known: Schema): string | undefined {
  const control = controlOf(known);
  if (control === "lines") return t("form.lines");
  if (control === "json") return t("form.json");
  if (isOptional(schema)) return t("form.optional");
  if (known.minimum !== undefined && known.maximum !== undefined) {
    return t("form.between", { min: known.minimum, max: known.maximum });
  }
  return undefined;
}
