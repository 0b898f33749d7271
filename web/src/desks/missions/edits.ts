import { useSyncExternalStore } from "react";

/** What somebody typed into a file and has not saved, and what stood there when they began. */
export interface Edit {
  text: string;
  from: string;
}

/** For as long as the window is open: whoever looks elsewhere and comes back finds it again. */
const kept = new Map<string, Edit>();
const readers = new Set<() => void>();
let version = 0;

/** The edit of one file of a mission. A letter more of it draws nothing anew; that it begins or ends does. */
export function useEdit(mission: string, file: string, stands: string) {
  useSyncExternalStore(watch, () => version);
  const name = `${mission}/${file}`;
  const type = (typed: string) => {
    const from = kept.get(name)?.from ?? stands;
    const text = withEndsOf(from, typed);
    const was = kept.has(name);
    if (text === stands) kept.delete(name);
    else kept.set(name, { text, from });
    if (was !== kept.has(name)) tell();
  };
  const keep = (edit: Edit | undefined) => {
    if (edit) kept.set(name, edit);
    else kept.delete(name);
    tell();
  };
  return { edit: kept.get(name), now: () => kept.get(name)?.text ?? stands, type, keep };
}

export function hasEdits(): boolean {
  return kept.size > 0;
}

function watch(reader: () => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

function tell(): void {
  version += 1;
  for (const reader of readers) reader();
}

/** A browser makes one sign of each line's end; a file whose lines ended in two keeps them. */
function withEndsOf(before: string, typed: string): string {
  const isWindows = before.includes("\r\n") && !/(?<!\r)\n/.test(before);
  return isWindows ? typed.replaceAll("\n", "\r\n") : typed;
}
