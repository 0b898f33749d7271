import { type PointerEvent, type RefObject, useEffect, useRef } from "react";

/** Let go so far down, a sheet closes. */
const CLOSES_PX = 120;
const WRITTEN_IN = "textarea, input:not([type=checkbox], [type=radio])";

type Field = HTMLInputElement | HTMLTextAreaElement;

/**
 * By this a finger draws a sheet down: it follows, and closes where it is let go far enough down. Whatever lies below
 * the finger then hears nothing of it; and a sheet in which somebody has written stays, with what they wrote.
 */
export function Handle({ sheet, onClose }: { sheet: RefObject<HTMLElement | null>; onClose: () => void }) {
  const from = useRef<number>(undefined);
  const written = useWritten(sheet);
  const draw = (by: number | undefined) => {
    sheet.current?.toggleAttribute("data-drawn", by !== undefined);
    sheet.current?.style.setProperty("translate", by === undefined ? null : `0 ${by}px`);
  };
  const wayOf = (event: PointerEvent) => Math.max(0, event.clientY - (from.current ?? event.clientY));
  const letGo = () => {
    from.current = undefined;
    draw(undefined);
  };
  return (
    <div
      aria-hidden="true"
      data-handle
      className="hidden h-12 touch-none items-center justify-center max-sm:pointer-coarse:flex"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = event.clientY;
      }}
      onPointerMove={(event) => from.current !== undefined && draw(wayOf(event))}
      onPointerCancel={letGo}
      onPointerUp={(event) => {
        const isFar = wayOf(event) >= CLOSES_PX;
        letGo();
        const unsent = isFar && written();
        if (unsent) unsent.focus();
        else if (isFar) onClose();
      }}
    >
      <span className="h-1 w-10 rounded-full bg-edge" />
    </div>
  );
}

/** A field of the sheet in which somebody has written what is not sent yet. */
function useWritten(sheet: RefObject<HTMLElement | null>): () => Field | undefined {
  const fields = useRef(new Set<Field>());
  useEffect(() => {
    const shown = sheet.current;
    const note = ({ target }: Event) => {
      if (target instanceof Element && target.matches(WRITTEN_IN)) fields.current.add(target as Field);
    };
    shown?.addEventListener("input", note);
    return () => shown?.removeEventListener("input", note);
  }, [sheet]);
  return () => [...fields.current].find((one) => one.isConnected && one.value !== "");
}
