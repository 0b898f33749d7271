/// <reference types="vitest/config" />
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { build, defineConfig, type Plugin, type Rolldown } from "vite";

const ROOT = import.meta.dirname;
const WORDS = join(ROOT, "../src/haloop/words");
const BUILT = join(ROOT, "../src/haloop/web/app");
/** What is shipped and is no code: its licences belong beside those of the code. */
const SHIPPED_TOO = ["@fontsource-variable/instrument-sans", "tailwindcss"];
/** What the worker keeps for when there is no network. */
const IN_SHELL = /\.(js|css|svg|woff2)$/;
const CORE =
  /node_modules\/(react|react-dom|scheduler|wouter|regexparam)\/|web\/src\/(devices\/installing|i18n\/index|app|begins|keys|live|theme|main)\.tsx?$|web\/src\/(api\/(client|queries|session|asking)|ui\/(Loop|Button|Notice|Page))\.tsx?$/;
/** A file that is a place of the app, or of a desk. */
const PLACE = /^.*\/src\/(?:desks\/\w+\/)?places\/(.*)\.tsx$/;
const SQUEEZED = /\.(js|css|svg)$/;

type Chunk = Rolldown.OutputChunk;
type Made = Chunk | Rolldown.OutputAsset;

/** What every place says, what only Today and the settings begin with, two of their rooms besides, a desk's canvas, missions and deciding; all else is the rest. */
const SAID = {
  first: "again ask back cancel command deed desk error loop mode nowhere offline passkey place rail role skip".split(
    " ",
  ),
  today: "actor card effect left no offer operation outcome run today value yes".split(" "),
  settings: "connectors keyboard limits look once passkeys people plain projects room status stop".split(" "),
  people: "agents answering defaults erase invitations logins outside rules".split(" "),
  errands: ["errands"],
  missions: ["missions"],
  deciding: ["field", "together", "why_not", "word"],
  phone: "account device install push recovery sessions telling".split(" "),
  /** Said in answers to mail, by the server; no page says it. */
  mail: ["letter"],
};

function partOf(key: string): string {
  const begins = key.split(".")[0] ?? "";
  return Object.entries(SAID).find(([, said]) => said.includes(begins))?.[0] ?? "rest";
}

/** One part of a catalogue of words. */
function words(): Plugin {
  return {
    name: "words",
    enforce: "pre",
    load(id) {
      const [, file, part] =
        /^(.*\/words\/\w+\.json)\?(first|today|settings|people|phone|errands|missions|deciding|rest)$/.exec(id) ?? [];
      if (!file) return undefined;
      this.addWatchFile(file);
      const some = Object.entries(JSON.parse(readFileSync(file, "utf8"))).filter(([key]) => partOf(key) === part);
      return { code: `export default ${JSON.stringify(Object.fromEntries(some))}`, moduleType: "js" };
    },
  };
}

/** The catalogues' digests: every answer to a gate says by which one its card was shown. */
function digestOf(language: string): string {
  return createHash("sha256")
    .update(readFileSync(join(WORDS, `${language}.json`)))
    .digest("hex");
}

function licenceOf(name: string): string {
  const folder = join(ROOT, "node_modules", name);
  const { license, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `\n## ${name} - ${version} (${license})\n\n${readFileSync(join(folder, "LICENSE"), "utf8")}`;
}

/** Every word that a place begins with must be there by then: the first ones, and those of Today or the settings. */
function requireSaid(place: string, chunks: Chunk[]): void {
  const isSettings = chunks.some((one) => one.moduleIds.some((id) => id.includes("/src/settings/")));
  if (place !== "today" && !isSettings) return;
  const known = ["first", isSettings ? "settings" : "today"];
  const keys = Object.keys(JSON.parse(readFileSync(join(WORDS, "en.json"), "utf8")))
    .map((key) => key.replace(/\.(one|other)$/, ""))
    .filter((key) => key.includes(".") && !known.includes(partOf(key)));
  const code = chunks.map((one) => one.code).join("\n");
  const unsaid = keys.filter((key) => ['"', "`"].some((quote) => code.includes(quote + key + quote)));
  if (unsaid.length > 0) throw new Error(`${place} says what is not there yet: ${unsaid.join(", ")}`);
}

/** A file with all that it imports, and so on. */
function wholeOf(file: string, bundle: Record<string, Made>, found = new Map<string, Chunk>()): Map<string, Chunk> {
  const made = bundle[file];
  if (made?.type !== "chunk" || found.has(file)) return found;
  found.set(file, made);
  for (const one of made.imports) wholeOf(one, bundle, found);
  return found;
}

/** Writes beside each file its compressed siblings, and for the server which files each place of the app begins with. */
function shipped(): Plugin {
  return {
    name: "shipped",
    apply: "build",
    writeBundle(_, bundle) {
      const begins: Record<string, string[]> = {};
      for (const [file, made] of Object.entries(bundle)) {
        if (made.type === "chunk" && PLACE.test(made.facadeModuleId ?? "")) {
          const place = made.facadeModuleId?.replace(PLACE, "$1") ?? "";
          const whole = wholeOf(file, bundle);
          requireSaid(place, [...whole.values()]);
          begins[place] = [...whole.keys()];
        }
        if (SQUEEZED.test(file)) {
          const bytes = readFileSync(join(BUILT, file));
          writeFileSync(join(BUILT, `${file}.br`), brotliCompressSync(bytes));
          writeFileSync(join(BUILT, `${file}.gz`), gzipSync(bytes, { level: 9 }));
        }
      }
      writeFileSync(join(BUILT, "begins.json"), JSON.stringify(begins));
      for (const name of SHIPPED_TOO) appendFileSync(join(BUILT, "licences.md"), licenceOf(name));
    },
  };
}

/** Builds the worker beside the app, in one file, and tells it which files the app is made of. */
function worked(): Plugin {
  return {
    name: "worked",
    apply: "build",
    async writeBundle(_, bundle) {
      const files = Object.keys(bundle).filter((file) => IN_SHELL.test(file) && !file.includes("/kit-"));
      const name = createHash("sha256")
        .update(files.join())
        .update(readFileSync(join(BUILT, "index.html")))
        .digest("hex");
      const shell = { name: name.slice(0, 16), files: files.map((file) => `/${file}`) };
      await build({
        configFile: false,
        logLevel: "warn",
        publicDir: false,
        plugins: [words()],
        resolve,
        define: { __SHELL__: JSON.stringify(shell) },
        build: {
          outDir: BUILT,
          emptyOutDir: false,
          target: "es2023",
          rolldownOptions: {
            input: join(ROOT, "src/sw.ts"),
            output: { format: "iife", entryFileNames: "sw.js" },
          },
        },
      });
    },
  };
}

const resolve = { alias: { "@": join(ROOT, "src"), "@words": WORDS } };

export default defineConfig({
  test: { setupFiles: [join(ROOT, "src/i18n/all.ts")] },
  plugins: [words(), react(), tailwind(), shipped(), worked()],
  resolve,
  define: { __CATALOGUES__: JSON.stringify({ de: digestOf("de"), en: digestOf("en") }) },
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    // The server names what a place begins with. Of every later part, its own imports are few, and their list was 1 % of all.
    modulePreload: false,
    license: { fileName: "licences.md" },
    // What everything begins with is one file: in several it is squeezed less well.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "core", test: CORE }] } } },
  },
  server: {
    fs: { allow: [ROOT, WORDS] },
    proxy: process.env.HALOOP_API ? { "/api": { target: process.env.HALOOP_API, changeOrigin: true } } : {},
  },
});
