import { reach } from "@/api/client";

/** Hand a file of ours over to whoever asked for it; a link to it would send no header, and so not be let in. */
export async function save(path: string, name: string): Promise<void> {
  const address = URL.createObjectURL(await (await reach(path)).blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1_000);
}
