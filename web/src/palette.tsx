import { useMemo, useState } from "react";
import { t } from "@/i18n";
import { areKeysOn, useAllCommands } from "@/keys";
import { KeyCap } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";

/** All that can be done now, by name; what is done is done once this is closed, so that it finds the focus where it was. */
export default function Palette({ onClose, all }: { onClose: () => void; all: boolean }) {
  const commands = useAllCommands();
  const [wanted, setWanted] = useState("");
  const [place, setPlace] = useState(0);
  const found = useMemo(() => {
    const words = wanted.toLowerCase().split(/\s+/);
    return commands.filter((one) => words.every((word) => one.name.toLowerCase().includes(word)));
  }, [commands, wanted]);
  const chosen = Math.min(place, found.length - 1);
  const run = (number: number) => {
    const command = found[number];
    if (!command) return;
    onClose();
    setTimeout(command.run);
  };
  return (
    <Dialog label={t(all ? "command.keys" : "command.palette")} onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={found.length ? `command-${chosen}` : undefined}
        aria-label={t("palette.find")}
        placeholder={t("palette.find")}
        className="control"
        value={wanted}
        onChange={(event) => {
          setWanted(event.target.value);
          setPlace(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setPlace(Math.min(chosen + 1, found.length - 1));
          else if (event.key === "ArrowUp") setPlace(Math.max(chosen - 1, 0));
          else if (event.key === "Enter") run(chosen);
          else return;
          event.preventDefault();
        }}
      />
      <div id="palette" role="listbox" aria-label={t("command.palette")} className="mt-3">
        {found.map((command, number) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are heard by the field above
          <div
            key={`${command.keys} ${command.name}`}
            id={`command-${number}`}
            role="option"
            tabIndex={-1}
            aria-selected={number === chosen}
            className="flex min-h-9 items-center justify-between gap-4 rounded-control px-3 py-1.5 aria-selected:bg-accent-soft"
            onClick={() => run(number)}
          >
            <span>{command.name}</span>
            <KeyCap keys={command.keys} />
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="px-3 py-2 text-ink2">{t("palette.nothing")}</p>}
      {all && <p className="mt-3 px-3 text-sm text-ink2">{t(areKeysOn() ? "keys.on" : "keys.off")}</p>}
    </Dialog>
  );
}
