"""Giving, taking back and suspending grants.

A grant is given like any other effect, after a yes to a draft that shows it: the desk `grants` has the one
procedure for it, and behind the kernel's own port stands the account's chain of facts. Taking one back needs no
gate. Whatever is charged above its draft suspends all of an account's grants.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

from haloop.kernel.account import Account
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.errors import AnswerRefused, BadInput, ClaimTaken, NotFound
from haloop.kernel.fact import GrantGiven, GrantSuspended
from haloop.kernel.gate import Approved
from haloop.kernel.grant import Grant, GrantGivenTo, Grants, GrantTerms
from haloop.kernel.ids import PersonId, account_id
from haloop.kernel.operation import Call, NotDone, Why, effect, idempotent
from haloop.kernel.people import Role
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run

Record = Callable[..., Awaitable[Any]]


class GrantDraft(Draft):
    """A grant, for a person to read before they give it."""

    grants: ClassVar[bool] = False

    terms: GrantTerms
    give: Effect[GrantGivenTo]


@procedure(version=1)
async def give_grant(run: Run, terms: GrantTerms) -> Receipt[GrantGivenTo] | NotDone | Ended:
    """Ask a person for a standing yes. Anybody may ask; a grant never answers."""
    try:
        Grant.of("", terms)
    except BadInput as error:
        return Ended(code=error.code, reason=error.sentence)
    yes = await run.gate(GrantDraft(terms=terms, give=Effect.of(Grants.give, terms)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.give)


def grants_desk() -> Desk:
    """The desk that every engine has."""
    return Desk("grants", procedures=[give_grant])


class LedgerGrants:
    """Grants live in the account's own chain."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @effect(recovery=idempotent(for_=timedelta(days=365)))
    async def give(self, terms: GrantTerms, call: Call) -> GrantGivenTo | NotDone:
        """Record the grant; the key is its claim, so the same yes gives it once."""
        name = f"grant_{call.key[:32]}"
        try:
            Grant.of(name, terms)
        except BadInput as error:
            return NotDone(why=Why.DECLINED, code=error.code, sentence=error.sentence)
        fact = GrantGiven(grant=name, terms=terms.model_dump(mode="json"), by=list(call.by))
        claim = bytes.fromhex(call.key.ljust(64, "0"))
        with suppress(ClaimTaken):
            await self._record(account_id(call.account), fact, by="kernel", claim=claim)
        return GrantGivenTo(grant=name)


def grants_connector(record: Record) -> Connector:
    """What stands behind the port of grants."""
    return Connector(port=Grants, speaks=LedgerGrants(record), name="ledger", leaves=False)


def require_revocable(account: Account, grant: str, person: PersonId) -> None:
    """An owner takes back any grant, and whoever gave it takes back theirs."""
    if grant not in account.grants:
        raise NotFound(f"There is no grant {grant[:60]!r}.", code="grant.unknown")
    known = account.people.get(person)
    if known is None or not (Role.OWNER in known.roles or known.actor in account.grants[grant].by):
        raise AnswerRefused("An owner, or whoever gave the grant, takes it back.", code="answer.not_allowed")


def suspensions(account: Account) -> list[GrantSuspended]:
    """What is still to be recorded of grants that stopped because something cost more than was approved."""
    why = "Something cost more than its draft allowed."
    return [GrantSuspended(grant=grant, sentence=why) for grant in sorted(account.suspended_silently)]
