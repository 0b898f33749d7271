"""Budgets: who is asked at all, what an account spends at most, and how long money is held."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.account import Account
from haloop.kernel.fact import EffectNotDone, Fact
from haloop.kernel.gate import Need
from haloop.kernel.ids import PersonId
from haloop.kernel.money import Money
from haloop.kernel.people import Role
from haloop.kernel.policy import Ceiling
from haloop.testing.practice import Practice
from tests.engines.buying import (
    Asks,
    Counter,
    Order,
    buy,
    buy_at_any_price,
    buy_half_wrapped,
    buy_two,
    buy_wrapped,
    eur,
    opened,
)

DAY = timedelta(days=1)


@pytest.fixture
def shop() -> Counter:
    return Counter()


@pytest.fixture
async def home(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    async with opened(tmp_path, shop) as practice:
        yield practice


# Nobody to ask


@pytest.mark.parametrize("roles", [[], [Role.VIEWER]], ids=["nobody", "only a viewer"])
async def test_where_nobody_may_decide_nothing_runs_and_the_ledger_says_why(
    home: Practice, shop: Counter, roles: list[Role]
) -> None:
    """The gate is refused by policy at once."""
    for role in roles:
        await home.person("Vic", role)

    run = await home.start(buy.of(Order(), Asks()))

    refused = (await home.facts(run))[-2]
    assert (refused.kind, refused.code, refused.person) == ("gate.refused", "policy.no_approver", None)  # type: ignore[attr-defined]
    assert (await home.ended(run)).reason == "It takes 1 to decide; 0 may."
    assert shop.sold == []


@pytest.mark.parametrize(
    "asks",
    [Asks(count=3), Asks(roles=(Role.APPROVER,)), Asks(count=2, separation=True)],
    ids=["more than there are", "a role nobody has", "only whoever asked is left"],
)
async def test_where_too_few_may_decide_nothing_runs(home: Practice, asks: Asks) -> None:
    """Two owners are there, and one of them asked for it."""
    ana = await home.person("Ana")
    await home.person("Bo")

    run = await home.start(buy.of(Order(), asks), by=f"person:{ana}")

    assert (await home.facts(run))[-2].code == "policy.no_approver"  # type: ignore[attr-defined]


async def test_the_accounts_rules_raise_what_a_desk_asks_for(home: Practice, shop: Counter) -> None:
    """The desk would be content with one; the account wants two."""
    await home.rules(Need(count=2))
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(Order(), Asks(count=1)))

    await home.yes(run, ana)
    assert shop.sold == []

    await home.yes(run, bo)
    assert shop.sold == [Order()]


async def test_the_accounts_rules_never_lower_what_a_desk_asks_for(home: Practice, shop: Counter) -> None:
    """The account is content with one; the desk wants two."""
    await home.rules(Need(count=1))
    ana = await home.person("Ana")
    await home.person("Bo")
    run = await home.start(buy.of(Order(), Asks(count=2)))

    await home.yes(run, ana)

    assert shop.sold == []


# Ceilings


async def test_a_ceiling_binds_people_too(home: Practice, shop: Counter) -> None:
    """Ten euros a month: what would exceed them is not even asked."""
    ana = await _with_ceiling(home, 1000)
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)

    run = await home.start(buy.of(Order(cents=500), Asks()))

    assert (await home.facts(run))[-2].code == "budget.ceiling"  # type: ignore[attr-defined]
    assert shop.sold == [Order(cents=600)]


async def test_a_ceiling_is_over_a_window(home: Practice, shop: Counter) -> None:
    """A month later the money is there again."""
    ana = await _with_ceiling(home, 1000)
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)

    await home.move(31 * DAY)
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)

    assert len(shop.sold) == 2


async def test_money_spent_meanwhile_is_not_spent_again(home: Practice, shop: Counter) -> None:
    """Two gates of six euros were open under a ceiling of ten, and both got their yes: one effect runs."""
    ana = await _with_ceiling(home, 1000)
    first = await home.start(buy.of(Order(item="tea", cents=600), Asks()))
    second = await home.start(buy.of(Order(item="milk", cents=600), Asks()))

    await home.yes(first, ana)
    await home.yes(second, ana)

    assert _not_done(await home.facts(second)) == ("over_budget", "budget.ceiling")
    assert [order.item for order in shop.sold] == ["tea"]


async def test_two_effects_at_once_do_not_spend_the_same_money(home: Practice, shop: Counter) -> None:
    """One run begins two effects of two approvals in the same moment, and the second finds the first's hold."""
    ana = await _with_ceiling(home, 1000)
    run = await home.start(buy_two.of(Order(item="tea", cents=600), Order(item="milk", cents=600)))

    await home.yes(run, ana)
    await home.yes(run, ana)

    assert _not_done(await home.facts(run)) == ("over_budget", "budget.ceiling")
    assert [order.item for order in shop.sold] == ["tea"]


