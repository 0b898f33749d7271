"""Which browser is told, and of whom: one that was taken away stays so, and nobody reads what is for somebody else."""

from playwright.async_api import Browser, Page, expect

from haloop.identity import Caller
from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.notices.post import PushService
from tests.web.phone import holding
from tests.web.test_phone import waits


async def taken_away(told: Door) -> None:
    """Its person takes the only device away, from elsewhere."""
    (device,) = (await told.got("/api/devices/push"))["devices"]
    assert (await told.client.delete(f"/api/devices/push/{device['id']}")).status_code == 204


async def devices(told: Door) -> list[str]:
    return [one["id"] for one in (await told.got("/api/devices/push"))["devices"]]


async def left_here(page: Page) -> list[str]:
    """What this browser keeps of being told."""
    found: list[str] = await page.evaluate(
        """async () => [...Object.keys(localStorage), ...(await caches.keys())]
            .filter((name) => /^(made|haloop told .*|haloop device)$/.test(name))"""
    )
    return found


async def test_what_was_taken_away_does_not_come_back_when_the_app_is_opened(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """The browser has a new subscription meanwhile: it is given up, until its person turns it on again, here."""
    async with holding(chromium, told, service) as phone:
        await taken_away(told)
        await phone.loses_subscription()
        async with phone.page.expect_response(lambda one: one.status == 404) as refused:
            await phone.visitor.open("/settings/devices")
        turn_on = phone.page.get_by_role("button", name="Turn on on this device")
        await expect(turn_on).to_be_visible()
        assert (await (await refused.value).json())["code"] == "device.removed"
        assert await devices(told) == []
        await phone.page.wait_for_function("localStorage.getItem('made') === null")
        assert await left_here(phone.page) == []

        await turn_on.tap()
        await expect(phone.page.get_by_role("button", name="Turn off on this device")).to_be_visible()
        await told.asked()
        await phone.is_told(waits)
        phone.visitor.complaints.clear()  # the browser's own line about the refusal


async def test_what_was_taken_away_does_not_come_back_while_the_app_is_closed(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """The worker subscribes anew, the house refuses, and what waits is told there no more."""
    async with holding(chromium, told, service) as phone:
        await taken_away(told)
        await phone.ends_subscription()
        await told.asked()
        await told.house.telling.look()
    assert await devices(told) == []
    assert service.heard == []


async def test_a_browser_renews_in_its_worker_again_and_again(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """Each time it is the same one device of the house; taken away under its newest name, it stays away."""
    async with holding(chromium, told, service) as phone:
        await phone.ends_subscription()
        await phone.ends_subscription()
        (renewed,) = await devices(told)
        await taken_away(told)
        await phone.loses_subscription()
        async with phone.page.expect_response(lambda one: one.status == 404):
            await phone.visitor.open("/settings/devices")
        await expect(phone.page.get_by_role("button", name="Turn on on this device")).to_be_visible()
        phone.visitor.complaints.clear()  # the browser's own line about the refusal
    assert renewed
    assert await devices(told) == []


async def test_whoever_comes_in_next_is_not_told_what_is_for_the_one_before(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """In one browser: the subscription is given up, so that the push service knows it no more; nor is it Ben's."""
    ben = Caller(account=told.practice.account, person=await told.practice.person("Ben", Role.OWNER))
    async with holding(chromium, told, service) as phone:
        await phone.visitor.open(f"/settings/devices?key={told.house.identity.issue_once(ben)}")
        await expect(phone.page.get_by_role("button", name="Turn on on this device")).to_be_visible()
        await phone.page.wait_for_function("localStorage.getItem('made') === null")
        await phone.page.wait_for_function("caches.has('haloop device').then((is) => !is)")
        assert await left_here(phone.page) == []

        await phone.visitor.open(f"/settings/devices?key={told.house.identity.issue_once()}")
        await expect(phone.page.get_by_text("Ana, Owner")).to_be_visible()
        await expect(phone.page.get_by_role("button", name="Turn on on this device")).to_be_visible()
        service.status = 410
        await told.asked()
        await told.house.telling.look()
    assert await devices(told) == []
