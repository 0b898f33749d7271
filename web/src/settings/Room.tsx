import type { ReactNode } from "react";
import { Link } from "wouter";
import { readBegins } from "@/begins";
import { t } from "@/i18n";
import { Page } from "@/ui/Page";

const ROOMS = [
  "limits",
  "defaults",
  "connectors",
  "projects",
  "people",
  "devices",
  "logins",
  "keyboard",
  "status",
] as const;

type RoomName = (typeof ROOMS)[number];

/** The rooms that are here; one that is a desk's is, where that is installed. */
export function roomsHere(): readonly RoomName[] {
  const { desks } = readBegins();
  return ROOMS.filter((one) => one !== "projects" || desks.includes("missions"));
}

/** One room of the settings, with the way to the others. */
export function Room({ name, children }: { name: RoomName; children: ReactNode }) {
  return (
    <Page title={t(`room.${name}`)}>
      <nav aria-label={t("place.settings")} className="mb-6 flex flex-wrap gap-1">
        {roomsHere().map((one) => (
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
