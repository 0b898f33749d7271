/** Works while the app is closed: keeps the app's shell for when there is no network, and shows what people are told.
 *
 * Of anybody's data it keeps nothing: answers of the API go past it.
 */
import { decline, look, type Message, show, type Told } from "@/worker/notices";
import { forgetOldShells, isOfShell, keepShell, page, piece } from "@/worker/shell";
import { subscribeAnew } from "@/worker/subscribing";

declare const self: ServiceWorkerGlobalScope;

self.addEventListener("install", (event) => event.waitUntil(keepShell()));

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOldShells().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== location.origin || request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (isOfShell(address)) event.respondWith(page(request));
  } else if (address.pathname.startsWith("/assets/")) event.respondWith(piece(request));
});

self.addEventListener("push", (event) => {
  if (event.data) event.waitUntil(show(self.registration, event.data.json() as Message));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(subscribeAnew(self.registration));
});

self.addEventListener("notificationclick", (event) => {
  const { data, tag } = event.notification;
  const told = data as Told | null;
  event.notification.close();
  event.waitUntil(
    told && event.action === "decline" ? decline(self.registration, told, open) : open(told?.link ?? tag),
  );
});

/** Bring what a notice is about before whoever touched it: in the window that is there, or in a new one. */
async function open(link: string): Promise<void> {
  const address = look(link);
  const [there] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!there) {
    await self.clients.openWindow(address);
    return;
  }
  await there.focus().catch(() => undefined); // a browser lets that happen only just after a touch
  await there.navigate(address);
}
