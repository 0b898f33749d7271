"""A run is erased: nobody can read it again, and what it spent stays counted."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.errors import AnswerRefused, Erased, NotErasable
from haloop.kernel.gate import Need
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.operation import Found
from haloop.kernel.people import Role
from haloop.kernel.policy import Ceiling
from haloop.testing.practice import Practice
from tests.engines.buying import Asks, Bought, Counter, Order, buy, eur, opened

DAY = timedelta(days=1)


@pytest.fixture
def shop() -> Counter:
    return Counter()


@pytest.fixture
async def home(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    async with opened(tmp_path, shop) as practice:
        yield practice


async def test_what_an_erased_run_spent_stays_spent(home: Practice, shop: Counter) -> None:
    """Six of ten euros are gone, whoever may still read for what; a month later they count no more."""
    ana, run = await _bought(home, 600)

    await home.engine.erase(home.account, run, by=ana, why="Ana asked for it.")

    assert await _is_denied(home, 500)
    await home.restart()
    assert await _is_denied(home, 500)
    with pytest.raises(Erased):
        await home.facts(run)
    await home.move(31 * DAY)
    await home.yes(await home.start(buy.of(Order(item="milk", cents=500), Asks())), ana)
    assert len(shop.sold) == 2


async def test_money_that_was_spent_after_all_stays_spent_too(home: Practice, shop: Counter) -> None:
    """Taken for lost, then found after all, then erased: the money is still gone."""
    shop.fails = True
    await home.rules(Need(), Ceiling(amount=eur(1000), window=30 * DAY))
    ana = await home.person("Ana")
    run = await home.start(buy.of(Order(cents=600), Asks()))
    gate = home.gate_of(run)
    await home.yes(run, ana)
    await home.settle(run, ana, happened=False)
    await home.engine.contradict(home.account, gate, "buy", Found(result=Bought(number="no. 1")))
    assert await _is_denied(home, 500)

    await home.engine.erase(home.account, run, by=ana, why="Ana asked for it.")
    assert await _is_denied(home, 500)
    await home.restart()
    assert await _is_denied(home, 500)
    assert (await home.engine.account(home.account)).spending.total("EUR", 0, besides="", grant=None) == eur(600)


async def test_an_erasure_that_was_cut_short_counts_nothing_twice(home: Practice) -> None:
    """What is kept of a run is recorded, and the run can still be read: it is one payment."""
    ana, run = await _bought(home, 400)
    ledger_erases = home.ledger.erase_run

    async def cut(*_: object, **__: object) -> None:
        raise ConnectionError

    home.ledger.erase_run = cut  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await home.engine.erase(home.account, run, by=ana, why="Ana asked for it.")
    home.ledger.erase_run = ledger_erases  # type: ignore[method-assign]

    await home.restart()

    spending = (await home.engine.account(home.account)).spending
    assert [payment.amount for payment in spending.payments] == [eur(400)]


async def test_an_owner_erases_and_only_what_has_ended(home: Practice) -> None:
    """An approver may not, and a run that still asks is cancelled first."""
    ana, run = await _bought(home, 400)
    ben = await home.person("Ben", Role.APPROVER)
    with pytest.raises(AnswerRefused):
        await home.engine.erase(home.account, run, by=ben, why="Ben asked for it.")

    waiting = await home.start(buy.of(Order(cents=400), Asks()))

    with pytest.raises(NotErasable):
        await home.engine.erase(home.account, waiting, by=ana, why="Ana asked for it.")


async def test_payments_that_no_window_reaches_are_forgotten(home: Practice) -> None:
    """What was paid more than a year ago takes no memory."""
    ana, _ = await _bought(home, 100)
    await home.move(367 * DAY)

    await home.yes(await home.start(buy.of(Order(item="milk", cents=200), Asks())), ana)

    spending = (await home.engine.account(home.account)).spending
    assert [payment.amount for payment in spending.payments] == [eur(200)]


async def _bought(home: Practice, cents: int) -> tuple[PersonId, RunId]:
    """Ana, in an account that may spend ten euros in thirty days, and a run that bought something."""
    await home.rules(Need(), Ceiling(amount=eur(1000), window=30 * DAY))
    ana = await home.person("Ana")
    run = await home.start(buy.of(Order(cents=cents), Asks()))
    await home.yes(run, ana)
    await home.ended(run)
    return ana, run


async def _is_denied(home: Practice, cents: int) -> bool:
    run = await home.start(buy.of(Order(item="milk", cents=cents), Asks()))
    return "would exceed" in (await home.ended(run)).reason
