import { useSyncExternalStore } from "react";
import { hearOffer, offerNow, takeOffer } from "@/devices/installing";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Details } from "@/ui/Details";
import { Section } from "@/ui/Page";

const SYSTEMS = ["ios", "android", "desktop"] as const;

/** How the app comes to the home screen: by a button where the browser offers it, and else by its own system's way. */
export function Install() {
  const offer = useSyncExternalStore(hearOffer, offerNow);
  if (matchMedia("(display-mode: standalone)").matches) return null;
  return (
    <Section title={t("install")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t(offer === "taken" ? "install.done" : "install.says")}</p>
      {offer instanceof Event && (
        <Button kind="main" onClick={() => takeOffer(offer)}>
          {t("install.now")}
        </Button>
      )}
      {!offer && <Guide />}
    </Section>
  );
}

function Guide() {
  const own = systemOf(navigator.userAgent, navigator.maxTouchPoints);
  return (
    <div className="grid gap-2">
      {SYSTEMS.map((system) => (
        <Details key={system} says={t(`install.${system}`)} open={system === own}>
          <p className="max-w-[65ch]">{t(`install.${system}.how`)}</p>
        </Details>
      ))}
    </div>
  );
}

/** An iPad says that it is a Mac; only a Mac has no screen to touch. */
export function systemOf(browser: string, touches: number): (typeof SYSTEMS)[number] {
  if (/iPhone|iPad/.test(browser) || (/Macintosh/.test(browser) && touches > 1)) return "ios";
  return /Android/.test(browser) ? "android" : "desktop";
}
