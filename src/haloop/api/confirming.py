"""A passkey's yes to exactly one change: asked for, checked, and kept beside the change in the ledger.

Who may do what, and how much may be spent, is an owner's word; but any program that reads the machine's token can give
that. So a passkey confirms what lets more happen, and who tried without one stands in the ledger.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from haloop.api.asking import By, In
from haloop.api.house import House
from haloop.api.vouching import Challenges, confirmed_by, require_confirmed
from haloop.identity import Caller, NotAllowed
from haloop.kernel.account import Credential
from haloop.kernel.confirmation import Confirmation, challenge
from haloop.kernel.errors import BadInput, Refused
from haloop.kernel.fact import ChangeTurnedAway
from haloop.kernel.passkey import Site, base64url
from haloop.wire.passkeys import ChallengeOut, PasskeyConfirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What a passkey said yes to, and its answer, as the ledger keeps them."""

    asked: bytes | None = None
    assertion: bytes | None = None


UNCONFIRMED = Confirmed()


def begin_confirming(
    here: Site, caller: Caller, challenges: Challenges, wanted: Confirmation, vouching: Mapping[str, Credential]
) -> ChallengeOut:
    """What one of these passkeys has to sign to confirm exactly this; where there is none, there is none to ask."""
    asked = challenges.issue(
        caller, _purpose(wanted), over=lambda nonce: challenge(wanted.sort, wanted.asked(base64url(nonce)))
    )
    return ChallengeOut(challenge=base64url(asked), rp_id=here.rp_id, credentials=list(vouching))


def confirmed(
    here: Site,
    caller: Caller,
    challenges: Challenges,
    wanted: Confirmation,
    vouching: Mapping[str, Credential],
    given: PasskeyConfirmed,
) -> Confirmed:
    """What a passkey said to this change."""
    asked = wanted.asked(base64url(challenges.redeem(given.challenge, caller, _purpose(wanted))))
    assertion = confirmed_by(vouching, challenge(wanted.sort, asked), given.assertion, here)
    return Confirmed(asked=asked, assertion=assertion.encode())


async def require_confirmation(
    house: House,
    here: Site,
    caller: Caller,
    challenges: Challenges,
    wanted: Confirmation,
    vouching: Mapping[str, Credential],
    given: PasskeyConfirmed | None,
) -> Confirmed:
    """The yes of a passkey that vouches, where there is one; whoever has none is refused, and that is recorded."""
    try:
        if given is None:
            require_confirmed(vouching, b"", None, here)
            return UNCONFIRMED
        return confirmed(here, caller, challenges, wanted, vouching, given)
    except (BadInput, Refused) as refusal:
        await _turn_away(house, caller, wanted.sort, refusal)


def no_agent_changes(sort: str) -> Callable[..., Awaitable[None]]:
    """For a route: an agent that tries it is refused, and that stands in the ledger."""

    async def turned_away(house: In, caller: By) -> None:
        try:
            caller.require_person()
        except NotAllowed as refusal:
            await _turn_away(house, caller, sort, refusal)

    return turned_away


async def _turn_away(house: House, caller: Caller, sort: str, refusal: BadInput | Refused) -> NoReturn:
    fact = ChangeTurnedAway(change=sort, code=refusal.code, sentence=refusal.sentence)
    await house.engine.record(caller.account, fact, by=caller.actor)
    raise refusal


def _purpose(wanted: Confirmation) -> str:
    return f"confirming {wanted.sort}"  # no passkey can have this for a name
