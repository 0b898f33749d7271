import { useQuery } from "@tanstack/react-query";
import type { Model } from "@/api/client";
import { queries } from "@/api/queries";
import { capital, deedOf } from "@/drafts/deed";
import { t } from "@/i18n";
import { Listed } from "@/settings/Listed";
import { Refused } from "@/settings/Refused";
import { Room } from "@/settings/Room";
import { Button } from "@/ui/Button";
import { Chip, type Tone } from "@/ui/Chip";
import { Section, Waiting } from "@/ui/Page";

const TONES: Record<Model<"ConnectorOut">["health"], Tone> = { answers: "ok", silent: "bad", within: "plain" };

/** What stands behind each port: whether it is real, and whether it answers. */
export default function Connectors() {
  const connectors = useQuery(queries.connectors());
  return (
    <Room name="connectors">
      <Section title={t("connectors")}>
        <p className="mb-3 max-w-[65ch] text-ink2">{t("connectors.says")}</p>
        <Refused error={connectors.error} />
        {!connectors.data && !connectors.error && <Waiting rows={2} />}
        <ul className="mb-3 grid gap-2">
          {connectors.data?.map((one) => (
            <Listed key={one.name}>
              <p className="font-medium">{one.name}</p>
              <p>
                {one.operations.length > 0 ? capital(one.operations.map(deedOf).join(", ")) : t("connectors.no_deed")}
              </p>
              <div className="my-1 flex flex-wrap gap-1.5">
                <Chip tone={one.live ? "wait" : "plain"}>{t(one.live ? "mode.live" : "mode.practice")}</Chip>
                <Chip tone={TONES[one.health]}>{t(`connectors.${one.health}`)}</Chip>
              </div>
              {one.problem && <p className="text-bad">{one.problem}</p>}
              <p className="text-sm text-ink2">
                {one.account
                  ? t("connectors.as", { port: one.port, version: one.version, account: one.account })
                  : t("connectors.port", { port: one.port, version: one.version })}
              </p>
            </Listed>
          ))}
        </ul>
        <Button disabled={connectors.isFetching} onClick={() => connectors.refetch()}>
          {t("connectors.check")}
        </Button>
      </Section>
      <Section title={t("connectors.mode")}>
        <p className="max-w-[65ch]">{t("connectors.mode.says")}</p>
      </Section>
    </Room>
  );
}
