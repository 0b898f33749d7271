import type { ReactNode } from "react";

/** One of several things that are known here, and what can be done with it. */
export function Listed({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <li className="flex flex-wrap items-start justify-between gap-3 rounded-card border border-line bg-panel p-3">
      <div className="min-w-0 flex-1 basis-48 [overflow-wrap:anywhere]">{children}</div>
      {action}
    </li>
  );
}
