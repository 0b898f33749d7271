import { CircleDot, Settings } from "lucide-react";
import { type ComponentType, lazy } from "react";
import { type Key, later } from "@/i18n";

interface Place {
  path: string;
  page: ComponentType;
  /** Where it stands in the rail, and the letter after `g` that goes there; a place without is not in the rail. */
  rail?: { name: Key; letter: string; icon: ComponentType<{ size?: number; strokeWidth?: number }> };
}

/** Every place of the app. The server has the same list, in `pages.py`. */
export const PLACES: readonly Place[] = [
  {
    path: "/",
    page: lazy(() => import("@/places/today")),
    rail: { name: "place.today", letter: "t", icon: CircleDot },
  },
  {
    path: "/settings",
    page: lazy(later(() => import("@/places/settings"))),
    rail: { name: "place.settings", letter: "s", icon: Settings },
  },
  { path: "/_kit", page: lazy(later(() => import("@/places/kit"))) },
];
