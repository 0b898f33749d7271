import { t } from "@/i18n";

/** Where something stands. Each is another shape, so that none needs its colour to be told from the others. */
export type LoopState = "draft" | "waiting" | "running" | "done" | "proved" | "failed" | "uncertain" | "expired";

const COLOUR: Record<LoopState, string> = {
  draft: "text-ink2",
  waiting: "text-wait",
  running: "text-info",
  done: "text-ok",
  proved: "text-ok",
  failed: "text-bad",
  uncertain: "text-wait",
  expired: "text-ink2",
};
/** How the ring is drawn: stretches of line and gap, as parts of a whole turn. */
const DRAWN: Record<LoopState, number[]> = {
  draft: [0.5, 0.5],
  waiting: [0.78, 0.22],
  running: [0.78, 0.22],
  done: [1, 0],
  proved: [1, 0],
  failed: [1, 0],
  uncertain: [0.17, 0.08],
  expired: [0.03, 0.07],
};

/** The ring whose gap closes as work goes from a draft to its proof; `left` of 0 to 1 lets it empty as time runs out. */
export function Loop(props: { state: LoopState; size?: number; left?: number; silent?: boolean; closing?: boolean }) {
  const { state, size = 20, left } = props;
  const drawn = left === undefined || state !== "waiting" ? DRAWN[state] : [left * 0.78, 1 - left * 0.78];
  const about = props.silent ? { "aria-hidden": true as const } : { role: "img", "aria-label": t(`loop.${state}`) };
  return (
    <svg
      {...about}
      data-loop={state}
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeLinecap="round"
      strokeWidth="2"
      className={`shrink-0 ${COLOUR[state]}`}
    >
      <circle
        cx="10"
        cy="10"
        r="8"
        pathLength={1}
        strokeWidth="2.25"
        strokeLinecap={drawn[1] ? "butt" : "round"}
        strokeDasharray={drawn.join(" ")}
        transform="rotate(-50 10 10)"
        className={state === "running" ? "loop-turning" : props.closing ? "loop-closing" : undefined}
      />
      <Mark state={state} />
    </svg>
  );
}

function Mark({ state }: { state: LoopState }) {
  switch (state) {
    case "waiting":
      return <circle cx="10" cy="10" r="2.5" fill="currentColor" stroke="none" />;
    case "proved":
      return <path d="m6.5 10.2 2.4 2.4 4.6-5" />;
    case "failed":
      return <path d="m7.3 7.3 5.4 5.4m0-5.4-5.4 5.4" />;
    case "uncertain":
      return (
        <>
          <path d="M8 8.2c0-2.6 4-2.6 4 0 0 1.6-2 1.5-2 3" strokeWidth="1.75" />
          <circle cx="10" cy="13.6" r="1" fill="currentColor" stroke="none" />
        </>
      );
    default:
      return null;
  }
}
