"""A phone with the app on it, and a push service whose messages reach it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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
# There is no push service of this browser's maker here, and subscribing would never end: it hands out devices of ours.
_SUBSCRIBED = """((subscriptions) => {
    const made = () => {
        const one = subscriptions[Number(localStorage.getItem("made"))];
        return { ...one, toJSON: () => one, unsubscribe: async () => localStorage.removeItem("made") };
    };
    PushManager.prototype.subscribe = async () => {
        localStorage.setItem("made", localStorage.getItem("made") ?? localStorage.getItem("next") ?? "0");
        return made();
    };
    PushManager.prototype.getSubscription = async () => (localStorage.getItem("made") ? made() : null);
})"""
_LOST = """() => { localStorage.removeItem("made"); localStorage.setItem("next", "1"); }"""
_SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
    .map(({ title, body, tag, silent, renotify, actions }) =>
        ({ title, body, tag, silent, renotify, actions: actions.map((one) => one.title) }))"""
_TOUCHED = """async ({ action }) => {
    const [notification] = await self.registration.getNotifications();
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action }));
}"""
_ENDED = """(subscription) => {
    PushManager.prototype.subscribe = async () => ({ toJSON: () => subscription });
    const event = new ExtendableEvent("pushsubscriptionchange");
    return new Promise((heard) => {
        event.waitUntil = (work) => heard(work);
        self.dispatchEvent(event);
    });
}"""

Shown = Sequence[dict[str, Any]]


@dataclass(kw_only=True)
class Phone:
    """Somebody's phone, signed in and subscribed."""

    visitor: Visitor
    door: Door
    service: PushService
    device: Browser
    next_device: Browser
    """What its browser subscribes as once the first subscription is lost."""

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
            is_first = asked.line.split()[1] == urlsplit(self.device.endpoint).path
            data = json.dumps((self.device if is_first else self.next_device).read(asked.body))
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

    async def is_subscribed_anew(self) -> None:
        """Wait until the house knows the browser's next subscription."""
        telling, account = self.door.house.telling, self.door.practice.account
        async with asyncio.timeout(20):
            while self.next_device.device not in [one.device for one in await telling.devices(account, self.door.ana)]:
                await self.page.wait_for_timeout(50)

    async def touch(self, action: str = "") -> None:
        """Touch the notification, or one of its buttons."""
        (worker,) = self.page.context.service_workers
        await worker.evaluate(_TOUCHED, {"action": action})

    async def loses_subscription(self) -> None:
        """The browser has none any more; nobody was told, and the next one is another."""
        await self.page.evaluate(_LOST)

    async def ends_subscription(self) -> None:
        """The browser ends it by itself, and tells the worker so; until that has done what it does then."""
        (worker,) = self.page.context.service_workers
        await worker.evaluate(_ENDED, self.next_device.subscription)


@asynccontextmanager
async def holding(chromium: Chromium, door: Door, service: PushService, **window: Any) -> AsyncIterator[Phone]:
    """A phone whose owner has turned notifications on."""
    async with visiting(chromium, door, **{**PHONE, **window}) as visitor:
        devices = service.browser(), service.browser("two")
        phone = Phone(visitor=visitor, door=door, service=service, device=devices[0], next_device=devices[1])
        subscriptions = json.dumps([one.subscription for one in devices])
        await visitor.page.add_init_script(f"{_SUBSCRIBED}({subscriptions})")
        await visitor.open("/settings/devices")
        await visitor.page.get_by_role("button", name="Turn on on this device").tap()
        await expect(visitor.page.get_by_role("button", name="Turn off on this device")).to_be_visible()
        yield phone
