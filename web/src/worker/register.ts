const WORKER = "/sw.js";

/** Have the worker at work, where the browser lets it: on this machine, or over TLS. */
export function startWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const rules = window.trustedTypes?.createPolicy("worker", { createScriptURL: () => WORKER });
  const script = rules?.createScriptURL(WORKER) ?? WORKER;
  void navigator.serviceWorker.register(script as string, { updateViaCache: "none" });
}
