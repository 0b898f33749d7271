import { later } from "@/i18n";

/** Every word, for tests that ask for any. */
await later(async () => undefined)();
