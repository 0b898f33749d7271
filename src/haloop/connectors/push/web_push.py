"""Web Push: a few words to a browser, through the push service of whoever made it.

The service's address came from a browser, so it goes the way out that knows the services there are. What is sent is
encrypted for the device; the service sees only when, how long and how urgent. A device that is gone says so.
"""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec

from haloop.connectors.egress import Blocked, TooMuch, Way, require_reachable
from haloop.connectors.push.encryption import device_key, encrypted, public_point, vapid
from haloop.kernel import canonical
from haloop.kernel.errors import BadInput
from haloop.kernel.notice import NoticeKind
from haloop.ports.notifier import Device, NeverTold, Notice, NotTold, PlaceGone

SERVICES = frozenset(
    {
        "fcm.googleapis.com",  # Chromium and its kin
        "*.push.services.mozilla.com",
        "*.notify.windows.com",
        "*.push.apple.com",
    }
)
ENDPOINT_LENGTH_MAX = 2_000
AUTH_BYTES = 16

_KEPT_SECONDS_MAX = 86_400
"""A service keeps a message no longer for a device that is off."""
_SIGNED_SECONDS = 43_200
"""Half of what a service accepts at most."""
_SECOND = 1_000_000
_NOT_URGENT = frozenset({NoticeKind.DIGEST, NoticeKind.OVER})
_TAKEN = frozenset({200, 201, 202, 204})
_GONE = frozenset({404, 410})
_LATER = frozenset({408, 425, 429})
_SERVER = 500
_RETRY_SECONDS_MAX = int(timedelta(hours=1).total_seconds())


def push_way(near: frozenset[str] = frozenset()) -> Way:
    """Where messages to devices may go."""
    return Way(purpose="web push", hosts=SERVICES, near=near, bytes_max=65_536, seconds_max=15.0)


class WebPush:
    """Tells people on their devices."""

    def __init__(self, http: httpx2.AsyncClient, way: Way, *, key: ec.EllipticCurvePrivateKey, contact: str) -> None:
        """`http` goes that way; `contact` is whom a push service may write to."""
        self._http = http
        self._way = way
        self._key = key
        self._contact = contact

    @property
    def public_key(self) -> bytes:
        """What a browser needs in order to subscribe."""
        return public_point(self._key)

    def require_usable(self, device: Device) -> None:
        """Raise where nothing could be sent to such a device."""
        if len(device.endpoint) > ENDPOINT_LENGTH_MAX or len(device.auth) != AUTH_BYTES:
            raise _unusable("its address or its secret has a length that none has")
        try:
            device_key(device.p256dh)
        except ValueError as error:
            raise _unusable("its key is none") from error
        require_reachable(self._way, device.endpoint)

    async def tell(self, place: Device, notice: Notice) -> None:
        """Hand one message to the device's push service."""
        body = encrypted(_message(notice), p256dh=place.p256dh, auth=place.auth)
        try:
            answer = await self._http.post(place.endpoint, content=body, headers=self._headers(place, notice))
        except (Blocked, httpx2.InvalidURL) as error:
            raise NeverTold("This device's push service is none that may be called.") from error
        except (httpx2.TransportError, TooMuch) as error:
            raise NotTold(
                f"The push service cannot be reached ({type(error).__name__}).", code="push.unreachable"
            ) from error
        _require_taken(answer)

    def _headers(self, place: Device, notice: Notice) -> dict[str, str]:
        now = notice.at // _SECOND
        keep = _KEPT_SECONDS_MAX if notice.until is None else (notice.until - notice.at) // _SECOND
        parts = urlsplit(place.endpoint)
        signed = vapid(
            self._key,
            audience=f"{parts.scheme}://{parts.netloc}",
            contact=self._contact,
            expires_at=now + _SIGNED_SECONDS,
        )
        return {
            "Authorization": signed,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(min(max(keep, 0), _KEPT_SECONDS_MAX)),
            "Topic": notice.id,  # the same notice again takes the first one's place
            "Urgency": "normal" if notice.kind in _NOT_URGENT else "high",
        }


def _message(notice: Notice) -> bytes:
    return canonical.encode(
        {
            "checkpoint": notice.checkpoint,
            "id": notice.id,
            "kind": str(notice.kind),
            "link": notice.link,
            "revision": notice.revision,
            "title": notice.title,
        }
    )


def _require_taken(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in _TAKEN:
        return
    if status in _GONE:
        raise PlaceGone("The device's subscription is over.")
    if status in _LATER or status >= _SERVER:
        raise NotTold(
            f"The push service does not take this now ({status}).", code="push.refused", after_seconds=_wait(answer)
        )
    raise NeverTold(
        f"The push service refuses this ({status}).",
        next_step="Take the device away with haloop notices forget, and subscribe it again.",
    )


def _wait(answer: httpx2.Response) -> int:
    said = answer.headers.get("retry-after", "")
    return min(int(said), _RETRY_SECONDS_MAX) if said.isdecimal() and said.isascii() and len(said) < 9 else 0


def _unusable(why: str) -> BadInput:
    return BadInput(
        f"This is no browser's subscription: {why}.",
        code="device.bad",
        next_step="Subscribe again in the browser, with Haloop's own key.",
    )
