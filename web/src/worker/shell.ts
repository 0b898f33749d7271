/** What the app is made of, and nothing of what it shows. The build says which files those are. */
declare const __SHELL__: { name: string; files: string[] };

const SHELL = `haloop shell ${__SHELL__.name}`;
const PAGE = "/";
/** So long the house may take to answer before the page that is kept is shown: it says by itself what it cannot reach. */
const PATIENCE_MS = 800;
const NOT_THE_APP = /^\/(api|plain|mcp)(\/|$)/;

export async function keepShell(): Promise<void> {
  await (await caches.open(SHELL)).addAll([PAGE, ...__SHELL__.files]);
}

export async function forgetOldShells(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("haloop shell ") && name !== SHELL);
  await Promise.all(old.map((name) => caches.delete(name)));
}

export function isOfShell(address: URL): boolean {
  return !NOT_THE_APP.test(address.pathname);
}

/** The page as the house has it, or else as it is kept: it is the same for everybody. */
export async function page(request: Request): Promise<Response> {
  const kept = await caches.match(PAGE, { cacheName: SHELL });
  const asked = fetch(request);
  if (!kept) return asked;
  const late = new Promise<Response>((show) => setTimeout(show, PATIENCE_MS, kept));
  return Promise.race([asked.catch(() => kept), late]);
}

/** A file's name says what is in it, so the one that is kept is the right one. */
export async function piece(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: SHELL })) ?? fetch(request);
}
