import type { ComponentProps, ReactNode, Ref } from "react";
import { areKeysOn } from "@/keys";

type Kind = "main" | "plain" | "quiet" | "bad";

const LOOKS: Record<Kind, string> = {
  main: "border-transparent bg-accent text-on-accent hover:opacity-90",
  plain: "border-edge bg-panel text-ink hover:bg-sunk",
  quiet: "border-transparent text-ink2 hover:bg-sunk hover:text-ink",
  bad: "border-edge bg-panel text-bad hover:bg-bad-soft",
};

interface Props extends ComponentProps<"button"> {
  kind?: Kind;
  /** The key that does the same. */
  cap?: string;
  icon?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind = "plain", cap, icon, children, className = "", ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={`inline-flex min-h-9 items-center justify-center gap-2 rounded-control border px-3.5 py-1.5 font-medium pointer-coarse:min-h-12 transition-colors duration-120 aria-disabled:cursor-not-allowed aria-disabled:opacity-50 disabled:opacity-50 ${LOOKS[kind]} ${className}`}
    >
      {icon}
      <span className="min-w-0 break-words">{children}</span>
      {cap && areKeysOn() && <KeyCap keys={cap} />}
    </button>
  );
}

/** A key as it stands on a keyboard. */
export function KeyCap({ keys }: { keys: string }) {
  return (
    <kbd
      aria-hidden="true"
      className="hidden rounded-chip border border-current/40 px-1.5 font-sans text-xs pointer-fine:inline-block"
    >
      {keys.replace("Enter", "↵").replace("Escape", "Esc")}
    </kbd>
  );
}
