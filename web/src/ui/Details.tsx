import type { ReactNode } from "react";

/** More, for whoever wants it. */
export function Details({ says, open, children }: { says: string; open?: boolean; children: ReactNode }) {
  return (
    <details open={open} className="rounded-card border border-line bg-panel">
      <summary className="min-h-12 px-4 py-2.5 font-medium">{says}</summary>
      <div className="border-t border-line px-4 py-3">{children}</div>
    </details>
  );
}
