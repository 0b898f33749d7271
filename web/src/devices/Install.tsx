import { t } from "@/i18n";
import { Details } from "@/ui/Details";
import { Section } from "@/ui/Page";

const SYSTEMS = ["ios", "android", "desktop"] as const;

/** How the app comes to the home screen; the way of this device's own system lies open. */
export function Install() {
  const isInstalled = matchMedia("(display-mode: standalone)").matches;
  const own = systemOf(navigator.userAgent, navigator.maxTouchPoints);
  return (
    <Section title={t("install")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t(isInstalled ? "install.done" : "install.says")}</p>
      {!isInstalled && (
        <div className="grid gap-2">
          {SYSTEMS.map((system) => (
            <Details key={system} says={t(`install.${system}`)} open={system === own}>
              <p className="max-w-[65ch]">{t(`install.${system}.how`)}</p>
            </Details>
          ))}
        </div>
      )}
    </Section>
  );
}

/** An iPad says that it is a Mac; only a Mac has no screen to touch. */
export function systemOf(browser: string, touches: number): (typeof SYSTEMS)[number] {
  if (/iPhone|iPad/.test(browser) || (/Macintosh/.test(browser) && touches > 1)) return "ios";
  return /Android/.test(browser) ? "android" : "desktop";
}
