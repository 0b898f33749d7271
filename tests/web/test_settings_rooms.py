"""The rooms of the settings: what each of them is there for, done by hand, and what the house then knows."""

import re

import pytest
from playwright.async_api import Browser, Page, Route, expect

from haloop.identity import Caller
from haloop.kernel.fact import LoginLinked
from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.web.barriers import barriers, barriers_in_both, too_wide
from tests.web.conftest import Visitor, visiting

WINDOW = {"width": 1280, "height": 800}
STALE = {
    "type": "urn:haloop:identity.stale",
    "title": "You last showed who you are more than 15 minutes ago.",
    "status": 403,
    "code": "identity.stale",
    "next_step": "Show a passkey, or log in again.",
    "executed": False,
    "request_id": "0" * 16,
}


async def confirm(page: Page, name: str | re.Pattern[str]) -> None:
    """Press what is not taken back, and say that it is meant."""
    await page.get_by_role("button", name=name).first.click()
    await page.get_by_role("group").get_by_role("button").first.click()


async def test_a_grant_is_asked_for_given_used_and_ended(door: Door, visitor: Visitor) -> None:
    """The form makes a draft like any other; its yes gives the grant, the room says what is used of it, and ends it."""
    await door.decide(await door.gate(await door.asked()))
    page = visitor.page
    await visitor.open("/settings/limits")
    await expect(page.get_by_text("There is none: everything asks you.")).to_be_visible()
    await page.get_by_role("button", name="Make a grant").click()
    await page.get_by_role("checkbox", name=re.compile("^Buy")).check()
    await page.get_by_label("Whom it may pay").fill("Karl")
    await page.get_by_label("At most at a time").fill("6.00")
    await page.get_by_label("At most together").fill("10.00")
    await page.get_by_role("button", name="Make the draft").click()

    await page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).scroll_into_view_if_needed()
    await page.mouse.wheel(0, 4_000)
    yes = page.get_by_role("button", name=re.compile("^Approve"))
    await expect(yes).to_have_attribute("aria-disabled", "false")
    await yes.click()
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
    (grant,) = await door.got("/api/grants")
    assert (grant["operations"], grant["payees"], grant["each_max"]["minor"]) == (["Shop.buy"], ["Karl"], 600)

    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("link", name="Limits").click()
    await expect(page.get_by_text("€0.00 spent, €10.00 left.")).to_be_visible()
    await confirm(page, re.compile("^End: Buy"))

    await expect(page.get_by_text("There is none: everything asks you.")).to_be_visible()
    assert await door.got("/api/grants") == []


async def test_somebody_is_invited_and_their_roles_change(chromium: Browser, door: Door, visitor: Visitor) -> None:
    """The address is said once and copied; an invitation is taken back, and what somebody may do is a tick."""
    ben = await door.practice.person("Ben", Role.VIEWER)
    page = visitor.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visitor.open("/settings/people")
    await page.get_by_label("Whom to invite").fill("Cleo")
    await page.get_by_role("button", name="Make an invitation").click()
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{door.address}/#invitation=")

    roles = page.get_by_role("group", name="What Ben may do")
    await roles.get_by_role("checkbox", name="Approver").check()
    await roles.get_by_role("checkbox", name="Viewer").uncheck()
    await expect(roles.get_by_role("checkbox", name="Approver")).to_be_disabled()
    await page.get_by_role("button", name="Change what Ben may do").click()
    await expect(page.get_by_role("button", name="Change what Ben may do")).to_have_count(0)
    people = {one["id"]: one for one in await door.got("/api/people")}
    assert people[ben]["roles"] == ["approver"]

    await confirm(page, "Take back: Cleo")
    await expect(page.get_by_role("button", name="Take back: Cleo")).to_have_count(0)
    assert await door.got("/api/invitations") == []


async def test_the_last_owner_cannot_leave_and_somebody_else_is_taken_out(door: Door, visitor: Visitor) -> None:
    """The house refuses the one in a sentence, and does the other."""
    await door.practice.person("Ben", Role.APPROVER)
    page = visitor.page
    await visitor.open("/settings/people")
    await confirm(page, "Leave: Ana")
    await expect(page.get_by_text("An account always has an owner, and this is the last.")).to_be_visible()
    visitor.complaints.clear()  # the browser's own line about the refusal

    await confirm(page, "Take out: Ben")

    await expect(page.get_by_text("Ben", exact=True)).to_have_count(0)
    assert [one["name"] for one in await door.got("/api/people")] == ["Ana"]


