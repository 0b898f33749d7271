import type english from "@words/en.json";
import first from "@words/en.json?first";

type Messages = Record<string, string>;
type Whole = keyof typeof english;
/** Every message there is; of one with forms for one and many, the name without its form. */
export type Key = Whole extends infer K
  ? K extends `${infer Name}.one` | `${infer Name}.other`
    ? Name | K
    : K
  : never;
export type Language = "en" | "de" | "pseudo";
declare const __CATALOGUES__: Record<string, string>;

type Filled = Record<string, string | number>;
/** What is not said first: of Today, of the settings, of people, of this device, of the errands desk's canvas, of missions, of deciding, or of all else, which says what Today says too. */
type Part = "today" | "settings" | "people" | "phone" | "errands" | "missions" | "deciding" | "rest";

const PARTS = {
  today: { en: () => import("@words/en.json?today"), de: () => import("@words/de.json?today") },
  settings: { en: () => import("@words/en.json?settings"), de: () => import("@words/de.json?settings") },
  people: { en: () => import("@words/en.json?people"), de: () => import("@words/de.json?people") },
  phone: { en: () => import("@words/en.json?phone"), de: () => import("@words/de.json?phone") },
  errands: { en: () => import("@words/en.json?errands"), de: () => import("@words/de.json?errands") },
  missions: { en: () => import("@words/en.json?missions"), de: () => import("@words/de.json?missions") },
  deciding: { en: () => import("@words/en.json?deciding"), de: () => import("@words/de.json?deciding") },
  rest: { en: () => import("@words/en.json?rest"), de: () => import("@words/de.json?rest") },
};

export const LANGUAGES: readonly Language[] = ["en", "de"];
const KEPT = "haloop language";

let language: Language = "en";
let messages: Messages = { ...first };
const opening = new Map<Part, Promise<void>>();
let plural = new Intl.PluralRules("en");

/** Read the catalogue of the language that was chosen, or else of the browser's first that there is. */
export async function openLanguage(): Promise<void> {
  language = chosen();
  messages = await readFirst();
  plural = new Intl.PluralRules(locale());
  document.documentElement.lang = locale();
}

/** Something that is fetched when somebody goes there, with the words that the first page does without. */
export function later<T>(load: () => Promise<T>, part: Part = "rest"): () => Promise<T> {
  return async () => {
    const [loaded] = await Promise.all([load(), openPart(part)]);
    return loaded;
  };
}

/** Read one part of the words, and what it stands on; each is read once. */
function openPart(part: Part): Promise<unknown> {
  const opened = opening.get(part) ?? readPart(part).then((more) => void Object.assign(messages, more));
  opening.set(part, opened);
  opened.catch(() => opening.delete(part));
  return part === "rest" ? Promise.all([opened, openPart("today")]) : opened;
}

/** The language that messages are in. */
export function locale(): string {
  return language === "pseudo" ? "en" : language;
}

/** The digest of the catalogue that the messages are from. */
export function catalogue(): string {
  return __CATALOGUES__[locale()] ?? "";
}

/** The messages whose names fit, for whoever has no catalogue. */
export async function wordsFor(names: RegExp): Promise<Messages> {
  await Promise.all([openPart("phone"), openPart("rest")]);
  return Object.fromEntries(Object.entries(messages).filter(([name]) => names.test(name)));
}

/** The same as it is written where the reader is: amounts and times are spelt otherwise in London than in New York. */
export function region(): string {
  return navigator.languages.find((one) => one.startsWith(`${locale()}-`)) ?? locale();
}

export function spoken(): Language {
  return language;
}

export function speak(wanted: Language): void {
  localStorage.setItem(KEPT, wanted);
  location.reload();
}

/** A message in the reader's language. */
export function t(key: Key, filled: Filled = {}): string {
  return fill(find(key, filled) ?? key, filled);
}

/** A message whose name comes from data, if there is one and each of its places can be filled. */
export function said(key: string, filled: Filled = {}): string | undefined {
  const message = find(key, filled);
  const places = message?.match(/(?<=\{)\w+(?=\})/g) ?? [];
  return message !== undefined && places.every((one) => one in filled) ? fill(message, filled) : undefined;
}

/** A name that a programmer gave, as words: `table_draft.options` is “options”. */
export function asWords(name: string): string {
  return (name.split(".").pop() ?? name)
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}

function find(key: string, { count }: Filled): string | undefined {
  if (typeof count === "number") return messages[`${key}.${plural.select(count)}`] ?? messages[`${key}.other`];
  return messages[key];
}

function fill(message: string, filled: Filled): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = filled[name];
    return value === undefined ? whole : typeof value === "number" ? value.toLocaleString(region()) : value;
  });
}

async function readFirst(): Promise<Messages> {
  if (language === "de") return { ...(await import("@words/de.json?first")).default };
  return stretched(first);
}

async function readPart(part: Part): Promise<Messages> {
  return stretched((await PARTS[part][language === "de" ? "de" : "en"]()).default);
}

async function stretched(words: Messages): Promise<Messages> {
  return language === "pseudo" ? (await import("@/i18n/pseudo")).pseudo(words) : { ...words };
}

function chosen(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "de" || kept === "pseudo") return kept;
  const known = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one === "en" || one === "de");
  return known === "de" ? "de" : "en";
}
