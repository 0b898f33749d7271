"""Who belongs to an account, and which agents may propose in it."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from fastapi import APIRouter, Depends

from haloop.api.asking import By, ByOwner, ByPerson, Here, In, PersonName
from haloop.api.confirming import UNCONFIRMED, begin_confirming, no_agent_changes, require_confirmation
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.api.rates import caller_limited
from haloop.api.vouching import Out, who_vouches
from haloop.identity import Caller
from haloop.kernel.account import Account, Credential
from haloop.kernel.agent import AgentToken, PresentedToken
from haloop.kernel.clock import as_text
from haloop.kernel.confirmation import Confirmation
from haloop.kernel.errors import NotFound, Refused
from haloop.kernel.fact import PersonRemoved, RolesChanged, TokenIssued, TokenRevoked
from haloop.kernel.ids import PersonId
from haloop.kernel.people import Person, Role, may_do_more, plain_roles
from haloop.wire.passkeys import ChallengeOut
from haloop.wire.people import Me, PersonOut, RolesWanted, TokenMade, TokenOut, TokenWanted

router = APIRouter(tags=["people"], route_class=Keyed)

_SECOND = 1_000_000
_ROLES = "roles"


@router.get("/api/me")
async def who_am_i(house: In, caller: By) -> Me:
    """Who is asking, as Haloop knows them."""
    people = (await house.engine.account(caller.account)).people
    person = None if caller.person is None else people.get(caller.person)
    return Me(
        account=caller.account,
        person=caller.person,
        agent=caller.agent,
        name=person.name if person else caller.agent or "",
        roles=sorted(person.roles) if person else [],
    )


@router.get("/api/people")
async def list_people(house: In, caller: ByPerson) -> list[PersonOut]:
    """Everybody in the account."""
    account = await house.engine.account(caller.account)
    return [_person_out(account, one) for one in account.people.values()]


@router.post("/api/people/{person}/roles/challenge")
async def begin_changing_roles(
    house: In, here: Here, caller: ByOwner, challenges: Out, person: PersonName, wanted: RolesWanted
) -> ChallengeOut:
    """What a passkey has to sign to confirm exactly these roles; where it names none, they take none."""
    account = await house.engine.account(caller.account)
    _require_owner_left(account, person, with_roles=frozenset(wanted.roles))
    vouching: Mapping[str, Credential] = {}
    if may_do_more(account.people[person].roles, wanted.roles):
        vouching = await who_vouches(house, account, caller)
    return begin_confirming(here, caller, challenges, _confirmation(caller, person, wanted), vouching)


@router.post(
    "/api/people/{person}/roles",
    dependencies=[Depends(caller_limited(lambda rates: rates.decisions)), Depends(no_agent_changes(_ROLES))],
)
async def change_roles(
    house: In, here: Here, caller: ByOwner, challenges: Out, person: PersonName, wanted: RolesWanted
) -> PersonOut:
    """Say what somebody may do from now on; an owner's word, and where it is more, a passkey's. An owner stays."""
    async with house.turn, challenges.turn:
        account, yes = await house.engine.account(caller.account), UNCONFIRMED
        _require_owner_left(account, person, with_roles=frozenset(wanted.roles))
        if Role.OWNER not in wanted.roles and _vouches(account, person):
            raise _passkeys_first("An owner's passkeys vouch for others'")
        if may_do_more(account.people[person].roles, wanted.roles):
            vouching = await who_vouches(house, account, caller)
            asked = _confirmation(caller, person, wanted)
            yes = await require_confirmation(house, here, caller, challenges, asked, vouching, wanted.confirmed)
        fact = RolesChanged(person=person, roles=plain_roles(wanted.roles), asked=yes.asked, assertion=yes.assertion)
        await house.engine.record(caller.account, fact, by=caller.actor)
    return _person_out(account, account.people[person])


@router.delete("/api/people/{person}", status_code=204)
async def remove_person(house: In, caller: ByOwner, person: PersonName) -> None:
    """Take somebody without passkeys out of the account: their sessions end with it. An owner's word."""
    async with house.turn:
        account = await house.engine.account(caller.account)
        _require_owner_left(account, person, with_roles=frozenset())
        if any(one.person == person for one in account.credentials.values()):
            raise _passkeys_first("They have passkeys")
        await house.engine.record(caller.account, PersonRemoved(person=person), by=caller.actor)


