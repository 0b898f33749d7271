import type { ReactNode } from "react";
import { Link } from "wouter";
import { t } from "@/i18n";
import { Page } from "@/ui/Page";

export const ROOMS = ["limits", "defaults", "connectors", "people", "devices", "logins", "keyboard", "status"] as const;

/** One room of the settings, with the way to the others. */
export function Room({ name, children }: { name: (typeof ROOMS)[number]; children: ReactNode }) {
  return (
    <Page title={t(`room.${name}`)}>
      <nav aria-label={t("place.settings")} className="mb-6 flex flex-wrap gap-1">
        {ROOMS.map((one) => (
          <Link
            key={one}
            href={`/settings/${one}`}
            aria-current={one === name ? "page" : undefined}
            className="flex min-h-9 items-center rounded-control px-3 py-1.5 text-ink2 hover:bg-sunk hover:text-ink aria-[current]:bg-accent-soft aria-[current]:font-medium aria-[current]:text-accent pointer-coarse:min-h-12"
          >
            {t(`room.${one}`)}
          </Link>
        ))}
      </nav>
      <div className="max-w-3xl">{children}</div>
    </Page>
  );
}
