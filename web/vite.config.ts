import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const ROOT = import.meta.dirname;
const WORDS = join(ROOT, "../src/haloop/words");
const BUILT = join(ROOT, "../src/haloop/web/app");
/** What is shipped and is no code: its licences belong beside those of the code. */
const SHIPPED_TOO = ["@fontsource-variable/instrument-sans", "tailwindcss"];
const SQUEEZED = /\.(js|css|svg)$/;

/** What is said before anything but Today is fetched; all other words come with the first part that is. */
const SAID_FIRST = new Set(
  "again actor ask back cancel card command deed desk effect error field keys label left loop no nowhere offer offline operation outcome outside place rail role run skip today value yes".split(
    " ",
  ),
);

/** One part of a catalogue of words: what is said first, or the rest. */
function words(): Plugin {
  return {
    name: "words",
    enforce: "pre",
    load(id) {
      const [, file, part] = /^(.*\/words\/\w+\.json)\?(first|rest)$/.exec(id) ?? [];
      if (!file) return undefined;
      this.addWatchFile(file);
      const all = Object.entries(JSON.parse(readFileSync(file, "utf8")));
      const some = all.filter(([key]) => isFirst(key) === (part === "first"));
      return { code: `export default ${JSON.stringify(Object.fromEntries(some))}`, moduleType: "js" };
    },
  };
}

function isFirst(key: string): boolean {
  return SAID_FIRST.has(key.split(".")[0] ?? "");
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

/** Every word that Today begins with must be among those that are said first. */
function requireSaid(code: string): void {
  const keys = Object.keys(JSON.parse(readFileSync(join(WORDS, "en.json"), "utf8")));
  const later = keys
    .map((key) => key.replace(/\.(one|other)$/, ""))
    .filter((key) => key.includes(".") && !isFirst(key));
  const unsaid = later.filter((key) => ['"', "`"].some((quote) => code.includes(quote + key + quote)));
  if (unsaid.length > 0) throw new Error(`Today says what is not among the first words: ${unsaid.join(", ")}`);
}

/** Writes beside each file its compressed siblings, and for the server which files each place of the app begins with. */
function shipped(): Plugin {
  return {
    name: "shipped",
    apply: "build",
    writeBundle(_, bundle) {
      const begins: Record<string, string[]> = {};
      for (const [file, made] of Object.entries(bundle)) {
        if (made.type === "chunk" && made.facadeModuleId?.includes("/src/places/")) {
          const place = made.facadeModuleId.replace(/^.*\/src\/places\/(.*)\.tsx$/, "$1");
          begins[place] = [file, ...made.imports].filter((one) => bundle[one]?.type === "chunk");
        }
        if (SQUEEZED.test(file)) {
          const bytes = readFileSync(join(BUILT, file));
          writeFileSync(join(BUILT, `${file}.br`), brotliCompressSync(bytes));
          writeFileSync(join(BUILT, `${file}.gz`), gzipSync(bytes, { level: 9 }));
        }
      }
      requireSaid(begins.today?.map((file) => (bundle[file] as { code: string }).code).join("\n") ?? "");
      writeFileSync(join(BUILT, "begins.json"), JSON.stringify(begins));
      for (const name of SHIPPED_TOO) appendFileSync(join(BUILT, "licences.md"), licenceOf(name));
    },
  };
}

export default defineConfig({
  plugins: [words(), react(), tailwind(), shipped()],
  resolve: { alias: { "@": join(ROOT, "src"), "@words": WORDS } },
  define: { __CATALOGUES__: JSON.stringify({ de: digestOf("de"), en: digestOf("en") }) },
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licences.md" },
  },
  server: {
    fs: { allow: [ROOT, WORDS] },
    proxy: process.env.HALOOP_API ? { "/api": { target: process.env.HALOOP_API, changeOrigin: true } } : {},
  },
});
