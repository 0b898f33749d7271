"""An owner stops every agent at once: nothing begins any more, and only what was begun comes to its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.agent import PresentedToken
from haloop.kernel.desk import Desk
from haloop.kernel.errors import AnswerRefused
from haloop.kernel.fact import AgentsStopped, EffectHappened, EffectNotDone, TokenIssued
from haloop.kernel.gate import Approved, Verdict
from haloop.kernel.ids import PersonId
from haloop.kernel.operation import Call, NotDone, effect
from haloop.kernel.people import Role
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.practice import Practice
from tests.engines.buying import Asks, Bought, Counter, Order, Purchase, Shop, buy, connector


@procedure(version=1)
async def quote_and_buy(run: Run, order: Order) -> Receipt[Bought] | NotDone | Ended:
    """Look at the price, rest, look again, and ask."""
    await run.step(Shop.quote, order)
    await run.sleep(timedelta(hours=1))
    cents = await run.step(Shop.quote, order)
    yes = await run.gate(Purchase.of(Order(item=order.item, shop=order.shop, cents=cents)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.buy)


@dataclass
class Slow(Counter):
    """A shop that takes its time over an order."""

    selling: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @effect
    async def buy(self, order: Order, call: Call) -> Bought | NotDone:
        self.asked.set()
        await self.selling.wait()
        return await super().buy(order, call)


@pytest.fixture
def shop() -> Slow:
    shop = Slow()
    shop.quoting.set()
    shop.selling.set()
    return shop


@pytest.fixture
async def practice(tmp_path: Path, shop: Slow) -> AsyncIterator[Practice]:
    desks = [Desk("shop", procedures=(buy, quote_and_buy))]
    async with Practice.opened(tmp_path, desks=desks, connectors=[connector(shop)]) as practice:
        yield practice


async def stop(practice: Practice, by: PersonId) -> None:
    await practice.engine.stop_agents(practice.account, by=by, reason="It ordered a piano.")
    await practice.engine.settled()


async def resume(practice: Practice, by: PersonId) -> None:
    await practice.move(timedelta(seconds=1))
    await practice.engine.resume_agents(practice.account, by=by)
    await practice.engine.settled()


async def test_what_was_approved_and_not_begun_is_void(practice: Practice, shop: Slow) -> None:
    """A yes from before the stop runs neither during it nor after it, over a restart too."""
    ana = await practice.person("Ana")
    runs = [await practice.start(buy.of(Order(), Asks(waits_minutes=minutes))) for minutes in (1, 5, 10)]
    for run in runs:
        await practice.yes(run, ana)
    await stop(practice, ana)
    await practice.move(timedelta(minutes=2))
    await practice.restart()
    await resume(practice, ana)
    await practice.move(timedelta(minutes=5))
    await practice.restart()
    await practice.move(timedelta(minutes=5))

    facts = [fact for run in runs for fact in await practice.facts(run)]
    assert [fact.code for fact in facts if isinstance(fact, EffectNotDone)] == ["agents.stopped"] * 3
    assert shop.sold == []


async def test_while_it_lasts_only_a_no_counts(practice: Practice, shop: Slow) -> None:
    """A yes is turned away and recorded; the question stays, and after the stop a new yes does it."""
    ana = await practice.person("Ana")
    run, other = [await practice.start(buy.of(Order(), Asks())) for _ in range(2)]
    await stop(practice, ana)

    with pytest.raises(AnswerRefused, match="only a no counts") as refused:
        await practice.yes(run, ana)
    assert refused.value.code == "agents.stopped"
    with pytest.raises(AnswerRefused, match="only a no counts"):
        await practice.change(run, ana, 400)
    await practice.no(other, ana)
    assert (await practice.ended(other)).code == "refused"
    await resume(practice, ana)
    await practice.yes(run, ana)

    assert (await practice.ended(run)).code == "done"
    assert len(shop.sold) == 1


async def test_a_turned_clock_makes_no_way_round(practice: Practice, shop: Slow) -> None:
    """What was approved under a clock that stood years ahead is void too, once the clock is right again."""
    ana = await practice.person("Ana")
    run = await practice.start(buy.of(Order(), Asks()))
    practice.clock.turn(timedelta(days=365))
    await practice.yes(run, ana)
    await stop(practice, ana)
    await practice.engine.resume_agents(practice.account, by=ana)
    practice.clock.turn(timedelta(days=-365))
    await practice.move(timedelta(seconds=1))

    assert shop.sold == []
    assert "effect.intended" not in await practice.kinds(run)
    again = await practice.start(buy.of(Order(), Asks()))
    await practice.yes(again, ana)
    assert len(shop.sold) == 1


async def test_a_step_waits_for_the_end_of_it(practice: Practice) -> None:
    """A run that is about to ask the outside parks, stays parked over a restart, and goes on at the owner's word."""
    ana = await practice.person("Ana")
    run = await practice.start(quote_and_buy.of(Order()))
    await stop(practice, ana)
    await practice.move(timedelta(hours=1))
    assert practice.engine.parked[run].code == "agents.stopped"
    await practice.restart()
    assert practice.engine.parked[run].code == "agents.stopped"
    assert (await practice.kinds(run)).count("step.done") == 1

    await resume(practice, ana)

    assert practice.gate_of(run)
    assert (await practice.kinds(run)).count("run.parked") == 1


