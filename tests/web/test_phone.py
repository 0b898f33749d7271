"""On the phone: an app of its own, its shell without a network, told what waits, and two taps to a yes."""

import re
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from haloop.identity import Caller
from haloop.kernel.fact import CredentialEnrolled
from haloop.testing.passkey import Passkey
from tests.api.conftest import Door, opened_door, opened_to
from tests.engines.buying import Counter, desk, opened
from tests.notices.post import PushService
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import ALONE, CHROMIUM, SANDBOX, _serve_app, visiting
from tests.web.phone import PHONE, Shown, holding
from tests.web.test_today import approve

SHELL_SECONDS_MAX = 1.0
TARGET_PX = 48
TABS_MAX = 5
# Windows that leave nothing behind are offered nothing: this is what the others are.
_OFFERED = """window.addEventListener("load", () => {
    window.asked = 0;
    const prompt = async () => {
        window.asked += 1;
        window.dispatchEvent(new Event("appinstalled"));
        return { outcome: "accepted" };
    };
    window.dispatchEvent(Object.assign(new Event("beforeinstallprompt", { cancelable: true }), { prompt }));
})"""
SMALLEST = {"width": 320, "height": 640}


async def worker_is_ready(page: Page) -> None:
    await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")


def waits(shown: Shown) -> bool:
    return [one["actions"] for one in shown] == [["Review", "Decline"]]


def is_over(shown: Shown) -> bool:
    return [(one["title"], one["silent"]) for one in shown] == [("Nothing waits for you here any more", True)]


# The shell


async def test_it_can_be_installed(chromium: Browser, door: Door) -> None:
    """The browser has nothing against it: a manifest, icons, a worker."""
    async with visiting(chromium, door, **PHONE) as visitor:
        await worker_is_ready(visitor.page)
        session = await visitor.page.context.new_cdp_session(visitor.page)
        told = await session.send("Page.getAppManifest")
        errors = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    # A window that leaves nothing behind installs nothing, and all windows here are such.
    assert [one["errorId"] for one in errors if one["errorId"] != "in-incognito"] == []
    assert (told["errors"], told["url"]) == ([], f"{door.address}/manifest.webmanifest")


async def test_the_settings_install_it_where_the_browser_can(chromium: Browser, door: Door) -> None:
    """A button in place of the guide, also where the offer came long before; it asks once, and then it is done."""
    async with visiting(chromium, door, **PHONE) as visitor:
        page = visitor.page
        await page.add_init_script(_OFFERED)
        await visitor.open("/")
        await page.get_by_role("link", name="Settings").tap()
        await page.get_by_role("link", name="Devices").tap()
        section = page.get_by_role("region", name="As an app")
        await expect(section.get_by_role("button", name="Install Haloop")).to_be_visible()
        await expect(section.get_by_text("Android")).to_have_count(0)
        assert await barriers(page) == []
        await section.get_by_role("button", name="Install Haloop").tap()
        await expect(section.get_by_text("Haloop is installed on this device.")).to_be_visible()
        await expect(section.get_by_role("button")).to_have_count(0)
        assert await page.evaluate("asked") == 1


async def test_where_the_browser_offers_nothing_a_guide_says_how(chromium: Browser, door: Door) -> None:
    """An iPhone's own way lies open."""
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
    async with visiting(chromium, door, **PHONE, user_agent=safari) as visitor:
        await visitor.open("/settings/devices")
        await expect(visitor.page.get_by_text("In Safari, touch Share")).to_be_visible()
        await expect(visitor.page.get_by_role("button", name="Install Haloop")).to_have_count(0)


async def test_in_the_installed_app_nothing_of_it_is_left(chromium: Browser, door: Door, tmp_path: Path) -> None:
    """It has a window of its own there, as an app's is."""
    _serve_app(door)
    app = await chromium.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=CHROMIUM, args=[*SANDBOX, *ALONE, "--app=data:text/html,"], locale="en-GB"
    )
    try:
        (page,) = app.pages
        await page.goto(f"{door.address}/?key={door.house.identity.issue_once()}")
        await page.get_by_role("link", name="Settings").click()
        await page.get_by_role("link", name="Devices").click()
        await expect(page.get_by_role("region", name="Notifications")).to_be_visible()
        await expect(page.get_by_role("region", name="As an app")).to_have_count(0)
    finally:
        await app.close()


