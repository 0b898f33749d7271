"""Over HTTP: how a person wants to be told, their devices, and a try that says what happened."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from haloop.identity import Caller
from haloop.kernel.notice import Preferences
from haloop.kernel.passkey import from_base64url
from haloop.kernel.people import Role
from haloop.store.notices import NoticeBook
from tests.api.conftest import Door, opened_door
from tests.notices.post import Browser, Post, PushService, post_office, push_service, sender_of

WANTED = {
    "address": "ana@example.org",
    "mail": True,
    "push": True,
    "zone": "Europe/Berlin",
    "quiet_from": "22:00",
    "quiet_to": "07:00",
    "digest_at": "08:00",
}


class Street:
    """A door with a post office across the street."""

    def __init__(self, door: Door, post: Post, service: PushService) -> None:
        self.door = door
        self.post = post
        self.service = service

    async def subscribe(self, browser: Browser, **more: str) -> httpx2.Response:
        return await self.door.client.post("/api/devices/push", json={**browser.subscription, **more})


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with (
        post_office() as post,
        push_service() as service,
        opened_door(tmp_path, mail=post.server, service=service.address) as door,
    ):
        yield Street(door, post, service)


async def test_what_is_set_is_shown_and_holds(street: Street) -> None:
    """Set over HTTP, and the next gate is told by mail."""
    before = await street.door.got("/api/me/notices")
    answer = await street.door.client.put("/api/me/notices", json={**WANTED, "quiet_from": "", "quiet_to": ""})
    await street.door.asked()
    await street.door.house.telling.look()

    assert (before["by_mail"], before["wanted"]["mail"]) == (True, False)
    assert answer.status_code == 200
    assert await street.door.got("/api/me/notices") == answer.json()
    assert street.post.recipients == [["ana@example.org"]]


async def test_what_is_set_outlives_the_process(tmp_path: Path) -> None:
    """The next one shows the same."""
    async with opened_door(tmp_path) as door:
        await door.client.put("/api/me/notices", json=WANTED)
    with closing(NoticeBook.open(door.practice.home)) as book:
        kept = book.people(door.practice.account)[door.ana].preferences

    assert kept == Preferences(**WANTED)  # type: ignore[arg-type]  # a table of several fields


async def test_a_device_is_subscribed_told_and_forgotten(street: Street) -> None:
    """With the key that the API gives out; again is the same; what was sent is readable there alone."""
    browser = street.service.browser()
    key = (await street.door.got("/api/devices/push"))["application_server_key"]
    first, again = [await street.door.client.post("/api/devices/push", json=browser.subscription) for _ in range(2)]
    listed = (await street.door.got("/api/devices/push"))["devices"]
    await street.door.asked()
    await street.door.house.telling.look()
    gone = await street.door.client.delete(f"/api/devices/push/{listed[0]['id']}")
    twice = await street.door.client.delete(f"/api/devices/push/{listed[0]['id']}")

    assert (first.status_code, first.json(), len(listed)) == (201, again.json(), 1)
    (asked,) = street.service.heard
    assert browser.read(asked.body)["kind"] == "waits"
    assert sender_of(asked, from_base64url(key))["aud"] == street.service.address
    assert (gone.status_code, twice.status_code, twice.json()["code"]) == (204, 404, "device.unknown")
    assert (await street.door.got("/api/devices/push"))["devices"] == []


async def test_a_browser_that_subscribes_anew_is_the_device_that_it_was(street: Street) -> None:
    """It takes the old one's place, also where the push service has dropped that; saying it again changes nothing."""
    old, new, newest = [street.service.browser(name) for name in ("old", "new", "newest")]
    first = await street.subscribe(old)
    renewed = [await street.subscribe(new, instead_of=first.json()["id"]) for _ in range(2)]
    street.service.status = 410
    await street.door.client.post("/api/me/notices/test")
    dropped = (await street.door.got("/api/devices/push"))["devices"]
    back = await street.subscribe(newest, instead_of=renewed[0].json()["id"])

    assert [one.status_code for one in (*renewed, back)] == [201] * 3
    assert renewed[0].json()["id"] == renewed[1].json()["id"] != first.json()["id"]
    assert dropped == []
    assert (await street.door.got("/api/devices/push"))["devices"] == [back.json()]


async def test_a_device_that_was_taken_away_does_not_come_back_by_itself(street: Street) -> None:
    """Whatever name its browser knows itself by, from before or after it subscribed anew; its person turns it on."""
    old, new, newest = [street.service.browser(name) for name in ("old", "new", "newest")]
    first = (await street.subscribe(old)).json()["id"]
    second = (await street.subscribe(new, instead_of=first)).json()["id"]
    await street.door.client.delete(f"/api/devices/push/{second}")
    refused = [await street.subscribe(browser, instead_of=was) for browser in (new, newest) for was in (first, second)]
    left = (await street.door.got("/api/devices/push"))["devices"]
    turned_on = await street.subscribe(newest)

    assert {(one.status_code, one.json()["code"]) for one in refused} == {(404, "device.removed")}
    assert left == []
    assert (await street.door.got("/api/devices/push"))["devices"] == [turned_on.json()]