async def test_a_change_that_breaks_a_ceiling_closes_the_gate(home: Practice, shop: Counter) -> None:
    """Policy is asked for each revision."""
    ana = await _with_ceiling(home, 1000)
    run = await home.start(buy.of(Order(cents=600), Asks()))

    await home.change(run, ana, 1100)

    assert (await home.facts(run))[-2].code == "budget.ceiling"  # type: ignore[attr-defined]
    assert shop.sold == []


async def test_what_pays_somebody_without_a_limit_never_runs_under_a_ceiling(home: Practice, shop: Counter) -> None:
    """Ten euros a month, and a draft that does not say what it costs at most: it is not even asked."""
    await _with_ceiling(home, 1000)

    run = await home.start(buy_at_any_price.of(Order(cents=1_000_000)))

    assert home.engine.open_gates(home.account) == []
    assert (await home.facts(run))[-2].code == "budget.no_limit"  # type: ignore[attr-defined]
    assert shop.sold == []


async def test_where_nothing_is_capped_people_may_buy_without_a_limit(home: Practice, shop: Counter) -> None:
    """Without a ceiling a person decides, as about everything."""
    ana = await home.person("Ana")
    run = await home.start(buy_at_any_price.of(Order(cents=1_000_000)))

    await home.yes(run, ana)

    assert shop.sold == [Order(cents=1_000_000)]


async def test_a_ceiling_of_another_currency_says_nothing(home: Practice, shop: Counter) -> None:
    """Euros are not counted in dollars."""
    ana = await home.person("Ana")
    await home.rules(Need(), Ceiling(amount=Money(minor=1, currency="USD"), window=30 * DAY))

    await home.yes(await home.start(buy.of(Order(), Asks())), ana)

    assert shop.sold == [Order()]


# Holds


async def test_all_effects_of_an_approval_are_reserved_at_the_first_and_released_one_by_one(home: Practice) -> None:
    """Two effects of four euros: eight are gone at the first intent, and what was held is what was paid."""
    ana = await home.person("Ana")
    run = await home.start(buy_wrapped.of(Order(cents=400)))

    await home.yes(run, ana)
    account = await _account(home)
    assert _held(account) == [400]
    assert [payment.amount for payment in account.spending.payments] == [eur(400)]

    await home.move(timedelta(hours=1))
    assert _held(account) == []
    assert [payment.amount for payment in account.spending.payments] == [eur(400), eur(400)]


async def test_what_is_reserved_cannot_be_spent_by_others(home: Practice, shop: Counter) -> None:
    """Four euros of an approval are still to come, so of ten only two are free."""
    ana = await _with_ceiling(home, 1000)
    await home.yes(await home.start(buy_wrapped.of(Order(cents=400))), ana)

    run = await home.start(buy.of(Order(item="milk", cents=300), Asks()))

    assert (await home.facts(run))[-2].code == "budget.ceiling"  # type: ignore[attr-defined]
    assert len(shop.sold) == 1


