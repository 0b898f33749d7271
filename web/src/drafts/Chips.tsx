import type { Gate } from "@/api/queries";
import { cardOf } from "@/drafts/card";
import { tierOf } from "@/drafts/tier";
import { t } from "@/i18n";
import { Chip } from "@/ui/Chip";

/** What a draft takes, whether it can be undone, and whether it is real. */
export function Chips({ gate }: { gate: Gate }) {
  const { effects } = cardOf(gate);
  const tier = tierOf(gate);
  const isLive = effects.some((one) => one.live);
  return (
    <>
      <Chip tone={tier === 3 ? "wait" : "plain"}>{t(`tier.${tier}`)}</Chip>
      <Chip>{t(effects.every((one) => one.undo !== null) ? "chip.undo" : "chip.no_undo")}</Chip>
      <Chip tone={isLive ? "wait" : "plain"}>{t(isLive ? "mode.live" : "mode.practice")}</Chip>
    </>
  );
}