async def test_without_a_network_the_shell_is_there_and_nothing_else(chromium: Browser, door: Door) -> None:
    """Within a second, at any place of the app; nothing of anybody's is kept, and with a network all is back."""
    await door.asked()
    async with visiting(chromium, door, **PHONE) as visitor:
        await expect(visitor.page.get_by_role("link", name=re.compile("Buy, through karl"))).to_be_visible()
        await worker_is_ready(visitor.page)
        kept = await visitor.page.evaluate(
            """async () => (await Promise.all((await caches.keys()).map(async (name) =>
                (await (await caches.open(name)).keys()).map((one) => new URL(one.url).pathname)))).flat()"""
        )
        await visitor.page.context.set_offline(True)

        begun = monotonic()
        await visitor.open("/settings/devices")
        await expect(visitor.page.get_by_role("link", name="Settings")).to_be_visible()
        seconds = monotonic() - begun

        await expect(visitor.page.get_by_text("Haloop did not answer.")).to_be_visible()
        await expect(visitor.page.get_by_text("Nothing of yours is kept on this device")).to_be_visible()
        assert await barriers(visitor.page) == []
        await visitor.page.context.set_offline(False)
        await expect(visitor.page.get_by_role("heading", name="This device")).to_be_visible()
        visitor.complaints.clear()  # the browser's own lines about the network
    assert seconds <= SHELL_SECONDS_MAX
    assert [path for path in kept if path != "/" and not path.startswith("/assets/")] == []


async def test_a_no_that_cannot_be_sent_now_is_not_sent_later(chromium: Browser, door: Door) -> None:
    """Without a network every decision is off; what was begun before it went is not kept back."""
    run = await door.asked()
    async with visiting(chromium, door, **PHONE) as visitor:
        await visitor.open(f"/?run={run}")
        decline = visitor.page.get_by_role("button", name="Decline", exact=True)
        await decline.tap()
        await visitor.page.context.set_offline(True)
        await expect(decline).to_be_disabled()
        await expect(visitor.page.get_by_role("button", name="Change", exact=True)).to_be_disabled()
        await expect(visitor.page.locator("form button[type=submit]")).to_be_disabled()
        await visitor.page.context.set_offline(False)
        await expect(decline).to_be_enabled()
        visitor.complaints.clear()  # the browser's own lines about the network
    assert (await door.gate(run))["status"] == "open"


# Being told


