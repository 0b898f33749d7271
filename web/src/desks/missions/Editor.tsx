import { useLayoutEffect, useRef } from "react";

/** A file as plain text. What stands in it is handed over once, so that a long one stays quick to type in. */
export function Editor(props: { label: string; text: string; isOpen: boolean; onType: (text: string) => void }) {
  const { text } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const shown = text.replaceAll("\r\n", "\n");
    if (area.current && area.current.value !== shown) area.current.value = shown;
  }, [text]);
  return (
    <textarea
      ref={area}
      aria-label={props.label}
      readOnly={!props.isOpen}
      spellCheck={false}
      onInput={(event) => props.onType(event.currentTarget.value)}
      className="control h-[26rem] resize-y font-mono text-sm leading-5 read-only:bg-sunk"
    />
  );
}
