import { ChevronRight } from "lucide-react";
import { Link } from "wouter";
import { t } from "@/i18n";
import { Look } from "@/settings/Look";
import { roomsHere } from "@/settings/Room";
import { Page, Section } from "@/ui/Page";

/** The way to each room of the settings, and what a browser keeps for itself. */
export default function Settings() {
  return (
    <Page title={t("place.settings")}>
      <div className="max-w-3xl">
        <ul className="mb-7 grid gap-2">
          {roomsHere().map((room) => (
            <li key={room}>
              <Link
                href={`/settings/${room}`}
                className="flex items-center gap-3 rounded-card border border-line bg-panel p-3 hover:border-edge"
              >
                <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">
                  <span className="block font-medium">{t(`room.${room}`)}</span>
                  <span className="block text-sm text-ink2">{t(`room.says.${room}`)}</span>
                </span>
                <ChevronRight size={18} strokeWidth={1.75} aria-hidden className="shrink-0 text-ink2" />
              </Link>
            </li>
          ))}
        </ul>
        <Look />
        <Section title={t("plain")}>
          <p className="max-w-[65ch]">
            {t("plain.says")}{" "}
            <a className="underline" href="/plain">
              {t("plain.open")}
            </a>
          </p>
        </Section>
      </div>
    </Page>
  );
}
