/** What a browser that installs apps hands out, once; it is good for one question. */
export interface Offer extends Event {
  prompt(): Promise<unknown>;
}

let offer: Offer | "taken" | undefined;
const hearers = new Set<() => void>();

/** Keep the offer, which comes as soon as the page is there, until somebody is in the settings to take it. */
export function keepOffer(): void {
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    turn(event as Offer);
  });
  window.addEventListener("appinstalled", () => turn("taken"));
}

export function offerNow(): Offer | "taken" | undefined {
  return offer;
}

export function hearOffer(hear: () => void): () => void {
  hearers.add(hear);
  return () => hearers.delete(hear);
}

/** Have the browser ask whether to install the app; after a no it offers that no more until the page is opened anew. */
export function takeOffer(taken: Offer): void {
  turn(undefined);
  void taken.prompt();
}

function turn(next: typeof offer): void {
  offer = next;
  for (const hear of hearers) hear();
}
