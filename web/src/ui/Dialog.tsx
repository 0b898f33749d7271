import { type ReactNode, useEffect, useRef } from "react";
import { Handle } from "@/ui/Handle";

/** Something over the page; Escape closes it, and so does a finger that draws it down; whoever opened it has the focus back. */
export function Dialog(props: { label: string; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const { onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the key for it, and the browser hears it
    <dialog
      ref={dialog}
      aria-label={props.label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
      className={`m-auto max-h-[85dvh] w-[calc(100%-2rem)] overflow-y-auto rounded-sheet border border-line bg-panel p-0 shadow-over transition-[translate] duration-200 data-drawn:transition-none ${props.wide ? "max-w-2xl max-sm:m-0 max-sm:h-dvh max-sm:max-h-none max-sm:w-full max-sm:max-w-none max-sm:rounded-none" : "max-w-lg"}`}
    >
      <Handle sheet={dialog} onClose={onClose} />
      <div className="p-5">{props.children}</div>
    </dialog>
  );
}
