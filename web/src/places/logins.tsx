import { lazy, Suspense } from "react";
import { later } from "@/i18n";
import { Room } from "@/settings/Room";

const Logins = lazy(later(() => import("@/settings/Logins"), "people"));

/** By which logins from elsewhere people come in. */
export default function LoginsRoom() {
  return (
    <Room name="logins">
      <Suspense>
        <Logins />
      </Suspense>
    </Room>
  );
}
