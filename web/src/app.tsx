import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { Problem, Unreached } from "@/api/client";
import { queries } from "@/api/queries";
import { takeLink } from "@/api/session";
import { later, t } from "@/i18n";
import { type Command, useCommands } from "@/keys";
import { POLL_MS, useLiveness } from "@/live";
import { PUBLIC, placesHere } from "@/routes";
import { Button } from "@/ui/Button";
import { Loop } from "@/ui/Loop";
import { Failed, Notice } from "@/ui/Notice";
import { Empty, Page, Waiting } from "@/ui/Page";

const Palette = lazy(later(() => import("@/palette")));
const Outside = lazy(later(() => import("@/outside"), "people"));
const Asking = lazy(later(() => import("@/drafts/Asking")));

type Over = "palette" | "keys" | "ask" | undefined;

/** Everything: what is for anybody, who may come in, the way to each place, and what lies over all of them. */
export function App() {
  return (
    <Switch>
      {PUBLIC.map(({ path, page: Public }) => (
        <Route key={path} path={path}>
          <main>
            <Suspense>
              <Public />
            </Suspense>
          </main>
        </Route>
      ))}
      <Route>
        <Door />
      </Route>
    </Switch>
  );
}

function Door() {
  const me = useQuery({
    ...queries.me(),
    refetchInterval: ({ state }) => state.error instanceof Unreached && POLL_MS,
  });
  if (me.error instanceof Problem && me.error.told.status === 401) {
    return (
      <Suspense>
        <Outside told={me.error} />
      </Suspense>
    );
  }
  if (me.error instanceof Problem && !me.data) {
    return (
      <Page title="Haloop">
        <Failed error={me.error} again={<Button onClick={() => me.refetch()}>{t("again")}</Button>} />
      </Page>
    );
  }
  return <Inside />;
}

function Inside() {
  const [over, setOver] = useState<Over>();
  const [, go] = useLocation();
  const places = placesHere();
  const close = () => setOver(undefined);
  const me = useQuery(queries.me());
  const isUnreached = me.failureReason instanceof Unreached;
  const isOffline = useLiveness() === "offline";
  useEffect(() => {
    const link = takeLink();
    if (link) go(link, { replace: true });
  }, [go]);
  useCommands([
    ...places.flatMap(({ path, rail }): Command[] =>
      rail ? [{ keys: `g ${rail.letter}`, name: t("command.go", { place: t(rail.name) }), run: () => go(path) }] : [],
    ),
    { keys: "c", name: t("command.ask"), run: () => setOver("ask") },
    { keys: "?", name: t("command.keys"), run: () => setOver("keys") },
    { keys: "Ctrl k", name: t("command.palette"), run: () => setOver("palette") },
  ]);
  return (
    <div className="md:grid md:min-h-dvh md:grid-cols-[13.5rem_minmax(0,1fr)]">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-10 focus:bg-panel focus:p-3">
        {t("skip")}
      </a>
      <Rail onAsk={() => setOver("ask")} />
      <main id="main" tabIndex={-1} className="min-w-0 outline-none">
        {(isOffline || isUnreached) && <Away title={t(isOffline ? "offline.title" : "error.unreached")} />}
        <Suspense fallback={<Page title="Haloop">{<Waiting />}</Page>}>
          {!me.data && (isOffline || isUnreached) ? (
            <Page title="Haloop">
              <Empty says={t("offline.empty")} />
            </Page>
          ) : (
            <Switch>
              {places.map(({ path, page }) => (
                <Route key={path} path={path} component={page} />
              ))}
              <Route>
                <Page title={t("nowhere.title")}>
                  <Empty says={t("nowhere.says")} action={<Link href="/">{t("place.today")}</Link>} />
                </Page>
              </Route>
            </Switch>
          )}
        </Suspense>
      </main>
      <Suspense>
        {(over === "palette" || over === "keys") && <Palette onClose={close} all={over === "keys"} />}
        {over === "ask" && <Asking onClose={close} />}
      </Suspense>
    </div>
  );
}

function Rail({ onAsk }: { onAsk: () => void }) {
  const [here] = useLocation();
  const { data: me } = useQuery(queries.me());
  return (
    <nav
      aria-label={t("rail")}
      // On a phone a draft that is open has the whole screen, and its buttons the place of the tabs.
      className="fixed inset-x-0 bottom-0 z-10 flex border-t border-line bg-panel pb-[env(safe-area-inset-bottom)] md:sticky md:top-0 md:h-dvh md:flex-col md:gap-1 md:border-t-0 md:border-r md:p-4 max-sm:[body:has([data-sheet])_&]:hidden"
    >
      <p className="mb-4 hidden items-center gap-2 px-2 text-lg font-semibold md:flex">
        <Loop state="waiting" silent />
        Haloop
      </p>
      <Button
        kind="main"
        icon={<Plus size={18} aria-hidden />}
        cap="C"
        className="m-1.5 min-w-0 px-2! text-sm md:mx-0 md:mt-0 md:mb-3 md:text-base"
        onClick={onAsk}
      >
        {t("ask")}
      </Button>
      {placesHere().map(
        ({ path, rail }) =>
          rail && (
            <Link
              key={path}
              href={path}
              aria-current={here === path || here.startsWith(`${path}/`) ? "page" : undefined}
              className="flex min-h-12 min-w-0 flex-1 flex-col items-center justify-center gap-0.5 rounded-control px-1 text-center text-xs hyphens-auto [overflow-wrap:anywhere] text-ink2 hover:bg-sunk hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-accent md:min-h-9 md:flex-none md:flex-row md:justify-start md:gap-2.5 md:px-2.5 md:text-base"
            >
              <rail.icon size={18} strokeWidth={1.75} />
              {t(rail.name)}
            </Link>
          ),
      )}
      <p className="mt-auto hidden px-2 text-sm break-words text-ink2 md:block">
        {me && (
          <>
            {me.name}
            <br />
            {me.roles.map((role) => t(`role.${role as "owner"}`)).join(", ")}
          </>
        )}
      </p>
    </nav>
  );
}

function Away({ title }: { title: string }) {
  return (
    <div className="p-4 pb-0 md:px-8">
      <Notice tone="wait" loop="expired" title={title}>
        {t("offline.says")}
      </Notice>
    </div>
  );
}
