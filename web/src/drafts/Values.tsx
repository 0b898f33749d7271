import { type Effect, labelOf, listedOf, type Row, spellValue, type Value } from "@/drafts/card";
import { t } from "@/i18n";

/** Typed rows of a card. */
export function Rows({ rows }: { rows: Row[] }) {
  return (
    <dl className="grid gap-x-5 gap-y-1.5 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
      {rows.map(({ label, value }) => (
        <Pair key={label} label={labelOf(label)}>
          <Shown value={value} />
        </Pair>
      ))}
    </dl>
  );
}

/** What an effect sends; words that a model wrote are marked where they stand. */
export function Argument({ effect }: { effect: Pick<Effect, "argument" | "by_model" | "unlisted"> }) {
  return (
    <dl className="grid gap-x-5 gap-y-1.5 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
      {listedOf(effect).map(([at, text]) => (
        <Pair key={at} label={at.split(".").map(labelOf).join(", ")}>
          {effect.by_model?.some((one) => at === one || at.startsWith(`${one}.`)) ? <ByModel text={text} /> : text}
        </Pair>
      ))}
    </dl>
  );
}

export function Pair({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="text-sm leading-[1.375rem] text-ink2">{label}</dt>
      <dd className="mb-1.5 min-w-0 [overflow-wrap:anywhere] whitespace-pre-wrap sm:mb-0">{children}</dd>
    </>
  );
}

function Shown({ value }: { value: Value }) {
  switch (value.type) {
    case "model_text":
      return <ByModel text={value.text} model={value.model} />;
    case "record":
      return <Rows rows={value.rows} />;
    case "list":
      return <Listed items={value.items} />;
    case "table":
      return <Rows rows={value.items.map(([label, item]) => ({ label, value: item }))} />;
    default:
      return spellValue(value);
  }
}

function Listed({ items }: { items: Value[] }) {
  const records = items.filter((one) => one.type === "record");
  if (records.length < items.length || records.length === 0) {
    return (
      <ul className="list-disc pl-5">
        {items.map((item) => (
          <li key={JSON.stringify(item)}>
            <Shown value={item} />
          </li>
        ))}
      </ul>
    );
  }
  const { same, columns } = columnsOf(records);
  return (
    <div className="grid gap-2">
      {same.length > 0 && <Rows rows={same} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by the keyboard */}
      <div role="group" tabIndex={0} aria-label={t("written.table")} className="max-w-full overflow-x-auto">
        <table className="w-full text-left text-sm">
          <thead>
            <tr>
              {columns.map((label) => (
                <th
                  key={label}
                  scope="col"
                  className="border-b border-line py-1 pr-4 align-bottom font-medium text-ink2"
                >
                  {labelOf(label)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {records.map((record) => (
              <tr key={JSON.stringify(record)}>
                {columns.map((label) => (
                  <td
                    key={label}
                    className="min-w-24 border-b border-line py-1.5 pr-4 align-top [overflow-wrap:anywhere]"
                  >
                    {record.rows
                      .filter((row) => row.label === label)
                      .map((row) => (
                        <Shown key={label} value={row.value} />
                      ))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** What all records have alike is said once; of the rest, long names that nobody reads stand last. */
function columnsOf(records: { rows: Row[] }[]): { same: Row[]; columns: string[] } {
  const labels = [...new Set(records.flatMap((one) => one.rows.map((row) => row.label)))];
  const valuesOf = (label: string) =>
    records.map((one) => {
      const found = one.rows.find((row) => row.label === label);
      return found ? spellValue(found.value) : "";
    });
  const isSame = (label: string) => records.length > 1 && new Set(valuesOf(label)).size === 1;
  const isName = (label: string) => Number(valuesOf(label).every((text) => /^\S{16,}$/.test(text)));
  return {
    same: (records[0]?.rows ?? []).filter((row) => isSame(row.label)),
    columns: labels.filter((label) => !isSame(label)).sort((one, other) => isName(one) - isName(other)),
  };
}

/** Of several lines each stands under the one before it, as it was written. */
function Lines({ text }: { text: string }) {
  return (
    <span
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      aria-label={t("written.lines")}
      className="block max-h-96 overflow-auto font-mono text-sm whitespace-pre-wrap"
    >
      {text}
    </span>
  );
}

function ByModel({ text, model }: { text: string; model?: string }) {
  return (
    <span className="block border-l-2 border-info pl-3">
      <span className="block text-xs text-info">
        {model ? t("written.by_model_named", { model }) : t("written.by_model")}
      </span>
      {text.includes("\n") ? <Lines text={text} /> : text}
    </span>
  );
}