async def test_an_agent_gets_a_token_for_one_desk_and_loses_it(door: Door, visitor: Visitor) -> None:
    """It is said once; what it reaches stands in the list."""
    page = visitor.page
    await visitor.open("/settings/people")
    await page.get_by_label("The agent’s name").fill("shopper")
    await page.get_by_role("checkbox", name="Shop").check()
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.get_by_label("The token of shopper")).not_to_have_value("")
    (token,) = await door.got("/api/tokens")
    assert (token["agent"], token["desks"]) == ("shopper", ["shop"])

    await confirm(page, "Revoke: shopper")

    await expect(page.get_by_role("button", name="Revoke: shopper")).to_have_count(0)
    assert await door.got("/api/tokens") == []


async def test_whoever_must_show_again_who_they_are_does_it_on_the_spot(door: Door, visitor: Visitor) -> None:
    """From elsewhere a login goes stale: one touch of the passkey, and what was wanted is done, once."""
    page = visitor.page
    await visitor.devices()
    await visitor.open("/settings/devices")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(1)
    await wants_a_token(visitor)
    await page.get_by_role("button", name="Show your passkey").click()

    await expect(page.get_by_label("The token of shopper")).not_to_have_value("")
    assert [one["agent"] for one in await door.got("/api/tokens")] == ["shopper"]
    visitor.complaints.clear()  # the browser's own line about the refusal


async def test_nobody_goes_on_as_somebody_else(door: Door, visitor: Visitor) -> None:
    """On a browser that two people use, the passkey that answers is the other's: refused, and nothing was done."""
    ben = await door.practice.person("Ben", Role.OWNER)
    page = visitor.page
    await visitor.devices()
    key = door.house.identity.issue_once(Caller(account=door.practice.account, person=ben))
    await visitor.open(f"/settings/devices?key={key}")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(1)
    await visitor.open(f"/?key={door.house.identity.issue_once()}")
    await expect(page.get_by_text("Ana")).to_be_visible()
    await wants_a_token(visitor)

    await page.get_by_role("button", name="Show your passkey").click()

    await expect(page.get_by_text("somebody else than the person who is signed in here")).to_be_visible()
    assert await barriers(page) == []
    await page.reload()
    await expect(page.locator("nav").first).to_contain_text("Ana")
    assert await door.got("/api/tokens") == []
    visitor.complaints.clear()  # the browser's own lines about the refusals


async def wants_a_token(visitor: Visitor) -> None:
    """Somebody asks for an agent's token, and showed too long ago who they are."""
    refused: list[str] = []

    async def too_old(way: Route) -> None:
        if way.request.method == "POST" and not refused:
            refused.append("once")
            await way.fulfill(status=403, json=STALE, content_type="application/problem+json")
        else:
            await way.fallback()

    await visitor.open("/settings/people")
    await visitor.page.route("**/api/tokens", too_old)
    await visitor.page.get_by_label("The agent’s name").fill("shopper")
    await visitor.page.get_by_role("button", name="Make a token").click()


