"""How people want to be told, and their devices, as they go over the wire."""

from pydantic import BaseModel, Field

from haloop.wire.passkeys import Base64Url

_TIME = r"^(|([01][0-9]|2[0-3]):[0-5][0-9])$"


class NoticesWanted(BaseModel, extra="forbid", strict=True):
    """How a person wants to be told; all of it, as it is from now on."""

    address: str = Field(default="", max_length=254)
    """Where mail goes."""
    mail: bool = False
    push: bool = True
    """To the devices that were subscribed."""
    zone: str = Field(default="UTC", min_length=1, max_length=60)
    quiet_from: str = Field(default="", pattern=_TIME)
    quiet_to: str = Field(default="", pattern=_TIME)
    digest_at: str = Field(default="", pattern=_TIME)
    """When the daily digest comes, by mail; empty: it does not."""


class NoticesOut(BaseModel, frozen=True):
    """How a person wants to be told, and whether this Haloop can."""

    wanted: NoticesWanted
    by_mail: bool
    """Whether a mail server is set; to devices it can always."""
    write_to: str | None = None
    """Where they ask by mail, from their own address and no other; a secret of theirs. None where they cannot."""


class TriedOut(BaseModel, frozen=True):
    """How it went to tell somebody something, one way."""

    channel: str
    device: str | None
    told: bool
    code: str
    sentence: str
    next_step: str


class SubscriptionKeys(BaseModel, extra="forbid", strict=True):
    """The device's half of the encryption."""

    p256dh: Base64Url = Field(min_length=80, max_length=100)
    auth: Base64Url = Field(min_length=20, max_length=24)


class Subscription(BaseModel, extra="ignore", strict=True):
    """What a browser's `PushSubscription.toJSON()` says; what else it says is not kept."""

    endpoint: str = Field(min_length=1, max_length=2_000)
    keys: SubscriptionKeys
    instead_of: str | None = Field(default=None, pattern="^[0-9a-f]{16}$")
    """The device that this browser was until it subscribed anew by itself; one that was taken away stays so."""


class DeviceOut(BaseModel, frozen=True):
    """A device that is told."""

    id: str
    service: str
    """The push service it is reached through."""
    added_at: str


class DevicesOut(BaseModel, frozen=True):
    """Your devices, and what a browser needs in order to become one."""

    application_server_key: str
    devices: list[DeviceOut]


class TellingOut(BaseModel, frozen=True):
    """Whether the people of the account are told what they should be."""

    by_mail: bool
    """Whether a mail server is set."""
    late: int
    """So much was not told when it was time, and is tried again."""
    given_up: int
    problem: str | None
    """What went wrong last."""
