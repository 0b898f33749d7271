import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useMemo,
  useRef,
  useSyncExternalStore,
} from "react";

/** Something that can be done here and now: by its key, and from the palette. */
export interface Command {
  /** One key, or `g` and another. */
  keys: string;
  name: string;
  run: () => void;
}

const KEPT = "haloop keys";
const SEQUENCE_MS = 1_200;

class Board {
  private readonly known = new Map<string, Command[]>();
  private readonly readers = new Set<() => void>();
  private shown: Command[] = [];

  set(owner: string, commands: Command[] | undefined): void {
    if (commands) this.known.set(owner, commands);
    else this.known.delete(owner);
    this.shown = [...this.known.values()].flat();
    for (const reader of this.readers) reader();
  }

  readonly all = (): Command[] => this.shown;

  readonly watch = (reader: () => void): (() => void) => {
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  };

  /** What a key means; the newest meaning wins, so that what lies on top is what it acts on. */
  find(keys: string): Command | undefined {
    return this.shown.findLast((one) => one.keys === keys);
  }
}

const Keys = createContext(new Board());

/** Listens for keys; single ones can be switched off, because whoever dictates types them by accident. */
export function KeyBoard({ children }: { children: ReactNode }) {
  const board = useMemo(() => new Board(), []);
  const before = useRef({ key: "", at: 0 });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const found = meant(board, event, key, before.current);
      before.current = { key, at: event.timeStamp };
      if (!found) return;
      event.preventDefault();
      found.run();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [board]);
  return <Keys value={board}>{children}</Keys>;
}

function meant(
  board: Board,
  event: KeyboardEvent,
  key: string,
  before: { key: string; at: number },
): Command | undefined {
  if (event.defaultPrevented || event.isComposing) return undefined;
  if (event.ctrlKey || event.metaKey) return event.altKey ? undefined : board.find(`Ctrl ${key}`);
  if (event.altKey || isTyping(event.target)) return undefined;
  if (key === "Escape") return document.querySelector("dialog[open]") ? undefined : board.find(key);
  if (!areKeysOn() || document.querySelector("dialog[open]")) return undefined;
  if (key === "Enter" && event.target instanceof Element && event.target.closest("button, a, summary, select"))
    return undefined;
  const isSecond = before.key === "g" && event.timeStamp - before.at < SEQUENCE_MS;
  return (isSecond ? board.find(`g ${key}`) : undefined) ?? board.find(key);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Offer commands for as long as this is shown. */
export function useCommands(commands: Command[]): void {
  const board = useContext(Keys);
  const owner = useId();
  const newest = useRef(commands);
  newest.current = commands;
  const shape = commands.map((one) => `${one.keys} ${one.name}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: what a command does is read when it is run, so only its shape matters
  useEffect(() => {
    const lasting = newest.current.map(({ keys, name }, place) => ({
      keys,
      name,
      run: () => newest.current[place]?.run(),
    }));
    board.set(owner, lasting);
    return () => board.set(owner, undefined);
  }, [board, owner, shape]);
}

/** All that can be done now. */
export function useAllCommands(): Command[] {
  const board = useContext(Keys);
  return useSyncExternalStore(board.watch, board.all);
}

export function areKeysOn(): boolean {
  return localStorage.getItem(KEPT) !== "off";
}

export function turnKeys(on: boolean): void {
  if (on) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, "off");
}
