"""Accounts: those somebody belongs to, what they are called, and how a browser goes from one to another."""

from fastapi import APIRouter, Request, Response

from haloop.api.asking import ByKeeper, ByOwner, ByPerson, In
from haloop.api.browsers import browser_of, welcome
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.identity import Caller, NotAllowed
from haloop.kernel.fact import AccountNamed, LoginLinked, PersonAdded
from haloop.kernel.ids import AccountId
from haloop.kernel.people import Role, plain_roles
from haloop.wire.people import AccountChosen, AccountOut, AccountWanted
from haloop.wire.sessions import SessionOut

router = APIRouter(tags=["accounts"], route_class=Keyed)


@router.get("/api/accounts")
async def list_accounts(house: In, caller: ByPerson) -> list[AccountOut]:
    """The accounts you belong to."""
    return [await _out(house, one, caller) for one in await house.identity.memberships(caller.require_person())]


@router.post("/api/accounts", status_code=201)
async def open_account(house: In, caller: ByKeeper, wanted: AccountWanted) -> AccountOut:
    """Begin another account, of which you are the owner; the word of an owner of the home itself."""
    people = (await house.engine.account(caller.account)).people
    person = people[caller.require_person()]
    account = await house.ledger.open_account(actor=caller.actor)
    named = AccountNamed(sort=wanted.sort.value, name=wanted.name)
    owner = PersonAdded(person=person.id, name=person.name, roles=plain_roles([Role.OWNER]))
    logins = (await house.engine.account(caller.account)).logins
    links = [LoginLinked(person=one, login=login) for login, one in logins.items() if one == person.id]
    for fact in (named, owner, *links):
        await house.engine.record(account, fact, by=caller.actor)
    return await _out(house, Caller(account=account, person=person.id, roles=frozenset({Role.OWNER})), caller)


@router.post("/api/account/name")
async def name_account(house: In, caller: ByOwner, wanted: AccountWanted) -> AccountOut:
    """Say what this account is called, and what sort of owner it is of; an owner's word."""
    fact = AccountNamed(sort=wanted.sort.value, name=wanted.name)
    await house.engine.record(caller.account, fact, by=caller.actor)
    return await _out(house, caller, caller)


@router.post("/api/session/account", status_code=201)
async def switch_account(
    house: In, caller: ByPerson, request: Request, chosen: AccountChosen, answer: Response
) -> SessionOut:
    """Go on in another of your accounts, with a new session; a browser's alone."""
    if not caller.session:
        raise NotAllowed("Only a browser's session goes from one account to another.")
    opened = await house.identity.switch(caller, AccountId(chosen.account), browser=browser_of(request))
    return welcome(request, opened, answer)


async def _out(house: House, member: Caller, caller: Caller) -> AccountOut:
    account = await house.engine.account(member.account)
    return AccountOut(
        id=account.id,
        sort=account.sort,
        name=account.name,
        roles=sorted(member.roles),
        current=account.id == caller.account,
    )
