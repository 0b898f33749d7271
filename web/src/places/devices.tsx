import { lazy, Suspense } from "react";
import { later } from "@/i18n";
import { Passkeys } from "@/settings/Passkeys";
import { Room } from "@/settings/Room";

const Devices = lazy(later(() => import("@/devices/Devices"), "phone"));
const Sessions = lazy(() => import("@/settings/Sessions"));

/** What a person says yes with, and where they are known. */
export default function DevicesRoom() {
  return (
    <Room name="devices">
      <Suspense>
        <Devices />
      </Suspense>
      <Passkeys />
      <Suspense>
        <Sessions />
      </Suspense>
    </Room>
  );
}
