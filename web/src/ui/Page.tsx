import { type ReactNode, useEffect, useState } from "react";
import { Loop } from "@/ui/Loop";

const UNSEEN_MS = 150;

/** One place of the app under its heading. */
export function Page({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Haloop`;
  }, [title]);
  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-5 pb-24 md:px-8 md:pb-10">
      <header className="mb-5 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl">{title}</h1>
        {aside}
      </header>
      {children}
    </div>
  );
}

export function Section(props: { title: string; count?: number | undefined; children: ReactNode }) {
  return (
    <section className="mb-7" aria-label={props.title}>
      <h2 className="mb-2 flex items-baseline gap-2 text-base">
        {props.title}
        {props.count !== undefined && <span className="text-sm font-normal text-ink2">{props.count}</span>}
      </h2>
      {props.children}
    </section>
  );
}

/** Nothing is here: what will be, and the one thing to do about it. */
export function Empty({ says, action }: { says: string; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-card border border-dashed border-line px-6 py-10 text-center">
      <Loop state="done" size={28} silent />
      <p className="max-w-[45ch] text-ink2">{says}</p>
      {action}
    </div>
  );
}

/** The shape of what is being fetched; nothing at all where it comes at once. */
export function Waiting({ rows = 3 }: { rows?: number }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const late = setTimeout(() => setSlow(true), UNSEEN_MS);
    return () => clearTimeout(late);
  }, []);
  return (
    <div aria-busy="true" className={isSlow ? "" : "invisible"}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: grey bars have nothing but their place
        <div key={row} className="mb-2 h-16 animate-pulse rounded-card bg-sunk" />
      ))}
    </div>
  );
}
