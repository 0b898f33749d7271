import { Passkeys } from "@/settings/Passkeys";
import { Room } from "@/settings/Room";
import { Sessions } from "@/settings/Sessions";

/** What a person says yes with, and where they are known. */
export default function DevicesRoom() {
  return (
    <Room name="devices">
      <Passkeys />
      <Sessions />
    </Room>
  );
}