async def test_a_message_says_desk_and_deed_and_takes_two_taps(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """No amount and no payee before anybody allows it; Review opens the very sheet, and the next tap is the yes."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        (shown,) = await phone.is_told(waits)
        assert (shown["title"], shown["body"]) == ("shop: buy", "Something waits for your answer")
        assert told.practice.gate_of(run) in shown["tag"]

        await phone.touch("review")

        await expect(phone.page.get_by_role("article").get_by_text("tea").first).to_be_visible()
        await phone.page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).scroll_into_view_if_needed()
        await phone.page.evaluate("window.scrollBy(0, 4000)")
        await approve(phone.page).tap()
        await expect(phone.page.get_by_role("button", name="Save the receipt")).to_be_visible()
        await phone.shows(lambda shown: shown == [])
    assert [one.item for one in told.shop.sold] == ["tea"]


async def test_a_passkey_says_yes_within_two_taps(chromium: Browser, tmp_path: Path, service: PushService) -> None:
    """From the notification to what is real: the device asks its holder, and it is done."""
    async with opened_door(tmp_path, live=True, service=service.address) as live:
        async with holding(chromium, live, service) as phone:
            await phone.visitor.devices()
            await phone.page.get_by_role("button", name="Add a passkey").tap()
            await expect(phone.page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(1)
            run = await live.asked()
            await phone.is_told(waits)

            await phone.touch("review")
            await phone.page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).scroll_into_view_if_needed()
            await phone.page.evaluate("window.scrollBy(0, 4000)")
            await expect(phone.page.get_by_text("Your device will ask who you are")).to_be_visible()
            await approve(phone.page).tap()

            await expect(phone.page.get_by_role("button", name="Save the receipt")).to_be_visible()
            assert await too_wide(phone.page) == []
            assert await barriers(phone.page) == []
        approved = (await live.practice.kinds(run)).count("gate.approved")
    assert ([one.item for one in live.shop.sold], approved) == (["tea"], 1)


async def test_amounts_are_shown_to_whoever_allows_them(chromium: Browser, told: Door, service: PushService) -> None:
    """It is the device's own setting, and leaves the house in no message."""
    async with holding(chromium, told, service) as phone:
        await phone.page.get_by_label("Show amounts in notifications").check()
        await told.asked()
        (shown,) = await phone.is_told(waits)
    assert shown["body"] == "€5.00 · Something waits for your answer"


async def test_a_no_can_be_said_without_a_look(chromium: Browser, told: Door, service: PushService) -> None:
    """The button on the notification is enough; it counts as what it was, said from a message."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        gate = await told.gate(run)
        await phone.is_told(waits)
        await phone.touch("decline")
        await phone.shows(lambda shown: [one["title"] for one in shown] == ["Declined"])
    assert (await told.got(f"/api/gates/{gate['id']}"))["status"] == "refused"
    assert told.shop.sold == []


async def test_a_no_from_a_notification_is_to_what_it_told_of(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """The draft was changed since: nothing is refused, and what it is now is shown instead."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        await phone.is_told(waits)
        await told.decide(await told.gate(run), "changed", change=900)
        await phone.touch("decline")
        await expect(phone.page.get_by_role("button", name="Approve €9.00")).to_be_visible()
        gate = await told.gate(run)
    assert (gate["status"], gate["revision"]) == ("open", 2)


async def test_a_changed_draft_is_heard_in_the_place_of_the_first(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """One notification for one gate; the second makes a sound too, the very same once more does not."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        gate = await told.gate(run)
        await phone.is_told(waits)
        await told.decide(gate, "changed", change=900)
        await told.house.telling.look()
        again = list(service.heard)
        (changed,) = await phone.is_told(lambda shown: waits(shown) and shown[0]["renotify"])
        service.heard.extend(again)
        (same,) = await phone.is_told(lambda shown: waits(shown) and not shown[0]["renotify"])
        await phone.touch("decline")
        await phone.shows(lambda shown: [one["title"] for one in shown] == ["Declined"])
    assert changed["tag"] == same["tag"]
    assert (await told.got(f"/api/gates/{gate['id']}"))["status"] == "refused"


async def test_what_is_about_no_draft_and_no_run_hides_nothing_else(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """That a recovery code was used stays to be read, whatever comes after it."""
    async with holding(chromium, told, service) as phone:
        key = Passkey.made().key
        used = CredentialEnrolled(
            person=told.ana,
            credential="c2hl",
            algorithm=key.algorithm,
            public_key=key.public_key.hex(),
            recovery_code="0" * 32,
        )
        await told.practice.engine.record(told.practice.account, used, by="kernel")
        await phone.is_told(lambda shown: len(shown) == 1)
        await told.client.post("/api/me/notices/test")
        shown = await phone.is_told(lambda shown: len(shown) == 2)
    assert "A passkey was added with a recovery code" in [one["title"] for one in shown]


async def test_without_a_session_the_page_is_opened_instead(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """The message's own words are all there is, and nothing is decided."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        told.house.identity.revoke_session(
            Caller(account=told.practice.account, person=told.ana), (await _sessions(told))[0]
        )
        (shown,) = await phone.is_told(waits)
        await phone.touch("decline")
        await expect(phone.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        gate = told.practice.gate_of(run)
        assert shown["title"] == "Something waits for your answer"

        await phone.visitor.open(f"/?key={told.house.identity.issue_once()}")

        await expect(phone.page.get_by_role("article").get_by_text("tea").first).to_be_visible()
        phone.visitor.complaints.clear()  # the browser's own lines about the 401
    assert (await told.got(f"/api/gates/{gate}"))["status"] == "open"


async def test_deciding_elsewhere_takes_the_notification_s_place(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """Without a sound, and without anything to press; also where the app is closed."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        await phone.is_told(waits)
        await told.decide(await told.gate(run), "refused")
        (shown,) = await phone.is_told(is_over)
    assert (shown["actions"], shown["body"]) == ([], "")


async def test_a_message_that_comes_too_late_asks_nothing(chromium: Browser, told: Door, service: PushService) -> None:
    """The device was off, and somebody has decided meanwhile."""
    async with holding(chromium, told, service) as phone:
        run = await told.asked()
        await told.house.telling.look()
        await told.decide(await told.gate(run), "refused")
        service.heard[1:] = []
        await phone.is_told(is_over)


async def test_whoever_turns_it_off_is_told_no_more(chromium: Browser, told: Door, service: PushService) -> None:
    """The house forgets the device, and the worker what it knew."""
    async with holding(chromium, told, service) as phone:
        await phone.page.get_by_role("button", name="Turn off on this device").tap()
        await expect(phone.page.get_by_role("button", name="Turn on on this device")).to_be_visible()
        assert "haloop device" not in await phone.page.evaluate("caches.keys()")
    assert (await told.got("/api/devices/push"))["devices"] == []


async def test_a_browser_is_told_in_each_account_by_itself(chromium: Browser, told: Door, service: PushService) -> None:
    """Turned on in one it is off in the other; turned on there too, it is still on in the first."""
    await told.client.post("/api/accounts", json={"sort": "company", "name": "The workshop"})
    async with holding(chromium, told, service) as phone:
        await phone.page.get_by_role("button", name="Go on in: The workshop").tap()
        await expect(phone.page.get_by_role("heading", name="Today")).to_be_visible()
        await phone.visitor.open("/settings/devices")
        await phone.page.get_by_role("button", name="Turn on on this device").tap()
        await expect(phone.page.get_by_role("button", name="Turn off on this device")).to_be_visible()
        await phone.page.get_by_role("button", name="Go on in: A household").tap()
        await expect(phone.page.get_by_role("heading", name="Today")).to_be_visible()
        await phone.visitor.open("/settings/devices")
        await expect(phone.page.get_by_role("button", name="Turn off on this device")).to_be_visible()


async def test_a_browser_that_ends_its_subscription_is_told_on(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """The worker subscribes anew while the app is closed, and the next message comes."""
    async with holding(chromium, told, service) as phone:
        await phone.ends_subscription()
        await phone.is_subscribed_anew()
        service.heard.clear()
        await told.asked()
        await phone.is_told(waits)


async def test_a_subscription_that_was_lost_is_made_anew_when_the_app_is_opened(
    chromium: Browser, told: Door, service: PushService
) -> None:
    """The new one takes the first one's place in the house, and the settings still say that it is on."""
    async with holding(chromium, told, service) as phone:
        await phone.loses_subscription()
        await phone.visitor.open("/settings/devices")
        await phone.is_subscribed_anew()
        await expect(phone.page.get_by_role("button", name="Turn off on this device")).to_be_visible()
        await expect(phone.page.get_by_role("heading", name="Other devices")).to_have_count(0)
        (only,) = await told.house.telling.devices(told.practice.account, told.ana)
        await told.asked()
        await phone.is_told(waits)
    assert only.device.endpoint == phone.next_device.endpoint


# Links and accounts


async def test_a_link_to_nothing_says_so(chromium: Browser, door: Door) -> None:
    """Whoever is in another account, or got half an address, reads what to do."""
    async with visiting(chromium, door, **PHONE) as visitor:
        await visitor.open(f"/open?execution_id=run_{'0' * 32}")
        await expect(visitor.page.get_by_role("heading", name="This link leads nowhere")).to_be_visible()
        assert await barriers(visitor.page) == []
        visitor.complaints.clear()  # the browser's own line about the 404


async def test_whoever_comes_in_beside_it_lands_where_the_link_leads(chromium: Browser, door: Door) -> None:
    """A link is opened before anybody is known; the address that lets them in is opened in another tab."""
    run = await door.asked()
    async with visiting(chromium, door, **PHONE) as visitor:
        await visitor.page.evaluate("localStorage.clear()")
        await visitor.open(f"/open?draft_id={door.practice.gate_of(run)}")
        await expect(visitor.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        other = await visitor.page.context.new_page()
        await other.goto(f"{door.address}/?key={door.house.identity.issue_once()}")
        await expect(approve(visitor.page)).to_be_visible()
        visitor.complaints.clear()  # the browser's own line about the 401


async def test_a_device_goes_from_one_account_to_another(chromium: Browser, door: Door) -> None:
    """It says where and as whom it asks, and that holds when the page is loaded again."""
    made = await door.client.post("/api/accounts", json={"sort": "company", "name": "The workshop"})
    assert made.status_code == 201
    async with visiting(chromium, door, **PHONE) as visitor:
        await visitor.open("/settings/devices")
        device = visitor.page.get_by_role("region", name="This device")
        await expect(device.get_by_text("A household")).to_be_visible()
        await expect(device.get_by_text(door.address)).to_be_visible()
        await expect(device.get_by_text("Ana, Owner")).to_be_visible()
        await device.get_by_role("button", name="Go on in: The workshop").tap()
        await expect(visitor.page.get_by_role("heading", name="Today")).to_be_visible()
        await visitor.open("/settings/devices")
        await expect(device.get_by_text("The workshop", exact=True)).to_be_visible()
        await expect(device.get_by_role("button", name="Go on in: A household")).to_be_visible()


async def test_the_account_of_a_device_outlives_the_house_s_process(chromium: Browser, tmp_path: Path) -> None:
    """Haloop is started anew: the phone is still in the account that it was switched to, and signed in."""
    shop = Counter()
    async with opened(tmp_path, shop) as practice, AsyncExitStack() as first:
        door = await first.enter_async_context(opened_to(practice, [desk()], shop))
        made = await door.client.post("/api/accounts", json={"sort": "company", "name": "The workshop"})
        assert made.status_code == 201
        async with visiting(chromium, door, **PHONE) as visitor:
            device = visitor.page.get_by_role("region", name="This device")
            await visitor.open("/settings/devices")
            await device.get_by_role("button", name="Go on in: The workshop").tap()
            await expect(visitor.page.get_by_role("heading", name="Today")).to_be_visible()

            await first.aclose()
            await practice.restart()
            port = urlsplit(door.address).port or 0
            async with opened_to(practice, [desk()], shop, port=port) as again:
                _serve_app(again)
                await visitor.open("/settings/devices")
                await expect(device.get_by_text("The workshop", exact=True)).to_be_visible()
                await expect(device.get_by_text("Ana, Owner")).to_be_visible()
                visitor.complaints.clear()  # the browser's own lines about the time between


# The layout


async def test_a_thumb_reaches_everything(chromium: Browser, door: Door) -> None:
    """At most five tabs; whatever can be pressed is as tall as a thumb; an open draft has the whole screen."""
    run = await door.asked()
    async with visiting(chromium, door, **PHONE) as visitor:
        tabs = visitor.page.locator("nav").locator("a, button")
        await expect(tabs.first).to_be_visible()
        assert await tabs.count() <= TABS_MAX
        for place in ("/", "/settings/devices", f"/?run={run}"):
            await visitor.open(place)
            await expect(visitor.page.locator("[aria-busy]")).to_have_count(0)
            assert await _too_small(visitor.page) == []
        await expect(approve(visitor.page)).to_be_visible()
        await expect(visitor.page.locator("nav")).to_be_hidden()


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_no_language_breaks_the_devices(
    chromium: Browser, told: Door, service: PushService, language: str
) -> None:
    """On the smallest phone, told and in two accounts, nothing is cut and nothing scrolls sideways; axe is content."""
    await told.client.post("/api/accounts", json={"sort": "person", "name": ""})
    async with holding(chromium, told, service, viewport=SMALLEST) as phone:
        await phone.page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        for place in ("/settings/devices", "/open"):
            await phone.visitor.open(place)
            await expect(phone.page.locator("[aria-busy]")).to_have_count(0)
            assert await too_wide(phone.page) == []
            assert await barriers(phone.page) == []
        phone.visitor.complaints.clear()  # the browser's own line about the 404


async def _sessions(door: Door) -> list[str]:
    caller = Caller(account=door.practice.account, person=door.ana)
    return [one.id for one in door.house.identity.sessions(caller)]


async def _too_small(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        """(least) => [...document.querySelectorAll("button, nav a, li > a, summary, select, input")]
            .filter((one) => one.type !== "checkbox" && one.checkVisibility())
            .filter((one) => one.getBoundingClientRect().height < least)
            .map((one) => one.outerHTML)""",
        TARGET_PX,
    )
    return found
