"""Invitations: an owner lets somebody in, once, within days."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from haloop.api.asking import At, ByOwner, Here, In, known_here, same_site
from haloop.api.browsers import browser_of, welcome
from haloop.api.confirming import UNCONFIRMED, begin_confirming, confirmed
from haloop.api.once import Keyed
from haloop.api.rates import visits_limited
from haloop.api.vouching import Out, who_vouches
from haloop.identity import Caller, NotAllowed
from haloop.kernel.canonical import Canonical
from haloop.kernel.clock import as_text
from haloop.kernel.confirmation import Confirmation
from haloop.kernel.errors import NotFound
from haloop.kernel.fact import InvitationMade, InvitationWithdrawn
from haloop.kernel.invitation import Invitation, PresentedInvitation
from haloop.kernel.people import plain_roles
from haloop.wire.passkeys import ChallengeOut
from haloop.wire.people import InvitationOut, InvitationSent, InvitationShown, InvitationWanted
from haloop.wire.sessions import SessionOut

router = APIRouter(tags=["invitations"], route_class=Keyed)

InvitationName = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]

_SECOND = 1_000_000


@router.get("/api/invitations")
async def list_invitations(house: In, caller: ByOwner) -> list[InvitationOut]:
    """The invitations that may still be redeemed."""
    known = (await house.engine.account(caller.account)).invitations.values()
    return [_out(one) for one in known if house.engine.world.now() < one.expires_at]


@router.post("/api/invitation/challenge")
async def begin_inviting(
    house: In, here: Here, caller: ByOwner, challenges: Out, wanted: InvitationWanted
) -> ChallengeOut:
    """What a passkey has to sign to confirm exactly this invitation, once, within a few minutes.

    It is one of yours, or an owner's where you have none; where it names none there is none to ask.
    """
    vouching = await who_vouches(house, await house.engine.account(caller.account), caller)
    return begin_confirming(here, caller, challenges, _confirmation(caller, wanted), vouching)


@router.post("/api/invitations", status_code=201)
async def invite_person(
    house: In, place: At, here: Here, caller: ByOwner, challenges: Out, wanted: InvitationWanted
) -> InvitationSent:
    """Let somebody into the account, in these roles, by an address that is said this once; an owner's word.

    Where a passkey confirmed it, whoever comes adds their first passkey alone, as long as the invitation would have
    been good; otherwise that takes an owner's.
    """
    made = PresentedInvitation.make(caller.account)
    async with challenges.turn:
        yes = UNCONFIRMED
        if wanted.confirmed is not None:
            vouching = await who_vouches(house, await house.engine.account(caller.account), caller)
            asked = _confirmation(caller, wanted)
            yes = confirmed(here, caller, challenges, asked, vouching, wanted.confirmed)
        fact = InvitationMade(
            invitation=made.id,
            hash=made.hash(),
            name=wanted.name,
            roles=plain_roles(wanted.roles),
            by=caller.require_person(),
            expires_at=house.engine.world.now() + int(timedelta(days=wanted.days).total_seconds()) * _SECOND,
            asked=yes.asked,
            assertion=yes.assertion,
        )
        await house.engine.record(caller.account, fact, by=caller.actor)
    known = (await house.engine.account(caller.account)).invitations[made.id]
    spelt = made.spell()
    return InvitationSent(
        **_out(known).model_dump(),
        invitation=spelt,
        address=f"{house.public_address or place.address}/#invitation={spelt}",
    )


@router.delete("/api/invitations/{invitation}", status_code=204)
async def withdraw_invitation(house: In, caller: ByOwner, invitation: InvitationName) -> None:
    """Take an invitation back before it is redeemed; an owner's word."""
    if invitation not in (await house.engine.account(caller.account)).invitations:
        raise NotFound("There is no such invitation.", code="invitation.unknown")
    await house.engine.record(caller.account, InvitationWithdrawn(invitation=invitation), by=caller.actor)


@router.post("/api/redemptions", status_code=201, dependencies=[Depends(same_site), Depends(visits_limited)])
async def redeem_invitation(
    house: In, place: At, request: Request, shown: InvitationShown, answer: Response
) -> SessionOut:
    """Come into the account you were invited to, with a session: as somebody new, or as whom this browser knows.

    From elsewhere that goes by a login instead, which the invitation is shown to.
    """
    known = await known_here(request)
    if place.is_beyond:
        raise NotAllowed("From here an invitation takes a login.", code="login.needed", next_step="Begin a login.")
    invited = await house.identity.invited(shown.invitation)
    caller = await house.identity.join(invited, person=known.person if known else None)
    return welcome(request, house.identity.begin(caller, browser=browser_of(request)), answer)


def _confirmation(caller: Caller, wanted: InvitationWanted) -> Confirmation:
    said: dict[str, Canonical] = {"days": wanted.days, "name": wanted.name, "roles": [*plain_roles(wanted.roles)]}
    return Confirmation(sort="invitation", account=caller.account, by=caller.require_person(), change=said)


def _out(one: Invitation) -> InvitationOut:
    return InvitationOut(
        id=one.id,
        name=one.name,
        roles=sorted(one.roles),
        by=one.by,
        expires_at=as_text(one.expires_at),
        confirmed=one.confirmed,
    )
