import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { addPasskey, canSign, removePasskey } from "@/api/passkeys";
import { queries } from "@/api/queries";
import { LANGUAGES, type Language, speak, spoken, t } from "@/i18n";
import { moment } from "@/i18n/spelling";
import { areKeysOn, turnKeys, useAllCommands } from "@/keys";
import { THEMES, type Theme, theme, wearTheme } from "@/theme";
import { Button, KeyCap } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Failed } from "@/ui/Notice";
import { Page, Section, Waiting } from "@/ui/Page";

/** What a person may set for themselves. */
export default function Settings() {
  return (
    <Page title={t("place.settings")}>
      <div className="max-w-2xl">
        <Passkeys />
        <Look />
        <Keyboard />
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

function Passkeys() {
  const client = useQueryClient();
  const known = useQuery(queries.passkeys());
  const changed = () => client.invalidateQueries({ queryKey: queries.passkeys().queryKey });
  const adding = useMutation({ mutationFn: addPasskey, onSettled: changed });
  const removing = useMutation({ mutationFn: removePasskey, onSettled: changed });
  const error = known.error ?? adding.error ?? removing.error;
  return (
    <Section title={t("passkeys")}>
      <p className="mb-3 max-w-[65ch] text-ink2">{t("passkeys.says")}</p>
      {!known.data && !error && <Waiting rows={1} />}
      <ul className="mb-3 grid gap-2">
        {known.data?.map(({ credential, added_at: added }) => (
          <li
            key={credential}
            className="flex flex-wrap items-center justify-between gap-3 rounded-card border border-line bg-panel p-3"
          >
            <span className="min-w-0 [overflow-wrap:anywhere]">
              <span className="font-mono text-sm">{credential.slice(0, 8)}…</span>
              <span className="block text-sm text-ink2">{t("passkeys.added", { at: moment(added) })}</span>
            </span>
            <Button
              kind="bad"
              disabled={removing.isPending}
              aria-label={t("passkeys.remove_one", { name: credential.slice(0, 8) })}
              onClick={() => removing.mutate(credential)}
            >
              {t("passkeys.remove")}
            </Button>
          </li>
        ))}
      </ul>
      {known.data?.length === 0 && <p className="mb-3">{t("passkeys.none")}</p>}
      {error && (
        <div className="mb-3">
          <Failed error={error} />
        </div>
      )}
      <Button kind="main" disabled={!canSign() || adding.isPending} onClick={() => adding.mutate()}>
        {t("passkeys.add")}
      </Button>
      {!canSign() && <p className="mt-2 text-sm text-ink2">{t("passkey.no_context")}</p>}
    </Section>
  );
}

function Look() {
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

function Keyboard() {
  const [isOn, setOn] = useState(areKeysOn);
  const commands = useAllCommands();
  return (
    <Section title={t("keyboard")}>
      <label className="flex min-h-11 items-center gap-3">
        <input
          type="checkbox"
          role="switch"
          aria-checked={isOn}
          className="size-5"
          checked={isOn}
          onChange={(event) => {
            turnKeys(event.target.checked);
            setOn(event.target.checked);
          }}
        />
        {t("keyboard.single")}
      </label>
      <p className="mb-3 text-sm text-ink2">{t("keyboard.says")}</p>
      <ul className="grid gap-1">
        {commands.map((command) => (
          <li key={`${command.keys} ${command.name}`} className="flex justify-between gap-4 text-sm">
            {command.name} <KeyCap keys={command.keys} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
