import "@/styles.css";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { type Model, Problem } from "@/api/client";
import { queries, touchedBy } from "@/api/queries";
import { comeIn } from "@/api/session";
import { App } from "@/app";
import { keepOffer } from "@/devices/installing";
import { openLanguage } from "@/i18n";
import { KeyBoard } from "@/keys";
import { listen } from "@/live";
import { isPublic } from "@/routes";
import { wearTheme } from "@/theme";
import { startWorker } from "@/worker/register";

const RETRIES_MAX = 2;
const devices = () => import("@/api/devices");

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A session that is over is over everywhere, whoever met it first.
    onError: (error, { queryKey }) => {
      if (error instanceof Problem && error.told.status === 401 && queryKey[0] !== "me") {
        void client.invalidateQueries(queries.me());
      }
    },
    onSuccess: (data, { queryKey }) => {
      if (queryKey[0] === "gates" && queryKey.length === 1)
        void devices().then(({ clearNotices }) => clearNotices(data as Model<"GatePage">));
      if (queryKey[0] === "me") void devices().then(({ tellOn }) => tellOn(data as Model<"Me">));
    },
  }),
  defaultOptions: {
    // What cannot be sent now is not kept back to be sent later: nobody would remember having said it.
    mutations: { networkMode: "always" },
    queries: {
      staleTime: 1_000,
      retry: (failures, error) => !(error instanceof Problem) && failures < RETRIES_MAX,
    },
  },
});

async function begin(place: HTMLElement): Promise<void> {
  wearTheme();
  keepOffer();
  if (!isPublic()) startWorker();
  await Promise.all([openLanguage(), isPublic() ? undefined : comeIn()]);
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <KeyBoard>
          <App />
        </KeyBoard>
      </QueryClientProvider>
    </StrictMode>,
  );
  if (isPublic()) return;
  listen((run) => {
    for (const touched of touchedBy(run)) {
      // A first answer that is still on its way may be older than this news, and is not asked for again by itself.
      const isFirst = client
        .getQueryCache()
        .findAll(touched)
        .some((one) => one.state.data === undefined);
      void client.invalidateQueries(touched).then(() => (isFirst ? client.invalidateQueries(touched) : undefined));
    }
  });
}

const place = document.getElementById("app");
if (place) void begin(place);
