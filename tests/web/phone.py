"""A phone with the app on it, and a push service whose messages reach it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect

from tests.api.conftest import Door
from tests.notices.post import Browser, PushService
from tests.web.conftest import Visitor, visiting

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "service_workers": "allow",
    "permissions": ["notifications"],
}
# There is no push service of this browser's maker here, and subscribing would never end: it hands out a device of ours.
_SUBSCRIBED = """((subscription) => {
    const toJSON = () => subscription;
    const made = { ...subscription, toJSON, unsubscribe: async () => localStorage.removeItem("made") };
    PushManager.prototype.subscribe = async () => { localStorage.setItem("made", "1"); return made; };
    PushManager.prototype.getSubscription = async () => (localStorage.getItem("made") ? made : null);
})"""
_SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
    .map(({ title, body, tag, silent, actions }) =>
        ({ title, body, tag, silent, actions: actions.map((one) => one.title) }))"""
_TOUCHED = """async ({ action }) => {
    const [notification] = await self.registration.getNotifications();
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action }));
}"""

Shown = Sequence[dict[str, Any]]


@dataclass(kw_only=True)
class Phone:
    """Somebody's phone, signed in and subscribed."""

    visitor: Visitor
    door: Door
    service: PushService
    device: Browser

    @property
    def page(self) -> Page:
        return self.visitor.page

    async def is_told(self, until: Callable[[Shown], bool]) -> Shown:
        """Hand over what the house has sent since the last time, and wait until that shows."""
        await self.door.house.telling.look()
        session = await self.page.context.new_cdp_session(self.page)
        numbers: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def hear(said: dict[str, Any]) -> None:
            for one in said["registrations"]:
                if not numbers.done():
                    numbers.set_result(one["registrationId"])

        session.on("ServiceWorker.workerRegistrationUpdated", hear)
        await session.send("ServiceWorker.enable")
        where = {"origin": self.visitor.address, "registrationId": await numbers}
        for asked in self.service.heard:
            data = json.dumps(self.device.read(asked.body))
            await session.send("ServiceWorker.deliverPushMessage", {**where, "data": data})
        self.service.heard.clear()
        return await self.shows(until)

    async def shows(self, until: Callable[[Shown], bool]) -> Shown:
        """What stands on it, once it is so."""
        shown: Shown = []
        async with asyncio.timeout(20):
            while not until(shown := await self.page.evaluate(_SHOWN)):
                await self.page.wait_for_timeout(50)
        return shown

    async def touch(self, action: str = "") -> None:
        """Touch the notification, or one of its buttons."""
        (worker,) = self.page.context.service_workers
        await worker.evaluate(_TOUCHED, {"action": action})


@asynccontextmanager
async def holding(chromium: Chromium, door: Door, service: PushService, **window: Any) -> AsyncIterator[Phone]:
    """A phone whose owner has turned notifications on."""
    async with visiting(chromium, door, **{**PHONE, **window}) as visitor:
        phone = Phone(visitor=visitor, door=door, service=service, device=service.browser())
        await visitor.page.add_init_script(f"{_SUBSCRIBED}({json.dumps(phone.device.subscription)})")
        await visitor.open("/settings/devices")
        await visitor.page.get_by_role("button", name="Turn on on this device").tap()
        await expect(visitor.page.get_by_role("button", name="Turn off on this device")).to_be_visible()
        yield phone