async def test_holds_survive_a_restart(home: Practice) -> None:
    """What was reserved before the process stopped is reserved after it."""
    ana = await home.person("Ana")
    await home.yes(await home.start(buy_wrapped.of(Order(cents=400))), ana)

    await home.restart()

    account = await _account(home)
    assert _held(account) == [400]
    assert [payment.amount for payment in account.spending.payments] == [eur(400)]


async def test_holds_stay_while_nobody_knows(home: Practice, shop: Counter) -> None:
    """The line broke: the money may be gone, so it counts as gone, for a month and longer."""
    ana = await _with_ceiling(home, 1000)
    shop.fails = True
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)
    await home.move(31 * DAY)

    run = await home.start(buy.of(Order(item="milk", cents=500), Asks()))

    assert (await home.facts(run))[-2].code == "budget.ceiling"  # type: ignore[attr-defined]


async def test_an_uncertain_hold_survives_a_restart(home: Practice, shop: Counter) -> None:
    """A new process knows no more than the old one."""
    ana = await home.person("Ana")
    shop.fails = True
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)

    await home.restart()

    assert _held(await _account(home)) == [600]


@pytest.mark.parametrize("stops", [0, 1], ids=["at once", "after a restart"])
async def test_holds_are_released_when_the_run_ends(home: Practice, stops: int) -> None:
    """What was approved and never begun is free again once the run is over."""
    ana = await home.person("Ana")
    run = await home.start(buy_half_wrapped.of(Order(cents=400)))
    await home.yes(run, ana)
    await home.move(timedelta(hours=1))
    await home.ended(run)

    for _ in range(stops):
        await home.restart()

    assert _held(await _account(home)) == []


async def test_a_lapsed_effect_holds_nothing(home: Practice) -> None:
    """Ana left before anything began."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(Order(), Asks(waits_minutes=20)))
    await home.yes(run, ana)

    await home.move(timedelta(minutes=20))

    assert _not_done(await home.facts(run)) == ("lapsed", "approval.expired")
    assert _held(await _account(home)) == []


async def test_what_is_charged_counts_and_not_what_was_reserved(home: Practice, shop: Counter) -> None:
    """Karl charges two euros of six, so eight of ten are left."""
    ana = await _with_ceiling(home, 1000)
    shop.charges = 200
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)
    shop.charges = None

    await home.yes(await home.start(buy.of(Order(item="milk", cents=800), Asks())), ana)

    assert len(shop.sold) == 2


async def test_money_that_comes_back_makes_no_room(home: Practice, shop: Counter) -> None:
    """What an outside system claims to have paid us is not ours to spend."""
    ana = await _with_ceiling(home, 1000)
    shop.charges = -5000
    await home.yes(await home.start(buy.of(Order(cents=600), Asks())), ana)

    run = await home.start(buy.of(Order(item="milk", cents=1100), Asks()))

    assert (await home.facts(run))[-2].code == "budget.ceiling"  # type: ignore[attr-defined]


async def test_nothing_costs_less_than_nothing_at_most(home: Practice) -> None:
    """A draft cannot make room under a ceiling for another."""
    await home.person("Ana")

    run = await home.start(buy.of(Order(cents=-500), Asks()))

    assert home.engine.parked[run].code == "effect.cost_max"


# Helpers


async def _with_ceiling(home: Practice, cents: int) -> PersonId:
    """Ana, in an account that spends so much in thirty days."""
    await home.rules(Need(), Ceiling(amount=eur(cents), window=30 * DAY))
    return await home.person("Ana")


async def _account(home: Practice) -> Account:
    return await home.engine.account(home.account)


def _held(account: Account) -> list[int]:
    return [hold.amount.minor for hold in account.spending.holds.values()]


def _not_done(facts: list[Fact]) -> tuple[str, str]:
    return next((fact.why, fact.code) for fact in facts if isinstance(fact, EffectNotDone))
