import { useQuery } from "@tanstack/react-query";
import { ask } from "@/api/client";
import { readBegins } from "@/begins";
import { t } from "@/i18n";
import { Loop } from "@/ui/Loop";
import { Page } from "@/ui/Page";

const EVERY_MS = 5_000;

/** For anybody: whether this Haloop answers, whether what it does is real, and which one it is. Nothing of anybody's. */
export default function Answering() {
  const ready = useQuery({
    queryKey: ["ready"],
    queryFn: isReady,
    refetchInterval: EVERY_MS,
    retry: false,
    networkMode: "always",
  });
  const { version, live } = readBegins();
  const [ring, says] = ready.isPending
    ? (["waiting", "answering.asked"] as const)
    : ready.error
      ? (["failed", "answering.silent"] as const)
      : ready.data
        ? (["done", "answering.ready"] as const)
        : (["expired", "answering.ending"] as const);
  return (
    <Page title={t("answering")}>
      <div className="grid max-w-3xl gap-2">
        <p role="status" className="flex items-center gap-2.5 text-lg">
          <Loop state={ring} />
          {t(says)}
        </p>
        <p>{t(live ? "answering.live" : "answering.practice")}</p>
        <p className="text-ink2">{t("answering.version", { version })}</p>
      </div>
    </Page>
  );
}

/** Whether what answers takes work; where nothing answers, the question fails. */
async function isReady(): Promise<boolean> {
  await ask("get", "/healthz");
  return ask("get", "/readyz").then(
    () => true,
    () => false,
  );
}
