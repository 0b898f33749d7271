"""Which passkey says yes to a change of who may do what, and what a browser's answer becomes before it is checked.

A challenge is out once, for one person and one purpose. Where there is a passkey in the home, one of them vouches for
every further one: without that, any program that can read the machine's token could add a passkey of its own, and
nothing would be left that it cannot approve.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from haloop.api.asking import at_once
from haloop.api.house import House
from haloop.identity import Caller, NotAllowed
from haloop.kernel.account import Account, Credential
from haloop.kernel.errors import BadInput, Refused
from haloop.kernel.passkey import ES256, Assertion, Site, base64url, check_assertion, from_base64url
from haloop.kernel.people import Role
from haloop.store.signing import verify_passkey
from haloop.wire.passkeys import ChallengeOut, PasskeyAnswer

CHALLENGE_SECONDS = 300
_CHALLENGES_MAX = 100
_SECOND = 1_000_000
_OF_ONE_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    by: Caller
    purpose: str
    nonce: bytes
    until: int


class Challenges:
    """The challenges that are out: each for one person and one purpose, good once, for a few minutes."""

    def __init__(self, house: House, *, at_most: int = _CHALLENGES_MAX) -> None:
        self._now = house.engine.world.now
        self._at_most = at_most
        self._out: dict[bytes, _Asked] = {}
        self.turn = asyncio.Lock()
        """Held from looking at somebody's passkeys to recording: two first ones at once would confirm neither."""

    def issue(self, by: Caller, purpose: str, *, over: Callable[[bytes], bytes] = bytes) -> bytes:
        """A challenge that nobody can guess: a nonce, or what is made `over` it and all else that is to be signed."""
        theirs = [one for one, asked in self._out.items() if asked.by == by]
        if len(theirs) >= _OF_ONE_MAX:  # nobody throws out what others were asked
            del self._out[theirs[0]]
        elif len(self._out) >= self._at_most:
            del self._out[next(iter(self._out))]
        nonce = secrets.token_bytes(32)
        challenge, until = over(nonce), self._now() + CHALLENGE_SECONDS * _SECOND
        self._out[challenge] = _Asked(by=by, purpose=purpose, nonce=nonce, until=until)
        return challenge

    def redeem(self, challenge: str, by: Caller, purpose: str) -> bytes:
        """Take a challenge back, and hear its nonce; whatever comes of it, it is spent."""
        asked = self._out.pop(from_base64url(challenge), None)
        if asked is None or (asked.by, asked.purpose) != (by, purpose) or self._now() >= asked.until:
            raise Refused(
                "This was not asked for, was used already, or took too long.",
                code="passkey.challenge",
                next_step="Begin again: ask for a new challenge.",
            )
        return asked.nonce


def _challenges_of(request: Request) -> Challenges:
    challenges: Challenges = request.app.state.challenges
    return challenges


Out = Annotated[Challenges, Depends(at_once(_challenges_of))]


async def ask_to_sign(house: House, caller: Caller, here: Site, challenge: bytes) -> ChallengeOut:
    """A challenge that whoever is asking can answer with a passkey of theirs."""
    theirs = passkeys_of(await house.engine.account(caller.account), caller)
    return ChallengeOut(challenge=base64url(challenge), rp_id=here.rp_id, credentials=list(theirs))


async def assertion_of(house: House, caller: Caller, given: str | PasskeyAnswer | None) -> bytes | None:
    """What a passkey answered, in the one form that the engine checks and the ledger keeps."""
    if given is None:
        return None
    if isinstance(given, PasskeyAnswer):
        known = (await house.engine.account(caller.account)).credentials
        return read_assertion(given, known.get(given.credential)).encode()
    try:
        return base64.b64decode(given, validate=True)
    except ValueError as error:
        raise BadInput("A passkey's answer is given in base64.", code="answer.malformed") from error


def read_assertion(given: PasskeyAnswer, known: Credential | None) -> Assertion:
    """What a browser gave, as the answer of this passkey."""
    return Assertion(
        credential=given.credential,
        # One that nobody enrolled is refused for being that, and the refusal recorded; until then it needs a number.
        algorithm=known.key.algorithm if known else ES256,
        authenticator_data=from_base64url(given.authenticator_data),
        client_data=from_base64url(given.client_data),
        signature=from_base64url(given.signature),
        enrolled_at=known.enrolled_at if known else 0,
    )


async def who_vouches(house: House, account: Account, caller: Caller) -> Mapping[str, Credential]:
    """The passkeys of which one must confirm a change: one's own, else an owner's, else one of an owner of the home.

    Where none of them has one, any that is there: as long as there is a passkey, none is added by a token alone.
    """
    home = await house.engine.account(house.identity.owner.account)
    nearest = passkeys_of(account, caller) or _owners(account) or _owners(home)
    return nearest or account.credentials or home.credentials


def require_confirmed(
    vouching: Mapping[str, Credential], challenge: bytes, given: PasskeyAnswer | None, here: Site
) -> None:
    """Where there is a passkey that vouches, it must have answered this challenge."""
    if not vouching:
        return
    if given is None:
        raise _needed(
            "There is a passkey here, and this takes the answer of one:"
            " the machine's token could be shown by any program that runs as you."
        )
    confirmed_by(vouching, challenge, given, here)


def confirmed_by(vouching: Mapping[str, Credential], challenge: bytes, given: PasskeyAnswer, here: Site) -> Assertion:
    """The answer of a passkey that vouches, to this challenge."""
    known = vouching.get(given.credential)
    if known is None:
        raise _needed("This passkey does not vouch for that.")
    asserted = read_assertion(given, known)
    check_assertion(asserted, challenge, known.key, verify_passkey, site=here)
    return asserted


def passkeys_of(account: Account, caller: Caller) -> Mapping[str, Credential]:
    """The passkeys of whoever is asking."""
    return {name: one for name, one in account.credentials.items() if one.person == caller.person}


def _owners(account: Account) -> Mapping[str, Credential]:
    owners = {person.id for person in account.people.values() if Role.OWNER in person.roles}
    return {name: one for name, one in account.credentials.items() if one.person in owners}


def _needed(sentence: str) -> NotAllowed:
    return NotAllowed(
        sentence,
        code="passkey.needed",
        next_step="Answer with yours, or have an owner answer with theirs in this browser.",
    )
