import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { type Execution, queries, type RunSummary } from "@/api/queries";
import { standingOf } from "@/drafts/InboxRow";
import { aboutRun, askedFor, nameOfRun } from "@/drafts/naming";
import { t } from "@/i18n";
import { type Money, moment, money } from "@/i18n/spelling";
import { Loop } from "@/ui/Loop";

/** A run among all that ever was: what was said, where it stands, what it cost, when, and who asked. */
export default function FeedRow({ run, did }: { run: RunSummary; did: Execution[] }) {
  const me = useQuery(queries.me()).data?.person ?? null;
  const { ring, says } = standingOf(run, did);
  const charged = did.flatMap((one) => (one.charged ? [money(one.charged as unknown as Money)] : []));
  return (
    <li>
      <Link
        href={`/activity/${run.id}`}
        className="flex min-h-11 gap-3 rounded-card border border-line bg-panel p-3 hover:border-edge"
      >
        <Loop state={ring} />
        <span className="min-w-0 [overflow-wrap:anywhere]">
          <span className="block font-medium">{run.is_erased ? t("run.erased") : nameOfRun(run)}</span>
          {!run.is_erased && <span className="block">{run.words.join(" · ") || askedFor(run)}</span>}
          <span className="block text-sm text-ink2">
            {[t(says), ...charged].join(", ")} · <time dateTime={run.newest_at}>{moment(run.newest_at)}</time>
            {!run.is_erased && ` · ${aboutRun(run, me)}`}
          </span>
        </span>
      </Link>
    </li>
  );
}
