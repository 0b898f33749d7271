import { CircleDot, History, Settings, Target } from "lucide-react";
import { type ComponentType, lazy } from "react";
import { readBegins } from "@/begins";
import { type Key, later } from "@/i18n";

interface Place {
  path: string;
  page: ComponentType;
  /** The desk it belongs to; where that is not installed, there is no such place. */
  desk?: string;
  /** Where it stands in the rail, and the letter after `g` that goes there; a place without is not in the rail. */
  rail?: { name: Key; letter: string; icon: ComponentType<{ size?: number; strokeWidth?: number }> };
}

/** Every place that the app may have. The server has the same list, in `pages.py`. */
const PLACES: readonly Place[] = [
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
  {
    path: "/missions",
    desk: "missions",
    page: lazy(later(() => import("@/desks/missions/places/missions"), "missions")),
    rail: { name: "desk.missions", letter: "m", icon: Target },
  },
  {
    path: "/missions/:mission",
    desk: "missions",
    page: lazy(later(() => import("@/desks/missions/places/mission"), "missions")),
  },
  { path: "/activity/:run", page: lazy(later(() => import("@/places/execution"))) },
  {
    path: "/settings",
    page: lazy(later(() => import("@/places/settings"), "settings")),
    rail: { name: "place.settings", letter: "s", icon: Settings },
  },
  { path: "/settings/limits", page: lazy(later(() => import("@/places/limits"), "settings")) },
  { path: "/settings/defaults", page: lazy(later(() => import("@/places/defaults"), "settings")) },
  { path: "/settings/connectors", page: lazy(later(() => import("@/places/connectors"), "settings")) },
  {
    path: "/settings/projects",
    desk: "missions",
    page: lazy(later(() => import("@/desks/missions/places/projects"), "settings")),
  },
  { path: "/settings/people", page: lazy(later(() => import("@/places/people"), "settings")) },
  { path: "/settings/devices", page: lazy(later(() => import("@/places/devices"), "settings")) },
  { path: "/settings/logins", page: lazy(later(() => import("@/places/logins"), "settings")) },
  { path: "/settings/keyboard", page: lazy(later(() => import("@/places/keyboard"), "settings")) },
  { path: "/settings/status", page: lazy(later(() => import("@/places/status"), "settings")) },
  { path: "/open", page: lazy(later(() => import("@/places/open"))) },
  { path: "/_kit", page: lazy(later(later(() => import("@/places/kit"), "deciding"))) },
];

/** The places that are here, with the desks that are. */
export function placesHere(): readonly Place[] {
  const { desks } = readBegins();
  return PLACES.filter(({ desk }) => !desk || desks.includes(desk));
}

/** The places for anybody: nobody is signed in there, and nothing of anybody's is asked of the server. */
export const PUBLIC: readonly Place[] = [
  { path: "/r/:run", page: lazy(later(() => import("@/places/receipt"))) },
  { path: "/status", page: lazy(later(() => import("@/places/answering"), "people")) },
];

export function isPublic(): boolean {
  return /^\/(r\/|status$)/.test(location.pathname);
}
