import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Problem } from "@/api/client";
import { queries } from "@/api/queries";
import { standOutside } from "@/api/session";
import { t } from "@/i18n";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";

/** What somebody sees who is not known here, and how they come in. */
export default function Outside({ told }: { told: Problem }) {
  const client = useQueryClient();
  useEffect(() => {
    standOutside();
    // Whoever comes in beside this, in another tab, is in here too.
    const look = () => void client.invalidateQueries(queries.me());
    window.addEventListener("storage", look);
    return () => window.removeEventListener("storage", look);
  }, [client]);
  return (
    <main>
      <Page title={t("outside.title")}>
        <div className="max-w-[65ch]">
          <Notice
            tone="plain"
            loop="draft"
            title={told.code === "identity.unknown" ? t("outside.unknown") : told.message}
          >
            <p>{t("outside.next")}</p>
            <pre className="mt-2 rounded-control bg-sunk p-3 font-mono text-sm">haloop start</pre>
            <p className="mt-3">
              <a className="underline" href="/plain">
                {t("outside.login")}
              </a>
            </p>
          </Notice>
        </div>
      </Page>
    </main>
  );
}