async def test_another_browser_is_signed_out(chromium: Browser, door: Door, visitor: Visitor) -> None:
    """It stands in the list, and its next question is answered by nobody."""
    async with visiting(chromium, door) as other:
        await visitor.open("/settings/devices")
        await expect(visitor.page.get_by_text("this browser")).to_have_count(1)
        await confirm(visitor.page, re.compile("^End: "))
        await expect(visitor.page.get_by_role("button", name=re.compile("^End: "))).to_have_count(0)

        await other.open("/settings/devices")
        await expect(other.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        other.complaints.clear()  # the browser's own lines about the 401


async def test_a_login_is_taken_away(door: Door, visitor: Visitor) -> None:
    """An owner sees everybody's, by name, and ends one in two presses."""
    page, practice = visitor.page, door.practice
    ben = await practice.person("Ben", Role.APPROVER)
    for person, login in ((door.ana, "a" * 64), (ben, "b" * 64)):
        await practice.engine.record(practice.account, LoginLinked(person=person, login=login), by="kernel")
    await visitor.open("/settings")
    await page.get_by_role("link", name="Logins").click()
    await expect(page.get_by_text("Ana (you)")).to_be_visible()
    await confirm(page, "Take away: Ben, bbbbbbbb")

    await expect(page.get_by_role("button", name=re.compile("^Take away: Ben"))).to_have_count(0)
    assert [one["person"] for one in await door.got("/api/logins")] == [door.ana]


async def test_connectors_say_whether_they_are_real_and_answer(chromium: Browser, errands: Door) -> None:
    """The town's booking site answers and is practice; the ledger is a part of the house. Nothing is switched there."""
    async with visiting(chromium, errands, viewport=WINDOW) as visitor:
        await visitor.open("/settings/connectors")
        booking = visitor.page.get_by_role("listitem").filter(has_text="town-booking")
        await expect(booking).to_contain_text("Answers")
        await expect(booking).to_contain_text("In practice: nothing is spent")
        await expect(booking).to_contain_text("Reserve the table, cancel the reservation")
        await expect(visitor.page.get_by_text("Part of Haloop itself")).to_be_visible()
        await expect(visitor.page.get_by_role("switch")).to_have_count(0)


async def test_every_agent_is_stopped_and_work_begins_again(door: Door, visitor: Visitor) -> None:
    """Two presses stop them; the room says so, also where it was loaded anew, and one press lets work begin."""
    async with await door.agent() as agent:
        await visitor.open("/settings/status")
        await confirm(visitor.page, "Stop every agent")
        await expect(visitor.page.get_by_text("Every agent is stopped")).to_be_visible()
        assert (await agent.get("/api/me")).status_code == 401
    await visitor.page.reload()
    await visitor.page.get_by_role("button", name="Let work begin again").click()
    await expect(visitor.page.get_by_role("button", name="Stop every agent")).to_be_visible()
    assert (await door.got("/api/status"))["agents_stopped"] is False


async def test_the_status_says_what_is_stuck(door: Door, visitor: Visitor) -> None:
    """A run that cannot go on stands there with its reason, and leads to itself; the ledger is well all the same."""
    order = {"cents": 500, "item": "tea", "shop": "Karl"}
    said = {"desk": "shop", "procedure": "buy_and_break", "arguments": {"order": order}}
    run = (await door.client.post("/api/requests", json=said)).json()["run"]
    await door.practice.engine.settled()
    await door.decide(await door.gate(run))

    await visitor.open("/settings/status")

    await expect(visitor.page.get_by_text("Whole, and working.")).to_be_visible()
    stuck = visitor.page.get_by_role("region", name="Stuck")
    await expect(stuck).to_contain_text("The procedure raised KeyError.")
    await stuck.get_by_role("link").click()
    await expect(visitor.page).to_have_url(re.compile(run))


async def test_the_keyboard_alone_goes_through_a_room(door: Door, visitor: Visitor) -> None:
    """Tab and Enter invite somebody and take it back; the focus is where the question was, and back again."""
    page, keyboard = visitor.page, visitor.page.keyboard
    await visitor.open("/settings/people")
    await page.get_by_label("Whom to invite").focus()
    await keyboard.type("Cleo")
    await keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Take back: Cleo")).to_be_visible()
    await page.get_by_role("button", name="Take back: Cleo").focus()
    await keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Take back", exact=True)).to_be_focused()
    await keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Take back: Cleo")).to_be_focused()
    await keyboard.press("Enter")
    await keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Take back: Cleo")).to_have_count(0)


async def test_what_is_asked_and_said_keeps_nobody_out(visitor: Visitor) -> None:
    """axe finds nothing with a question open, a secret said, a refusal, and every agent stopped."""
    page = visitor.page
    await visitor.open("/settings/people")
    await page.get_by_label("The agent’s name").fill("shopper")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.get_by_label("The token of shopper")).not_to_have_value("")
    await confirm(page, "Leave: Ana")
    await expect(page.get_by_text("this is the last")).to_be_visible()
    await page.get_by_role("button", name="Revoke: shopper").click()
    assert await barriers_in_both(page) == []
    await visitor.open("/settings/status")
    await confirm(page, "Stop every agent")
    await expect(page.get_by_text("Every agent is stopped")).to_be_visible()
    assert await barriers_in_both(page) == []
    visitor.complaints.clear()  # the browser's own line about the refusal


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_a_room_that_is_full_breaks_in_no_language(chromium: Browser, door: Door, language: str) -> None:
    """At 320 px, with a token said and an invitation there, nothing is cut and nothing scrolls sideways."""
    async with await door.agent("an-agent.with_a-rather-long-name"):
        wanted = {"name": "Maximiliane von Habsburg-Lothringen", "roles": ["owner", "approver", "viewer"]}
        await door.client.post("/api/invitations", json=wanted)
    async with visiting(chromium, door, viewport={"width": 320, "height": 640}) as visitor:
        await visitor.page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        await visitor.open("/settings/people")
        await expect(visitor.page.get_by_text("Maximiliane").first).to_be_visible()
        await visitor.page.get_by_role("button", name=re.compile("Maximiliane")).first.click()
        assert await too_wide(visitor.page) == []