def _confirmation(caller: Caller, person: PersonId, wanted: RolesWanted) -> Confirmation:
    said = {"person": person, "roles": [*plain_roles(wanted.roles)]}
    return Confirmation(sort=_ROLES, account=caller.account, by=caller.require_person(), change=said)


def _vouches(account: Account, person: PersonId) -> bool:
    is_owner = person in account.people and Role.OWNER in account.people[person].roles
    return is_owner and any(one.person == person for one in account.credentials.values())


def _passkeys_first(sentence: str) -> Refused:
    return Refused(
        f"{sentence}, and those are taken away first, each confirmed with a passkey.",
        code="people.passkeys",
        next_step="Take their passkeys away on the page, then do it again.",
    )


@router.get("/api/tokens")
async def list_tokens(house: In, caller: ByPerson) -> list[TokenOut]:
    """The agents' tokens that have not been revoked."""
    return [_token_out(one) for one in (await house.engine.account(caller.account)).tokens.values()]


@router.post("/api/tokens", status_code=201)
async def issue_token(house: In, caller: ByOwner, wanted: TokenWanted) -> TokenMade:
    """Let an agent propose, under a token that is said this once; an owner's word."""
    (await house.engine.account(caller.account)).require_going()
    made = PresentedToken.make(caller.account)
    expires_at = house.engine.world.now() + int(timedelta(days=wanted.days).total_seconds()) * _SECOND
    desks = None if wanted.desks is None else sorted({*wanted.desks})
    _require_desks(house, desks or ())
    known = AgentToken(
        id=made.id,
        agent=wanted.agent,
        hash=made.hash(),
        expires_at=expires_at,
        desks=None if desks is None else frozenset(desks),
    )
    fact = TokenIssued(token=known.id, agent=known.agent, hash=known.hash, expires_at=known.expires_at, desks=desks)
    await house.engine.record(caller.account, fact, by=caller.actor)
    return TokenMade(**_token_out(known).model_dump(), token=made.spell())


@router.delete("/api/tokens/{token}", status_code=204)
async def revoke_token(house: In, caller: ByOwner, token: str) -> None:
    """Take a token back; nothing more is proposed under it. An owner's word."""
    if token not in (await house.engine.account(caller.account)).tokens:
        raise NotFound("There is no such token.", code="token.unknown")
    await house.engine.record(caller.account, TokenRevoked(token=token), by=caller.actor)


def _require_desks(house: House, desks: Collection[str]) -> None:
    unknown = {*desks} - {desk.name for desk in house.desks}
    if unknown:
        known = ", ".join(desk.name for desk in house.desks)
        raise NotFound(
            f"There is no desk {min(unknown)}.", code="desk.unknown", next_step=f"Name some of these: {known}."
        )


def _require_owner_left(account: Account, person: PersonId, *, with_roles: Collection[Role]) -> None:
    """Somebody of the account, without whom it would still have an owner."""
    if person not in account.people:
        raise NotFound("There is no such person in this account.", code="people.unknown")
    others = [one for one in account.people.values() if one.id != person and Role.OWNER in one.roles]
    if Role.OWNER not in with_roles and not others:
        raise Refused(
            "An account always has an owner, and this is the last.",
            code="people.last_owner",
            next_step="Make somebody else an owner first.",
        )


def _person_out(account: Account, one: Person) -> PersonOut:
    keys = [credential for credential in account.credentials.values() if credential.person == one.id]
    return PersonOut(id=one.id, name=one.name, roles=sorted(one.roles), passkeys=len(keys))


def _token_out(known: AgentToken) -> TokenOut:
    desks = None if known.desks is None else sorted(known.desks)
    return TokenOut(id=known.id, agent=known.agent, expires_at=as_text(known.expires_at), desks=desks)
