import { useState } from "react";
import { t } from "@/i18n";
import { areKeysOn, turnKeys, useAllCommands } from "@/keys";
import { Room } from "@/settings/Room";
import { KeyCap } from "@/ui/Button";

/** What each key does here and now, and the switch for the single ones. */
export default function KeyboardRoom() {
  const [isOn, setOn] = useState(areKeysOn);
  const commands = useAllCommands();
  return (
    <Room name="keyboard">
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
    </Room>
  );
}
