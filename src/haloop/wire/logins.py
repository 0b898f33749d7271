"""Coming in, as it goes over the wire."""

from pydantic import BaseModel, Field

from haloop.wire.passkeys import Base64Url, PasskeyAnswer


class WaysIn(BaseModel, frozen=True):
    """How whoever opens the page may come in."""

    elsewhere: bool
    """Whether the page was opened from beyond the machine itself."""
    issuer: bool
    """By logging in at the house's issuer."""
    passkey: bool


class LoginWanted(BaseModel, extra="forbid", strict=True):
    key: str = Field(default="", max_length=100)
    """One that is good for one visit: the login becomes a way in for whoever it is for."""
    invitation: str = Field(default="", max_length=200)
    again: bool = False
    """Have even somebody whom the issuer knows show who they are."""


class LoginBegun(BaseModel, frozen=True):
    address: str
    """Where the browser goes now."""


class PasskeyAsked(BaseModel, frozen=True):
    """What a passkey signs to come in; the browser offers those it has for this site."""

    challenge: str
    rp_id: str


class PasskeyShown(BaseModel, extra="forbid", strict=True):
    challenge: Base64Url = Field(max_length=200)
    assertion: PasskeyAnswer
    again: bool = False
    """Whoever is known in this browser shows again who they are: nobody else's passkey counts."""


class LinkedLogin(BaseModel, frozen=True):
    """A login from elsewhere by which somebody comes in."""

    id: str
    """The hash of its issuer and of the issuer's name for them."""
    person: str