async def test_what_a_device_was_told_is_known_of_the_one_in_its_place(street: Street) -> None:
    """What shows there that a gate waits is taken back there, once it waits no more."""
    old, new = street.service.browser("old"), street.service.browser("new")
    first = (await street.subscribe(old)).json()["id"]
    run = await street.door.asked()
    await street.door.house.telling.look()
    await street.subscribe(new, instead_of=first)
    await street.door.decide(await street.door.gate(run), "refused")
    await street.door.house.telling.look()

    assert [
        browser.read(asked.body)["kind"] for browser, asked in zip((old, new), street.service.heard, strict=True)
    ] == [
        "waits",
        "over",
    ]


async def test_a_device_is_its_persons_alone(street: Street) -> None:
    """Nobody else of the account sees it or takes it away."""
    door = street.door
    made = (await door.client.post("/api/devices/push", json=street.service.browser().subscription)).json()
    bo = await door.practice.person("Bo", Role.OWNER)
    door.house.identity.owner = Caller(account=door.practice.account, person=bo)  # whoever shows the token is Bo now
    seen = (await door.got("/api/devices/push"))["devices"]
    taken = await door.client.delete(f"/api/devices/push/{made['id']}")

    assert (seen, taken.status_code) == ([], 404)
    assert len(await door.house.telling.devices(door.practice.account, door.ana)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"zone": "Europe/Atlantis"}, "notices.bad"),
        ({"address": "ana@example.org\nBcc: eve@example.org"}, "notices.bad"),
        ({"address": ""}, "notices.bad"),
        ({"quiet_to": ""}, "notices.bad"),
        ({"quiet_from": "25:00"}, "request.malformed"),
        ({"unknown": 1}, "request.malformed"),
        ({"mail": "yes"}, "request.malformed"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(street: Street, change: dict[str, Any], code: str) -> None:
    """It is refused with a name, and what was set before stays."""
    await street.door.client.put("/api/me/notices", json=WANTED)

    answer = await street.door.client.put("/api/me/notices", json={**WANTED, **change})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await street.door.got("/api/me/notices"))["wanted"] == WANTED


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://169.254.169.254/latest",
        "http://127.0.0.1:25/",
        "https://localhost/",
        "https://fcm.googleapis.com.evil.example/",
        "https://user@fcm.googleapis.com/",
        "file:///etc/passwd",
    ],
)
async def test_a_subscription_that_leads_elsewhere_is_refused(street: Street, endpoint: str) -> None:
    """Nobody has this machine call an address of theirs; and the address is not repeated in the answer."""
    subscription = {**street.service.browser().subscription, "endpoint": endpoint}

    answer = await street.door.client.post("/api/devices/push", json=subscription)

    assert (answer.status_code, answer.json()["code"]) == (409, "egress.blocked")
    assert (await street.door.got("/api/devices/push"))["devices"] == []


async def test_a_try_says_what_happened(street: Street) -> None:
    """One way works, the other does not; and not too often."""
    await street.door.client.put("/api/me/notices", json=WANTED)
    await street.door.client.post("/api/devices/push", json=street.service.browser().subscription)
    street.service.status = 503

    tries = [await street.door.client.post("/api/me/notices/test") for _ in range(7)]

    mail, push = tries[0].json()
    assert (mail["channel"], mail["told"], mail["device"]) == ("mail", True, None)
    assert (push["channel"], push["told"], push["code"]) == ("push", False, "push.refused")
    assert push["next_step"]
    assert tries[-1].status_code == 429
    assert len(street.post.letters) == 6


async def test_without_a_mail_server_nobody_is_promised_mail(door: Door) -> None:
    """It says so, and a try says what to do."""
    await door.client.put("/api/me/notices", json=WANTED)

    (tried,) = (await door.client.post("/api/me/notices/test")).json()

    assert (await door.got("/api/me/notices"))["by_mail"] is False
    assert (tried["told"], tried["code"]) == (False, "mail.off")
    assert "mail.host" in tried["next_step"]


async def test_the_status_says_that_somebody_was_not_told(street: Street) -> None:
    """How much is late, how much was given up, and why; nothing of it where all is well."""
    await street.door.client.put("/api/me/notices", json={**WANTED, "quiet_from": "", "quiet_to": ""})
    before = (await street.door.got("/api/status"))["telling"]
    street.post.refuses = "550 nobody of that name"
    await street.door.asked()
    await street.door.house.telling.look()

    after = (await street.door.got("/api/status"))["telling"]

    assert before == {"by_mail": True, "late": 0, "given_up": 0, "problem": None}
    assert (after["late"], after["given_up"]) == (0, 1)
    assert "550" in after["problem"]
