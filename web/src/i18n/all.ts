import { later } from "@/i18n";

/** Every word, for tests that ask for any. */
for (const part of ["settings", "people", "phone", "errands", "missions", "deciding", "rest"] as const)
  await later(async () => undefined, part)();
