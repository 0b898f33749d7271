import { lexer, type Token, type Tokens } from "marked";
import { Fragment, type ReactNode, useMemo } from "react";
import { t } from "@/i18n";

const SHOWN_MAX = 100_000;
const MAY_OPEN = /^(https?:|mailto:)/i;
const HEADINGS = ["h3", "h4", "h5", "h6", "h6", "h6"] as const;

/** A file as it reads. Its words come from an agent: no HTML of theirs is more than text, and nothing is fetched. */
export default function Preview({ text }: { text: string }) {
  const tokens = useMemo(() => lexer(text.slice(0, SHOWN_MAX)), [text]);
  return (
    <div className="grid max-w-[75ch] gap-3 [overflow-wrap:anywhere]">
      <Many tokens={tokens} />
      {text.length > SHOWN_MAX && <p className="text-ink2">{t("missions.preview.more")}</p>}
    </div>
  );
}

function Many({ tokens = [] }: { tokens?: Token[] | undefined }) {
  return tokens.map((token, place) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a part of a text has nothing but its place
    <Fragment key={place}>{shown(token as Tokens.Generic)}</Fragment>
  ));
}

function shown(token: Tokens.Generic): ReactNode {
  const inner = <Many tokens={token.tokens} />;
  switch (token.type) {
    case "heading": {
      const Heading = HEADINGS[token.depth - 1] ?? "h6";
      return <Heading className={token.depth < 3 ? "text-lg" : "text-base"}>{inner}</Heading>;
    }
    case "paragraph":
      return <p>{inner}</p>;
    case "strong":
      return <strong>{inner}</strong>;
    case "em":
      return <em>{inner}</em>;
    case "del":
      return <del>{inner}</del>;
    case "codespan":
      return <code className="rounded-chip bg-sunk px-1 font-mono text-sm">{token.text}</code>;
    case "code":
      return <pre className="rounded-card bg-sunk p-3 font-mono text-sm whitespace-pre-wrap">{token.text}</pre>;
    case "blockquote":
      return <blockquote className="grid gap-3 border-l-2 border-line pl-3 text-ink2">{inner}</blockquote>;
    case "list":
      return <Items list={token as Tokens.List} />;
    case "table":
      return <Table table={token as Tokens.Table} />;
    case "link":
      return <Anchor href={token.href}>{inner}</Anchor>;
    case "image":
      return <span className="text-ink2">[{token.text || token.href}]</span>;
    case "hr":
      return <hr className="border-line" />;
    case "br":
      return <br />;
    case "space":
      return null;
    default: // plain text, and whatever was meant to be HTML
      return token.tokens ? inner : (token.text ?? token.raw);
  }
}

function Items({ list }: { list: Tokens.List }) {
  const List = list.ordered ? "ol" : "ul";
  return (
    <List className={`grid gap-1 pl-5 ${list.ordered ? "list-decimal" : "list-disc"}`} {...startOf(list)}>
      {list.items.map((item, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an item has nothing but its place
        <li key={place}>
          {item.task && (item.checked ? "☑ " : "☐ ")}
          <Many tokens={item.tokens} />
        </li>
      ))}
    </List>
  );
}

function startOf({ ordered, start }: Tokens.List): { start?: number } {
  return ordered && typeof start === "number" ? { start } : {};
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by the keyboard
    <div role="group" tabIndex={0} aria-label={t("missions.preview.table")} className="max-w-full overflow-x-auto">
      <table className="text-left">
        <thead>
          <tr>
            {table.header.map((cell, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a column has nothing but its place
              <th key={place} scope="col" className="border-b border-line py-1 pr-4 text-sm font-medium">
                <Many tokens={cell.tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row has nothing but its place
            <tr key={place}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a cell has nothing but its place
                <td key={column} className="border-b border-line py-1 pr-4">
                  <Many tokens={cell.tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A link leads away only where it says whereto; anything else in its place is text. */
function Anchor({ href, children }: { href: string; children: ReactNode }) {
  if (!MAY_OPEN.test(href)) return children;
  return (
    <a className="underline" href={href} title={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}
