"""Push messages to a service that takes them, refuses them, or has lost the device."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from haloop.connectors.egress import open_way
from haloop.connectors.push.encryption import public_point
from haloop.connectors.push.web_push import SERVICES, WebPush, push_way
from haloop.kernel.errors import HaloopError
from haloop.kernel.notice import NoticeKind
from haloop.ports.notifier import Device, NeverTold, Notice, NotTold, PlaceGone
from tests.notices.post import SENDER, PushService, push_service, sender_of

NOW = 1_800_000_000_000_000
NOTICE = Notice(
    id="0123456789abcdef" * 2,
    kind=NoticeKind.WAITS,
    title="Something waits",
    lines=("A line.",),
    link="http://localhost:4000/open?draft_id=gate_1",
    settings="http://localhost:4000/plain#notices",
    checkpoint="haloop.local/acc_0\n1\nroot\n\n— haloop.local/acc_0 sig\n",
    at=NOW,
    until=NOW + 600_000_000,
    revision=2,
)
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


@asynccontextmanager
async def pusher(service: PushService) -> AsyncIterator[WebPush]:
    way = push_way(near=frozenset({service.address}))
    async with open_way(way) as http:
        yield WebPush(http, way, key=KEY, contact=SENDER)


async def test_the_device_reads_what_was_sent(service: PushService) -> None:
    """A few words, a link and the checkpoint; the service learns when, how long and how urgent."""
    browser = service.browser()
    async with pusher(service) as push:
        await push.tell(browser.device, NOTICE)

    (asked,) = service.heard
    assert asked.line == "POST /send/one HTTP/1.1"
    assert browser.read(asked.body) == {
        "checkpoint": NOTICE.checkpoint,
        "id": NOTICE.id,
        "kind": "waits",
        "link": NOTICE.link,
        "revision": 2,
        "title": NOTICE.title,
    }
    said = {name: asked.headers[name] for name in ("ttl", "urgency", "topic", "content-encoding")}
    assert said == {"ttl": "600", "urgency": "high", "topic": NOTICE.id, "content-encoding": "aes128gcm"}
    claims = sender_of(asked, public_point(KEY))
    assert claims == {"aud": service.address, "exp": NOW // 1_000_000 + 43_200, "sub": f"mailto:{SENDER}"}


@pytest.mark.parametrize("status", [404, 410])
async def test_a_device_that_is_gone_is_known_to_be(service: PushService, status: int) -> None:
    """The service says that nobody is there any more."""
    service.status = status
    async with pusher(service) as push:
        with pytest.raises(PlaceGone):
            await push.tell(service.browser().device, NOTICE)


@pytest.mark.parametrize(
    ("status", "more", "wait"),
    [(429, "Retry-After: 120\r\n", 120), (503, "", 0), (500, "Retry-After: soon\r\n", 0), (408, "", 0)],
)
async def test_a_service_that_is_busy_is_asked_later(service: PushService, status: int, more: str, wait: int) -> None:
    """As late as it says, if it says so readably."""
    service.status, service.more = status, more
    async with pusher(service) as push:
        with pytest.raises(NotTold) as refused:
            await push.tell(service.browser().device, NOTICE)

    assert not isinstance(refused.value, NeverTold)
    assert refused.value.after_seconds == wait


@pytest.mark.parametrize("status", [302, 400, 401, 403, 413])
async def test_a_service_that_refuses_is_not_asked_again(service: PushService, status: int) -> None:
    """A redirect is a refusal too."""
    service.status, service.more = status, f"Location: {service.address}/elsewhere\r\n"
    async with pusher(service) as push:
        with pytest.raises(NeverTold) as refused:
            await push.tell(service.browser().device, NOTICE)

    assert not isinstance(refused.value, PlaceGone)
    assert len(service.heard) == 1


async def test_a_service_that_is_down_is_asked_later() -> None:
    """Nobody answers there now."""
    async with push_service() as service:
        pass
    async with pusher(service) as push:
        with pytest.raises(NotTold) as refused:
            await push.tell(service.browser().device, NOTICE)

    assert refused.value.code == "push.unreachable"


async def test_only_known_services_are_called(service: PushService) -> None:
    """A subscription that leads elsewhere is neither kept nor called, whatever it calls itself."""
    good = service.browser().device
    elsewhere = [
        *("https://push.example.org/x", "http://fcm.googleapis.com/x", "https://fcm.googleapis.com:8443/x"),
        *("https://169.254.169.254/x", "https://localhost/x", "https://notify.windows.com.evil.example/x", "nonsense"),
    ]
    async with pusher(service) as push:
        for endpoint in elsewhere:
            with pytest.raises(HaloopError):
                push.require_usable(replace(good, endpoint=endpoint))
            with pytest.raises(NeverTold):
                await push.tell(replace(good, endpoint=endpoint), NOTICE)
        for endpoint in (
            "https://fcm.googleapis.com/fcm/send/x",
            "https://updates.push.services.mozilla.com/wpush/v2/x",
        ):
            push.require_usable(replace(good, endpoint=endpoint))

    assert service.heard == []
    assert all("*" not in one.removeprefix("*.") for one in SERVICES)


@pytest.mark.parametrize(
    "wrong",
    [{"p256dh": b"\x04" * 65}, {"p256dh": b""}, {"auth": b"short"}, {"endpoint": "http://127.0.0.1:1/" + "x" * 2_000}],
)
async def test_what_no_browser_made_is_refused(service: PushService, wrong: dict[str, bytes]) -> None:
    """A key that is no point, a secret of another length."""
    async with pusher(service) as push:
        with pytest.raises(HaloopError):
            push.require_usable(Device(**{**_fields(service), **wrong}))  # type: ignore[arg-type]  # some are wrong


def _fields(service: PushService) -> dict[str, object]:
    device = service.browser().device
    return {"endpoint": device.endpoint, "p256dh": device.p256dh, "auth": device.auth}
