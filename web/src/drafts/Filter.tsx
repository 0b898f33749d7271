import { useRef } from "react";
import { t } from "@/i18n";
import { useCommands } from "@/keys";

/** Narrows the lists to what has these words. */
export function Filter({ wanted, onWant }: { wanted: string; onWant: (wanted: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  useCommands([{ keys: "/", name: t("command.filter"), run: () => field.current?.focus() }]);
  return (
    <input
      ref={field}
      type="search"
      className="control mb-4"
      aria-label={t("today.filter")}
      placeholder={t("today.filter")}
      value={wanted}
      onChange={(event) => onWant(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault(); // the browser would empty it
        field.current?.blur();
      }}
    />
  );
}

export function fits(text: string, wanted: string): boolean {
  const words = wanted.toLowerCase().split(/\s+/);
  return words.every((word) => text.toLowerCase().includes(word));
}
