"""The account's rules: what each yes takes beyond the built-in rule, and how much is spent at most.

An owner sets them, all at once. What makes them stricter is done at once; what makes them looser takes a passkey's yes
to exactly that, and every owner is told.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from fastapi import APIRouter, Depends

from haloop.api.asking import ByOwner, ByPerson, Here, In
from haloop.api.confirming import UNCONFIRMED, begin_confirming, no_agent_changes, require_confirmation
from haloop.api.once import Keyed
from haloop.api.rates import caller_limited
from haloop.api.vouching import Out, who_vouches
from haloop.identity import Caller
from haloop.kernel import values
from haloop.kernel.account import Account, Credential
from haloop.kernel.confirmation import Confirmation
from haloop.kernel.errors import BadInput, Conflict, Refused
from haloop.kernel.fact import RulesSet
from haloop.kernel.money import Money
from haloop.kernel.people import Proof
from haloop.kernel.policy import Ceiling
from haloop.kernel.rules import Rules
from haloop.wire.passkeys import ChallengeOut
from haloop.wire.rules import CeilingOut, NeedSaid, RulesOut, RulesWanted

router = APIRouter(tags=["rules"], route_class=Keyed)

_SORT = "rules"


@router.get("/api/rules")
async def show_rules(house: In, caller: ByPerson) -> RulesOut:
    """The rules of the account that people set; what is used up of the ceilings, `/api/budgets` says."""
    return _out((await house.engine.account(caller.account)).rules)


@router.post("/api/rules/challenge")
async def begin_setting_rules(
    house: In, here: Here, caller: ByOwner, challenges: Out, wanted: RulesWanted
) -> ChallengeOut:
    """What a passkey has to sign to confirm exactly these rules; where it names none, they take none."""
    account = await house.engine.account(caller.account)
    rules = _wanted(account, wanted)
    vouching: Mapping[str, Credential] = {}
    if rules.is_looser_than(account.rules):
        vouching = await who_vouches(house, account, caller)
    return begin_confirming(here, caller, challenges, _confirmation(caller, rules), vouching)


@router.post(
    "/api/rules",
    dependencies=[Depends(caller_limited(lambda rates: rates.decisions)), Depends(no_agent_changes(_SORT))],
)
async def set_rules(house: In, here: Here, caller: ByOwner, challenges: Out, wanted: RulesWanted) -> RulesOut:
    """Say what the rules are from now on, all of them; an owner's word, and where they are looser, a passkey's."""
    async with challenges.turn:
        account = await house.engine.account(caller.account)
        rules = _wanted(account, wanted)
        is_looser, yes = rules.is_looser_than(account.rules), UNCONFIRMED
        if is_looser:
            vouching = await who_vouches(house, account, caller)
            asked = _confirmation(caller, rules)
            yes = await require_confirmation(house, here, caller, challenges, asked, vouching, wanted.confirmed)
        if rules != account.rules:
            fact = RulesSet(**rules.as_plain(), is_looser=is_looser, asked=yes.asked, assertion=yes.assertion)
            await house.engine.record(caller.account, fact, by=caller.actor)
    return _out(account.rules)


def _wanted(account: Account, wanted: RulesWanted) -> Rules:
    """The rules that are wanted, of which somebody knows which ones they replace."""
    if wanted.instead_of != _version(account.rules):
        raise Conflict(
            "The rules were changed meanwhile.", code="rules.changed", next_step="Look at them, and set them anew."
        )
    ceilings = tuple(
        Ceiling(
            amount=Money(minor=one.amount.minor, currency=one.amount.currency), window=timedelta(days=one.window_days)
        )
        for one in wanted.ceilings
    )
    _require_once(ceilings)
    proof = Proof.PASSKEY if wanted.need.passkey else Proof.TOKEN
    need = replace(account.need, count=wanted.need.count, proof=proof, separation=wanted.need.separation)
    able = sum(1 for person in account.people.values() if person.roles & need.widest())
    if able < need.count:
        raise Refused(
            f"These would take {need.count} people for each yes, and {able} may give one.",
            code="rules.too_few",
            next_step="Ask for fewer, or let more people decide first.",
        )
    return Rules(need=need, ceilings=ceilings)


def _require_once(ceilings: tuple[Ceiling, ...]) -> None:
    if len({(one.amount.currency, one.window) for one in ceilings}) < len(ceilings):
        raise BadInput(
            "Two ceilings are in the same currency and for the same days.",
            code="rules.twice",
            next_step="Keep the lower one.",
        )


def _confirmation(caller: Caller, rules: Rules) -> Confirmation:
    return Confirmation(sort=_SORT, account=caller.account, by=caller.require_person(), change=rules.as_plain())


def _version(rules: Rules) -> str:
    return values.digest(["haloop/rules/1", rules.as_plain()])


def _out(rules: Rules) -> RulesOut:
    need = rules.need
    return RulesOut(
        need=NeedSaid(count=need.count, passkey=need.proof is Proof.PASSKEY, separation=need.separation),
        ceilings=[CeilingOut(amount=one.amount, window_days=one.window.days) for one in rules.ceilings],
        version=_version(rules),
    )
