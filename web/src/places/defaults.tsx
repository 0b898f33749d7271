import { lazy, Suspense } from "react";
import { later } from "@/i18n";
import { Room } from "@/settings/Room";

const Defaults = lazy(
  later(
    later(
      later(() => import("@/settings/Defaults"), "people"),
      "deciding",
    ),
  ),
);

/** What each desk takes where nobody says. */
export default function DefaultsRoom() {
  return (
    <Room name="defaults">
      <Suspense>
        <Defaults />
      </Suspense>
    </Room>
  );
}
