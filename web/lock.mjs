// Makes package-lock.json whole: a registry may serve only some platforms' binaries, and then npm leaves the others out
// of the lock and `npm ci` refuses it. Each that is missing gets an entry by its name; npm fills it in where it is needed.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("package-lock.json", import.meta.url);
const SYSTEMS = [
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "wasm32",
  "win32",
];

const lock = JSON.parse(readFileSync(FILE, "utf8"));
let added = 0;
for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const place = `node_modules/${name}`;
    const words = name.split(/[-/]/);
    const system = SYSTEMS.find((one) => words.includes(one));
    if (lock.packages[place] || !system) continue;
    const cpu = system === "wasm32" ? "wasm32" : words[words.indexOf(system) + 1];
    lock.packages[place] = {
      version,
      cpu: [cpu],
      dev: true,
      optional: true,
      os: system === "wasm32" ? undefined : [system],
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platforms added to the lock.`);
