"""Passkeys as they go over the wire: what a browser is asked to sign, and what it gives back, in its base64url."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

Base64Url = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class PasskeyAnswer(BaseModel, extra="forbid", strict=True):
    """What `navigator.credentials.get` gave."""

    credential: Base64Url = Field(max_length=1_400)
    authenticator_data: Base64Url = Field(max_length=2_000)
    client_data: Base64Url = Field(max_length=4_000)
    signature: Base64Url = Field(max_length=1_000)


class ChallengeOut(BaseModel, frozen=True):
    """What a passkey is asked to sign."""

    challenge: str
    rp_id: str
    """The name of the site whose passkeys may."""
    credentials: list[str]
    """The passkeys that will do."""


class PasskeyOptions(BaseModel, frozen=True):
    """What a browser needs to make a passkey."""

    creation: dict[str, Any]
    """For `PublicKeyCredential.parseCreationOptionsFromJSON`."""
    confirm: ChallengeOut | None
    """What a passkey that is here already has to sign for that; nothing while there is none."""


class PasskeyMade(BaseModel, extra="forbid", strict=True):
    """What `navigator.credentials.create` gave."""

    challenge: Base64Url = Field(max_length=200)
    """The one that the options named."""
    credential: Base64Url = Field(max_length=1_400)
    client_data: Base64Url = Field(max_length=4_000)
    attestation: Base64Url = Field(max_length=16_000)
    assertion: PasskeyAnswer | None = None
    """The answer of a passkey that was here before."""
    recovery_code: str | None = Field(default=None, min_length=1, max_length=100)
    """What you wrote down, where no passkey is at hand."""


class PasskeyConfirmed(BaseModel, extra="forbid", strict=True):
    """One of somebody's passkeys says yes to what was asked for."""

    challenge: Base64Url = Field(max_length=200)
    assertion: PasskeyAnswer


class PasskeyOut(BaseModel, frozen=True):
    credential: str
    algorithm: str
    added_at: str


class PasskeyAdded(PasskeyOut, frozen=True):
    recovery_code: str | None
    """An owner's, who had none: the only time it is said."""


class RecoveryCodeSaid(BaseModel, frozen=True):
    """The only time it is said."""

    recovery_code: str


class RecoveryCodeOut(BaseModel, frozen=True):
    made_at: str | None
    """None where you have none."""
