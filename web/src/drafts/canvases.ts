import { type ComponentType, type LazyExoticComponent, lazy } from "react";
import type { Card } from "@/drafts/card";
import { later } from "@/i18n";

export interface CanvasProps {
  card: Card;
  /** The run that asks. */
  run: string;
  /** What somebody wants different; nothing as long as all is as it was. */
  onChange: (change: unknown) => void;
}

type Canvas = LazyExoticComponent<ComponentType<CanvasProps>>;

/** A desk's own way to change one of its drafts, by the card's title; fetched when somebody changes one. */
export const CANVASES: Readonly<Record<string, Canvas>> = {
  order_draft: lazy(later(() => import("@/desks/errands/Quantities"), "errands")),
  begin_draft: lazy(later(() => import("@/desks/missions/Elsewhere"), "missions")),
  review_draft: lazy(later(() => import("@/desks/missions/Elsewhere"), "missions")),
};
