import { useState } from "react";
import { LANGUAGES, type Language, speak, spoken, t } from "@/i18n";
import { THEMES, type Theme, theme, wearTheme } from "@/theme";
import { Field } from "@/ui/Field";
import { Section } from "@/ui/Page";

/** The language, and light or dark; both are this browser's. */
export function Look() {
  const [look, setLook] = useState(theme);
  return (
    <Section title={t("look")}>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={t("look.language")}>
          {(about) => (
            <select
              {...about}
              className="control"
              value={spoken()}
              onChange={(event) => speak(event.target.value as Language)}
            >
              {LANGUAGES.map((one) => (
                <option key={one} value={one}>
                  {new Intl.DisplayNames([one], { type: "language" }).of(one)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("look.theme")}>
          {(about) => (
            <select
              {...about}
              className="control"
              value={look}
              onChange={(event) => {
                setLook(event.target.value as Theme);
                wearTheme(event.target.value as Theme);
              }}
            >
              {THEMES.map((one) => (
                <option key={one} value={one}>
                  {t(`look.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </Section>
  );
}
