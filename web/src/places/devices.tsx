import { lazy, Suspense } from "react";
import { later } from "@/i18n";
import { Passkeys } from "@/settings/Passkeys";
import { Room } from "@/settings/Room";
import { Waiting } from "@/ui/Page";

const Devices = lazy(later(() => import("@/devices/Devices"), "phone"));
const Sessions = lazy(later(() => import("@/settings/Sessions"), "phone"));

/** What a person says yes with, and where they are known; all of it at once, so that nothing is pushed down. */
export default function DevicesRoom() {
  return (
    <Room name="devices">
      <Suspense fallback={<Waiting rows={6} />}>
        <Devices />
        <Passkeys />
        <Sessions />
      </Suspense>
    </Room>
  );
}
