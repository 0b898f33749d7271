"""Policy by itself: no rule and no approver mean no, a grant covers what its terms name, and caps bind everybody."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.draft import NamedEffect
from haloop.kernel.gate import Need
from haloop.kernel.grant import GIVE, Grant
from haloop.kernel.ids import PersonId
from haloop.kernel.money import Money
from haloop.kernel.people import Person, Proof, Role
from haloop.kernel.policy import Allow, Ask, Ceiling, Deny, Facts, Spent, decide, total

ANA = Person(id=PersonId(f"per_{'a' * 32}"), name="Ana", roles=frozenset({Role.OWNER}))
BO = Person(id=PersonId(f"per_{'b' * 32}"), name="Bo", roles=frozenset({Role.APPROVER}))
VIC = Person(id=PersonId(f"per_{'c' * 32}"), name="Vic", roles=frozenset({Role.VIEWER}))

BUY = NamedEffect(
    name="buy",
    operation="Shop.buy",
    connector="karl",
    version="1",
    live=False,
    leaves=True,
    provider_account="",
    argument={},
    cost_max=Money(minor=500, currency="EUR"),
    payee="Karl",
    purpose="tea",
    preconditions={},
    undo=None,
)
GRANT = Grant(
    id="g",
    operations=frozenset({"Shop.buy"}),
    payees=frozenset({"Karl"}),
    each_max=Money(minor=1000, currency="EUR"),
    total_max=Money(minor=2000, currency="EUR"),
    window=timedelta(days=7),
    expires_at=1000,
    live=False,
    by=(ANA.actor,),
)
FACTS = Facts(
    effects=(BUY,),
    people=(ANA, BO, VIC),
    proposers=frozenset(),
    need=Need(),
    ceilings=(),
    spent=Spent(by_ceiling=(), by_grant={"g": Money(minor=0, currency="EUR")}),
    known_payees=frozenset({(False, "Karl"), (True, "Karl")}),
    uncertain=frozenset(),
    now=0,
)

CURRENCIES = st.sampled_from(["EUR", "USD"])
AMOUNTS = st.builds(Money, minor=st.integers(0, 3000), currency=CURRENCIES)
PAYEES = st.sampled_from(["Karl", "Lena"])
PLENTY = Money(minor=100_000, currency="EUR")

# A case that a grant covers, changed in a place or two: of cases that are drawn freely hardly one in a thousand is.
Ways = Mapping[str, st.SearchStrategy[Any]]
EFFECT_WAYS: Ways = {
    "operation": st.sampled_from(["Shop.buy", "Shop.sell", GIVE]),
    "live": st.booleans(),
    "leaves": st.booleans(),
    "cost_max": st.none() | AMOUNTS,
    "payee": st.none() | PAYEES,
    "purpose": st.sampled_from(["tea", "milk"]),
}
GRANT_WAYS: Ways = {
    "operations": st.frozensets(st.sampled_from(["Shop.buy", "Shop.sell"])),
    "payees": st.frozensets(PAYEES),
    "each_max": st.builds(Money, minor=st.integers(0, 2000), currency=st.just("EUR")),
    "total_max": st.builds(Money, minor=st.integers(0, 4000), currency=st.just("EUR")),
    "window": st.integers(1, 31).map(lambda days: timedelta(days=days)),
    "expires_at": st.integers(0, 100),
    "live": st.booleans(),
    "by": st.sampled_from([(), (ANA.actor,), (VIC.actor,), ("agent:shopper",)]),
    "suspended": st.booleans(),
}
FACT_WAYS: Ways = {
    "people": st.lists(st.sampled_from([ANA, BO, VIC]), unique=True).map(tuple),
    "need": st.builds(Need, count=st.integers(1, 2), proof=st.sampled_from(Proof)),
    "ceilings": st.builds(Ceiling, amount=AMOUNTS, window=st.just(timedelta(days=30))).map(lambda one: (one,)),
    "known_payees": st.frozensets(st.tuples(st.booleans(), PAYEES)),
    "uncertain": st.frozensets(st.sampled_from(["tea", "milk"])),
    "now": st.integers(0, 100),
}


def _changed(ways: Ways) -> st.SearchStrategy[dict[str, Any]]:
    """New values for up to two of these fields."""
    names = st.sets(st.sampled_from(sorted(ways)), max_size=2)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: ways[name] for name in sorted(chosen)}))


EFFECTS = _changed(EFFECT_WAYS).map(lambda changed: replace(BUY, **changed))
GRANTS = _changed(GRANT_WAYS).map(lambda changed: replace(GRANT, **changed))
AMPLE = replace(FACTS, ceilings=(Ceiling(amount=PLENTY, window=timedelta(days=30)),))
SITUATIONS = st.builds(
    lambda effects, changed: replace(AMPLE, effects=tuple(effects), **changed),
    st.lists(EFFECTS, max_size=3),
    _changed(FACT_WAYS),
)


def _with_spent(facts: Facts, grant: Grant, minor: int) -> Facts:
    """The same, with so much gone of the ceiling and of the grant."""
    by_ceiling = tuple(Money(minor=minor, currency=ceiling.amount.currency) for ceiling in facts.ceilings)
    by_grant = {grant.id: Money(minor=minor, currency=grant.each_max.currency)}
    return replace(facts, spent=Spent(by_ceiling=by_ceiling, by_grant=by_grant))


@given(facts=SITUATIONS, grant=GRANTS, gone=st.integers(0, 3000))
def test_a_grant_covers_nothing_that_its_terms_do_not_name(facts: Facts, grant: Grant, gone: int) -> None:
    """Where a grant opens a gate, each effect is in its scope, and all of them are within its caps and its time."""
    facts = _with_spent(facts, grant, gone)
    if not isinstance(decide(facts, [grant]), Allow):
        return

    assert all(one.operation in grant.operations and one.operation != GIVE for one in facts.effects)
    assert all(one.live == grant.live for one in facts.effects)
    assert all(one.payee is None or one.payee in grant.payees for one in facts.effects)
    assert all(one.payee is None or (one.live, one.payee) in facts.known_payees for one in facts.effects)
    assert all(one.cost_max is None or one.cost_max <= grant.each_max for one in facts.effects)
    assert gone + total(facts.effects, grant.each_max.currency).minor <= grant.total_max.minor
    assert facts.now < grant.expires_at
    assert not grant.suspended
    assert ANA in facts.people
    assert grant.by == (ANA.actor,)
    assert facts.need.count == 1


@given(facts=SITUATIONS, grant=GRANTS, gone=st.integers(0, 3000))
def test_nothing_goes_over_a_ceiling_whoever_says_yes(facts: Facts, grant: Grant, gone: int) -> None:
    """Neither people nor grants are even asked."""
    facts = _with_spent(facts, grant, gone)
    (ceiling,) = facts.ceilings
    wanted = total(facts.effects, ceiling.amount.currency).minor

    over = wanted > 0 and gone + wanted > ceiling.amount.minor

    assert isinstance(decide(facts, [grant]), Deny) or not over


@given(facts=SITUATIONS, grant=GRANTS, stricter=st.integers(1, 3))
def test_a_stricter_rule_never_allows_more(facts: Facts, grant: Grant, stricter: int) -> None:
    """What was refused stays refused, and what was asked of people is not given by itself."""
    facts = _with_spent(facts, grant, 0)
    raised = replace(facts, need=facts.need.raised(Need(count=stricter, roles=frozenset({Role.OWNER}))))

    assert _freedom(decide(raised, [grant])) <= _freedom(decide(facts, [grant]))


@given(facts=SITUATIONS)
def test_where_nobody_may_decide_the_answer_is_no(facts: Facts) -> None:
    """Default deny: without an owner or approver nothing is even asked."""
    alone = _with_spent(replace(facts, people=(VIC,)), GRANT, 0)

    assert isinstance(decide(alone, [GRANT]), Deny)


@pytest.mark.parametrize(
    ("effect", "proof"),
    [
        (BUY, Proof.TOKEN),
        (replace(BUY, live=True), Proof.PASSKEY),
        (replace(BUY, live=True, leaves=False), Proof.TOKEN),
        (replace(BUY, operation=GIVE, leaves=False, argument={"live": False}), Proof.TOKEN),
        (replace(BUY, operation=GIVE, leaves=False, argument={"live": True}), Proof.PASSKEY),
        (replace(BUY, operation=GIVE, leaves=False, argument={}), Proof.PASSKEY),
    ],
    ids=["practice", "live", "live, but stays here", "a practice grant", "a live grant", "a grant of who knows what"],
)
def test_the_built_in_rule_is_one_person_and_a_passkey_where_something_live_leaves(
    effect: NamedEffect, proof: Proof
) -> None:
    """Giving a grant under which something live may leave counts as that."""
    assert decide(replace(FACTS, effects=(effect,)), []) == Ask(need=Need(proof=proof))


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, effects=()),
        replace(FACTS, effects=(BUY, replace(BUY, name="other", operation="Shop.sell"))),
        replace(FACTS, known_payees=frozenset({(True, "Karl")})),
        replace(FACTS, uncertain=frozenset({"tea"})),
        replace(FACTS, need=Need(separation=True), proposers=frozenset({ANA.id})),
        replace(FACTS, spent=Spent(by_ceiling=(), by_grant={})),
    ],
    ids=[
        "nothing to run",
        "one of two effects is not named",
        "only known live",
        "perhaps done already",
        "its giver proposed this",
        "nobody knows what is spent",
    ],
)
def test_what_a_grant_does_not_cover_is_asked(facts: Facts) -> None:
    """A grant that fits otherwise does not open these."""
    assert isinstance(decide(FACTS, [GRANT]), Allow)
    assert isinstance(decide(facts, [GRANT]), Ask)


def test_two_grants_are_not_added_up_for_one_draft() -> None:
    """Each of them alone is too small."""
    small = replace(GRANT, each_max=Money(minor=300, currency="EUR"), total_max=Money(minor=300, currency="EUR"))
    spent = Spent(by_ceiling=(), by_grant={"g": Money(minor=0, currency="EUR"), "h": Money(minor=0, currency="EUR")})

    assert isinstance(decide(replace(FACTS, spent=spent), [small, replace(small, id="h")]), Ask)


def _freedom(ruling: Deny | Ask | Allow) -> tuple[int, int, int]:
    """How much a ruling lets through: no, so many people with such a proof, or by itself."""
    match ruling:
        case Deny():
            return (0, 0, 0)
        case Ask():
            return (1, -ruling.need.count, -ruling.need.proof)
    return (2, 0, 0)
