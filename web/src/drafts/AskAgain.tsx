import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { useLocation } from "wouter";
import { askTyped } from "@/api/asking";
import { type RunDetail, touchedBy } from "@/api/queries";
import { t } from "@/i18n";
import { Button } from "@/ui/Button";
import { Failed } from "@/ui/Notice";

/** The same request once more: a new run, and a new draft to read. */
export function AskAgain({ run }: { run: RunDetail }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const key = useRef(`again ${run.id}`);
  const asking = useMutation({
    mutationFn: () => askTyped({ desk: run.desk, procedure: run.procedure, arguments: run.arguments }, key.current),
    onSuccess: (begun) => {
      for (const touched of touchedBy(begun)) void client.invalidateQueries(touched);
      go(`/?run=${begun}`);
    },
  });
  return (
    <div className="grid gap-3">
      <div>
        <Button kind="main" disabled={asking.isPending} onClick={() => asking.mutate()}>
          {t("ask.again")}
        </Button>
      </div>
      {asking.error && <Failed error={asking.error} />}
    </div>
  );
}
