import type { components } from "@/api/schema";
import { keepDevice, readDevice } from "@/worker/device";
import { read, tell } from "@/worker/house";

type Schemas = components["schemas"];

const DEVICES = "/api/devices/push";

/** This browser's subscription under the house's key: the one that is there, or a new one. */
export async function subscribed(push: PushManager, applicationServerKey: string): Promise<PushSubscription> {
  const how = { userVisibleOnly: true, applicationServerKey };
  try {
    return await push.subscribe(how);
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
    // It was made with another key, which the house has lost: nothing that is sent now would reach it.
    await (await push.getSubscription())?.unsubscribe();
    return push.subscribe(how);
  }
}

/** The browser has ended its subscription by itself: whoever is told here is told on, unless that was taken away. */
export async function subscribeAnew({ pushManager }: ServiceWorkerRegistration): Promise<void> {
  const kept = await readDevice();
  if (!kept?.told) return;
  const { told } = kept;
  const house = await read<Schemas["DevicesOut"]>(kept, DEVICES);
  if (!house) return;
  const made = (await subscribed(pushManager, house.application_server_key)).toJSON();
  const renewed = await tell<Schemas["DeviceOut"]>(kept, DEVICES, { ...made, instead_of: told.device });
  if (renewed) await keepDevice({ ...kept, told: { ...told, device: renewed.id } });
}
