import { CircleDot, History, Settings } from "lucide-react";
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
    page: lazy(later(() => import("@/places/today"), "today")),
    rail: { name: "place.today", letter: "t", icon: CircleDot },
  },
  {
    path: "/activity",
    page: lazy(later(() => import("@/places/activity"))),
    rail: { name: "place.activity", letter: "a", icon: History },
  },
  { path: "/activity/:run", page: lazy(later(() => import("@/places/execution"))) },
  {
    path: "/settings",
    page: lazy(later(() => import("@/places/settings"), "settings")),
    rail: { name: "place.settings", letter: "s", icon: Settings },
  },
  { path: "/settings/limits", page: lazy(later(() => import("@/places/limits"), "settings")) },
  { path: "/settings/connectors", page: lazy(later(() => import("@/places/connectors"), "settings")) },
  { path: "/settings/people", page: lazy(later(() => import("@/places/people"), "settings")) },
  { path: "/settings/devices", page: lazy(later(() => import("@/places/devices"), "settings")) },
  { path: "/settings/keyboard", page: lazy(later(() => import("@/places/keyboard"), "settings")) },
  { path: "/settings/status", page: lazy(later(() => import("@/places/status"), "settings")) },
  { path: "/open", page: lazy(later(() => import("@/places/open"))) },
  { path: "/_kit", page: lazy(later(() => import("@/places/kit"))) },
];

/** The place for whoever has a receipt: nobody is signed in there, and nothing is asked of the server. */
export const PUBLIC: Place = { path: "/r/:run", page: lazy(later(() => import("@/places/receipt"))) };

export function isPublic(): boolean {
  return location.pathname.startsWith("/r/");
}
