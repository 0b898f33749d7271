"""Recovery codes: made for an owner, said once, and good once to add a passkey where none is at hand.

Whoever uses one also shows a token or a session, so a paper that is found opens nothing by itself. Passkeys that are
there stay: somebody who stole the code must not be able to lock its owner out, and whoever lost a passkey takes it away
with the new one.
"""

from fastapi import APIRouter

from haloop.api.asking import ByOwner, Here, In
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.api.vouching import Out, ask_to_sign, confirmed_by, passkeys_of
from haloop.identity import Caller, NotAllowed
from haloop.kernel.account import Account
from haloop.kernel.clock import as_text
from haloop.kernel.fact import RecoveryCodeMade
from haloop.kernel.people import Role
from haloop.kernel.recovery_code import RecoveryCode, SpokenCode
from haloop.wire.passkeys import ChallengeOut, PasskeyConfirmed, RecoveryCodeOut, RecoveryCodeSaid

router = APIRouter(tags=["passkeys"], route_class=Keyed)

_MAKING = "a recovery code"  # no passkey can have this for a name


@router.get("/api/recovery-code")
async def show_recovery_code(house: In, caller: ByOwner) -> RecoveryCodeOut:
    """Since when you have one; what it is nobody can say again."""
    known = (await house.engine.account(caller.account)).recovery_codes.get(caller.require_person())
    return RecoveryCodeOut(made_at=None if known is None else as_text(known.made_at))


@router.post("/api/recovery-code/challenge")
async def begin_recovery_code(house: In, here: Here, caller: ByOwner, challenges: Out) -> ChallengeOut:
    """What one of your passkeys has to sign before a code is made."""
    return await ask_to_sign(house, caller, here, challenges.issue(caller, _MAKING))


@router.post("/api/recovery-code", status_code=201)
async def make_recovery_code(
    house: In, here: Here, caller: ByOwner, challenges: Out, confirmed: PasskeyConfirmed
) -> RecoveryCodeSaid:
    """Have a code made, which is said this once; the one before is worth nothing from then on."""
    challenge = challenges.redeem(confirmed.challenge, caller, _MAKING)
    async with challenges.turn:
        account = await house.engine.account(caller.account)
        confirmed_by(passkeys_of(account, caller), challenge, confirmed.assertion, here)
        return RecoveryCodeSaid(recovery_code=await make_code(house, caller))


async def make_code(house: House, caller: Caller) -> str:
    """A new code of whoever is asking, recorded."""
    made = SpokenCode.make()
    fact = RecoveryCodeMade(person=caller.require_person(), salt=made.salt, hash=made.hash())
    await house.engine.record(caller.account, fact, by=caller.actor)
    return made.text


def needs_code(account: Account, caller: Caller) -> bool:
    """Whether somebody who has just added a passkey is an owner without a code."""
    person = account.people.get(caller.require_person())
    return person is not None and Role.OWNER in person.roles and person.id not in account.recovery_codes


def code_spelt(account: Account, caller: Caller, spelt: str) -> RecoveryCode:
    """The code of whoever is asking, if this is it."""
    known = account.recovery_codes.get(caller.require_person())
    if known is None or not known.is_spelt(spelt):
        raise NotAllowed(
            "This is not your recovery code, or it was used already.",
            code="recovery_code.wrong",
            next_step="Look at what you wrote down last; each code is good once, and a new one ends the one before.",
        )
    return known
