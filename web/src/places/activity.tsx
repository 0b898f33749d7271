import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useRef } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { feed, type Wanted } from "@/api/feed";
import { queries } from "@/api/queries";
import { asWords, said, t } from "@/i18n";
import { useCommands } from "@/keys";
import { POLL_MS, useLiveness } from "@/live";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { Failed } from "@/ui/Notice";
import { Empty, Page, Waiting } from "@/ui/Page";

const FeedRow = lazy(() => import("@/drafts/FeedRow"));
const STATES = ["running", "waits_for_you", "uncertain", "parked", "ended"] as const;

/** Everything that was asked for, the newest first; what is looked for stands in the address. */
export default function Activity() {
  const asked = new URLSearchParams(useSearch());
  const wanted = wantedOf(asked);
  const [, go] = useLocation();
  const every = { refetchInterval: useLiveness() === "polling" ? POLL_MS : (false as const) };
  const found = useInfiniteQuery({ ...feed(wanted), ...every });
  const list = useRef<HTMLUListElement>(null);
  const look = (more: Record<string, string>) => go(`/activity${addressOf({ ...wanted, ...more })}`);
  const move = (by: number) => {
    const rows = [...(list.current?.querySelectorAll("a") ?? [])];
    const place = rows.indexOf(document.activeElement as HTMLAnchorElement);
    rows[Math.max(0, Math.min(rows.length - 1, place + by))]?.focus();
  };
  useCommands([
    { keys: "j", name: t("command.down"), run: () => move(1) },
    { keys: "k", name: t("command.up"), run: () => move(-1) },
    {
      keys: "/",
      name: t("command.search"),
      run: () => document.querySelector<HTMLInputElement>("search input")?.focus(),
    },
  ]);
  const pages = found.data?.pages ?? [];
  return (
    <Page title={t("place.activity")}>
      <Filters wanted={wanted} onLook={look} />
      {found.error && (
        <Failed error={found.error} again={<Button onClick={() => found.refetch()}>{t("again")}</Button>} />
      )}
      {!found.data && !found.error && <Waiting rows={6} />}
      <Suspense fallback={<Waiting rows={6} />}>
        <ul ref={list} className="grid grid-cols-1 gap-2" aria-label={t("place.activity")}>
          {pages.flatMap(({ runs, executions }) =>
            runs.map((run) => <FeedRow key={run.id} run={run} did={executions.filter((one) => one.run === run.id)} />),
          )}
        </ul>
      </Suspense>
      {found.data && pages.every(({ runs }) => runs.length === 0) && !found.hasNextPage && (
        <Nothing isAll={Object.keys(wanted).length === 0} />
      )}
      {pages.at(-1)?.is_complete === false && <p className="mt-3 text-sm text-ink2">{t("activity.incomplete")}</p>}
      {found.hasNextPage && (
        <div className="mt-4">
          <Button disabled={found.isFetchingNextPage} onClick={() => found.fetchNextPage()}>
            {t(found.isFetchingNextPage ? "activity.more_busy" : "activity.more")}
          </Button>
        </div>
      )}
    </Page>
  );
}

function Filters({ wanted, onLook }: { wanted: Wanted; onLook: (more: Record<string, string>) => void }) {
  const desks = useQuery(queries.desks());
  return (
    <search>
      <form
        className="mb-5 grid gap-3 sm:grid-cols-[minmax(0,2fr)_minmax(0,1fr)_minmax(0,1fr)]"
        onSubmit={(event) => {
          event.preventDefault();
          onLook({ search: String(new FormData(event.currentTarget).get("search") ?? "").trim() });
        }}
      >
        <Field label={t("activity.search")}>
          {(about) => (
            <input
              {...about}
              key={wanted.search}
              type="search"
              name="search"
              maxLength={200}
              className="control"
              defaultValue={wanted.search ?? ""}
            />
          )}
        </Field>
        <Field label={t("activity.desk")}>
          {(about) => (
            <select
              {...about}
              className="control"
              value={wanted.desk ?? ""}
              onChange={(event) => onLook({ desk: event.target.value })}
            >
              <option value="">{t("activity.every_desk")}</option>
              {(desks.data ?? []).map(({ name }) => (
                <option key={name} value={name}>
                  {said(`desk.${name}`) ?? asWords(name)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("activity.state")}>
          {(about) => (
            <select
              {...about}
              className="control"
              value={wanted.state ?? ""}
              onChange={(event) => onLook({ state: event.target.value })}
            >
              <option value="">{t("activity.every_state")}</option>
              {STATES.map((state) => (
                <option key={state} value={state}>
                  {t(`run.${state}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </form>
    </search>
  );
}

function Nothing({ isAll }: { isAll: boolean }) {
  if (isAll) return <Empty says={t("activity.empty")} />;
  const clear = (
    <Link href="/activity" className="underline">
      {t("activity.clear")}
    </Link>
  );
  return <Empty says={t("activity.nothing")} action={clear} />;
}

/** What the address looks for; a state that there is not is nobody's. */
function wantedOf(asked: URLSearchParams): Wanted {
  const [desk, search] = [asked.get("desk"), asked.get("search")];
  const state = STATES.find((one) => one === asked.get("state"));
  return { ...(desk && { desk }), ...(state && { state }), ...(search && { search }) };
}

function addressOf(wanted: Record<string, string | undefined>): string {
  const said = Object.entries(wanted).filter((one): one is [string, string] => Boolean(one[1]));
  return said.length > 0 ? `?${new URLSearchParams(said)}` : "";
}