async def test_tokens_are_gone_for_good(practice: Practice) -> None:
    """One of them may be in wrong hands: letting work go on brings none of them back."""
    ana = await practice.person("Ana")
    token = PresentedToken.make(practice.account)
    issued = TokenIssued(token=token.id, agent="shopper", hash=token.hash(), expires_at=2**50)
    await practice.engine.record(practice.account, issued, by=f"person:{ana}")
    await stop(practice, ana)
    await practice.restart()
    await resume(practice, ana)

    assert (await practice.engine.account(practice.account)).tokens == {}


async def test_what_has_left_the_house_is_seen_to_its_end(practice: Practice, shop: Slow) -> None:
    """The shop has been asked already: the ledger still hears what it said."""
    ana = await practice.person("Ana")
    run = await practice.start(buy.of(Order(), Asks()))
    shop.selling.clear()
    answer = await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED)
    await practice.engine.decide(practice.account, answer)
    await shop.asked.wait()
    await practice.engine.stop_agents(practice.account, by=ana, reason="")
    assert shop.sold == []
    shop.selling.set()
    await practice.engine.settled()

    assert [fact.effect for fact in await practice.facts(run) if isinstance(fact, EffectHappened)] == ["buy"]


async def test_only_an_owner_stops_and_only_an_owner_lets_go_on(practice: Practice) -> None:
    """An approver decides on drafts, not on who works here."""
    ben = await practice.person("Ben", Role.APPROVER)
    for word in (
        practice.engine.stop_agents(practice.account, by=ben, reason=""),
        practice.engine.resume_agents(practice.account, by=ben),
    ):
        with pytest.raises(AnswerRefused, match="another role"):
            await word
    assert not (await practice.engine.account(practice.account)).is_stopped


async def test_nothing_begins_even_where_the_stop_cannot_be_written(practice: Practice, shop: Slow) -> None:
    """The disk fails in that very moment: the owner hears so, and this process still begins nothing."""
    ana = await practice.person("Ana")
    run = await practice.start(buy.of(Order(), Asks(waits_minutes=1)))
    await practice.yes(run, ana)
    record, practice.ledger.record = practice.ledger.record, _fails  # type: ignore[method-assign, assignment]
    with pytest.raises(OSError, match="No space"):
        await stop(practice, ana)
    practice.ledger.record = record  # type: ignore[method-assign]
    await practice.move(timedelta(minutes=2))

    assert shop.sold == []
    told = await practice.ledger.events(practice.account, start=0, limit=500)
    assert AgentsStopped.kind not in [event.header.kind for event in told]


async def _fails(*_: object) -> None:
    raise OSError(28, "No space left on device")
