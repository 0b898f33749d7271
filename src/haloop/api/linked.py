"""Linked logins: by which logins from elsewhere people come in, and how one is taken away."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from haloop.api.asking import ByPerson, In, fresh
from haloop.api.house import House
from haloop.identity import Caller
from haloop.kernel.errors import Conflict, NotFound
from haloop.kernel.fact import LoginUnlinked
from haloop.kernel.ids import AccountId, PersonId
from haloop.kernel.people import Role
from haloop.wire.logins import LinkedLogin

router = APIRouter(tags=["logins"])

LoginName = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/api/logins")
async def list_logins(house: In, caller: ByPerson) -> list[LinkedLogin]:
    """Your own; as an owner, everybody's in the account."""
    known = (await house.engine.account(caller.account)).logins.items()
    return [LinkedLogin(id=login, person=one) for login, one in known if _may_see(caller, one)]


@router.delete("/api/logins/{login}", status_code=204, dependencies=[Depends(fresh)])
async def unlink_login(house: In, caller: ByPerson, login: LoginName) -> None:
    """Take a login away, your own in all your accounts, or as an owner anybody's; their sessions from elsewhere end.

    An owner takes away what is linked in this account alone; where it is another account's too, it would let the same
    person in here all the same.
    """
    async with house.turn:
        person = (await house.engine.account(caller.account)).logins.get(login)
        if person is None or not _may_see(caller, person):
            raise NotFound("There is no such login.", code="login.absent", next_step="Look at the list of logins.")
        linked = await _linked_in(house, person, login)
        if person != caller.person and linked != [caller.account]:
            raise Conflict(
                "It is linked in another account of theirs too, where only they can take it away.",
                code="login.elsewhere",
                next_step="Have them take it away, or take them out of this account.",
            )
        for account in linked:
            await house.engine.record(account, LoginUnlinked(person=person, login=login), by=caller.actor)
    house.identity.end_from_elsewhere(person, but=caller)


async def _linked_in(house: House, person: PersonId, login: str) -> list[AccountId]:
    members = await house.identity.memberships(person)
    return [one.account for one in members if login in (await house.engine.account(one.account)).logins]


def _may_see(caller: Caller, person: PersonId) -> bool:
    return person == caller.person or Role.OWNER in caller.roles
