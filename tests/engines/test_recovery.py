"""How an unknown outcome is cleared up: only as the intent says, and never more freely."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.connector import Connector
from haloop.kernel.fact import EffectHappened, EffectNotDone, EffectResent, EffectUncertain
from haloop.kernel.gate import Verdict
from haloop.kernel.operation import Call, NotDone, effect, idempotent
from haloop.testing.provider import Provider, Trouble
from tests.engines.test_effects import LATER, OUTCOMES, buy_later, last
from tests.engines.test_undo import REGRETS, regret
from tests.engines.trade import (
    DEADLINE,
    HOUR,
    MINUTE,
    SHOPS,
    Bought,
    IdempotentShop,
    NeitherShop,
    Order,
    QueryableShop,
    buy,
    shop,
    street,
)

SECOND = timedelta(seconds=1)


# The same key again


@pytest.mark.parametrize("trouble", [Trouble.REQUEST_LOST, Trouble.REPLY_LOST, Trouble.ERROR_AFTER, Trouble.LIES])
async def test_the_same_bytes_are_sent_again_under_the_same_key(tmp_path: Path, trouble: Trouble) -> None:
    """Where the outside promises that a key is an act, a lost reply is asked for again, and one act was done."""
    provider = Provider()
    provider.troubles.append(trouble)
    town = IdempotentShop(provider)
    async with street(tmp_path, town) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        happened = last(await house.facts(run), *OUTCOMES)
        assert isinstance(happened, EffectHappened)
        assert happened.found_by == "resent"
        assert town.orders == [Order(what="tea", euros=10)] * 2
        assert list(provider.done.values()) == [1]


async def test_a_key_is_sent_again_after_longer_and_longer_whiles(tmp_path: Path) -> None:
    """The first try comes at once, the others after two, four, eight seconds."""
    provider = Provider()
    provider.troubles.extend([Trouble.REQUEST_LOST] * 9)
    async with street(tmp_path, IdempotentShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        counts = []

        for seconds in (1, 1, 2, 2, 4, 4):
            await house.move(seconds * SECOND)
            counts.append(provider.requests.total())

        assert counts == [2, 3, 3, 4, 4, 5]


async def test_each_new_reason_why_nobody_knows_is_said_once(tmp_path: Path) -> None:
    """What the last look gave as its reason is in the history, and said again by no restart."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    provider.lookup_troubles.extend([Trouble.DECLINED] * 4)
    async with street(tmp_path, QueryableShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        await house.move(2 * SECOND)
        await house.restart()
        await house.engine.settled()
        unclear = [fact.sentence for fact in await house.facts(run) if isinstance(fact, EffectUncertain)]
        await house.move(HOUR)

        happened = last(await house.facts(run), *OUTCOMES)
        assert unclear == ["The connector raised LineBroke.", "Ask later."]
        assert isinstance(happened, EffectHappened)


async def test_a_key_is_not_sent_after_its_time(tmp_path: Path) -> None:
    """Once the outside may have forgotten the key, a person has to find out."""
    provider = Provider()
    provider.troubles.extend([Trouble.REPLY_LOST] * 2)
    async with street(tmp_path, IdempotentShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)

        await house.move(HOUR)

        assert provider.requests.total() == 2
        assert await house.uncertain(run) == ["order"]


async def test_a_resent_call_ends_before_the_time_of_its_key(tmp_path: Path) -> None:
    """No request is still on its way when the outside may forget the key."""

    class Briefly(NeitherShop):
        @effect(recovery=idempotent(for_=timedelta(seconds=10)))
        async def order(self, order: Order, call: Call) -> Bought | NotDone:
            return await self._order(order, call)

    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    async with street(tmp_path, Briefly(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        again = last(await house.facts(run), EffectResent)
        assert isinstance(again, EffectResent)
        assert again.deadline <= house.clock.read().wall + 10_000_000


async def test_the_time_of_a_key_counts_from_when_it_was_sent_though_a_clock_was_turned_before(tmp_path: Path) -> None:
    """A clock that was two days ahead and was put right lends no key more time: nothing is done twice."""
    provider = Provider()
    provider.troubles.extend([Trouble.REPLY_LOST] * 9)
    async with street(tmp_path, IdempotentShop(provider)) as house:
        ana = await house.person("Ana")
        house.clock.turn(timedelta(days=2))
        await house.person("Ben")  # whatever is recorded now takes the ledger's time along
        house.clock.set_right()
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        await house.move(HOUR)
        provider.results.clear()  # the outside forgets its keys when it said that it would

        await house.move(HOUR)

        assert list(provider.done.values()) == [1]
        assert await house.uncertain(run) == ["order"]


async def test_what_a_person_settled_is_not_sent_again_although_that_was_written_down(tmp_path: Path) -> None:
    """Another try is on its way to the disk when Ana says that nothing happened: it stays in the house."""
    provider = Provider()
    provider.troubles.extend([Trouble.REQUEST_LOST] * 2)
    async with street(tmp_path, IdempotentShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        finding = await house.found(run, ana, happened=False)
        sent = provider.requests.total()
        house.clock.move(3 * SECOND)
        house.engine.look_at_clock()

        await house.engine.settle(house.account, finding)
        await house.engine.settled()

        assert (await house.kinds(run)).count("effect.resent") == sent
        assert provider.requests.total() == sent
        assert not provider.done


async def test_each_operation_is_cleared_up_in_its_own_way(tmp_path: Path) -> None:
    """The shop knows orders by their keys and cancellations not: only an order is ever sent again."""
    provider = Provider(same_key_same_act=False)
    provider.troubles.extend([Trouble.NONE, Trouble.REPLY_LOST])
    async with street(tmp_path, IdempotentShop(provider), desks=REGRETS) as house:
        ana = await house.person("Ana")
        run = await house.start(regret.of(0, 1))
        await house.yes(run, ana)

        await house.move(HOUR)

        assert await house.uncertain(run) == ["order/undo"]
        assert list(provider.requests.values()) == [1, 1]


# Looking


@pytest.mark.parametrize("trouble", [Trouble.REPLY_LOST, Trouble.ERROR_AFTER, Trouble.LIES, Trouble.DAWDLES])
async def test_what_was_done_is_found_by_looking(tmp_path: Path, trouble: Trouble) -> None:
    """Where the outside can be asked, it is asked at once, and nothing is sent a second time."""
    provider = Provider()
    provider.troubles.append(trouble)
    async with street(tmp_path, QueryableShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        happened = last(await house.facts(run), *OUTCOMES)
        assert isinstance(happened, EffectHappened)
        assert happened.found_by == "lookup"
        assert provider.requests.total() == 1


async def test_an_absence_counts_only_when_it_has_settled(tmp_path: Path) -> None:
    """Absent at once is no answer; absent a minute after the deadline is: it was not done."""
    provider = Provider()
    provider.troubles.append(Trouble.REQUEST_LOST)
    async with street(tmp_path, QueryableShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        await house.move(MINUTE)
        assert await house.uncertain(run) == ["order"]

        await house.move(DEADLINE)

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, EffectNotDone)
        assert (outcome.why, outcome.found_by) == ("settled", "lookup")


async def test_an_order_that_arrives_late_is_still_found(tmp_path: Path) -> None:
    """What was not there at the first look and came before the outside had settled has happened."""
    provider = Provider()
    provider.troubles.append(Trouble.ARRIVES_LATE)
    async with street(tmp_path, QueryableShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        provider.catch_up()

        await house.move(MINUTE + DEADLINE)

        assert isinstance(last(await house.facts(run), *OUTCOMES), EffectHappened)


@pytest.mark.parametrize(
    "trouble",
    [Trouble.REQUEST_LOST, Trouble.DECLINED, Trouble.ERROR_AFTER, Trouble.LIES, Trouble.DAWDLES],
)
async def test_a_question_without_an_answer_is_asked_again_later(tmp_path: Path, trouble: Trouble) -> None:
    """Unknown, an exception, silence or nonsense tell nothing; the next question may."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    provider.lookup_troubles.append(trouble)
    async with street(tmp_path, QueryableShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        assert await house.uncertain(run) == ["order"]

        await house.move(2 * SECOND)

        assert isinstance(last(await house.facts(run), *OUTCOMES), EffectHappened)


# Another connector than was called


@pytest.mark.parametrize(
    ("intended", "changed"),
    [
        ("neither", shop(IdempotentShop(Provider()))),
        ("neither", shop(QueryableShop(Provider()))),
        ("idempotent", shop(NeitherShop(Provider()))),
        ("idempotent", shop(QueryableShop(Provider()))),
        ("queryable", shop(IdempotentShop(Provider()))),
        ("idempotent", shop(IdempotentShop(Provider()), account="somebody else")),
        ("idempotent", shop(IdempotentShop(Provider()), live=True)),
        ("queryable", shop(QueryableShop(Provider()), account="somebody else")),
    ],
)
async def test_nothing_is_cleared_up_more_freely_than_was_intended(
    tmp_path: Path, intended: str, changed: Connector
) -> None:
    """A connector that says something else now, or speaks to another outside, is left alone: a person finds out."""
    provider = Provider()
    provider.troubles.extend([Trouble.REQUEST_LOST] * 2)
    provider.lookup_troubles.append(Trouble.DECLINED)
    async with street(tmp_path, SHOPS[intended](provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        house.connectors = [changed]
        await house.restart()

        await house.move(timedelta(minutes=30))

        assert await house.uncertain(run) == ["order"]
        assert not changed.speaks.provider.requests  # type: ignore[attr-defined]


# Restarts


@pytest.mark.parametrize(
    ("recovery", "trouble", "kind"),
    [
        ("neither", Trouble.NONE, "effect.uncertain"),
        ("neither", Trouble.REQUEST_LOST, "effect.uncertain"),
        ("idempotent", Trouble.NONE, "effect.happened"),
        ("idempotent", Trouble.REQUEST_LOST, "effect.happened"),
        ("queryable", Trouble.NONE, "effect.happened"),
        ("queryable", Trouble.REQUEST_LOST, "effect.not_done"),
    ],
)
async def test_a_process_that_dies_in_a_call_leaves_it_to_the_next_one(
    tmp_path: Path, recovery: str, trouble: Trouble, kind: str
) -> None:
    """The next process sees that something may have happened, says so, and clears it up as declared."""
    provider = Provider()
    provider.troubles.append(trouble)
    async with street(tmp_path, SHOPS[recovery](provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        provider.on_request = lambda _call: house.pull_plug()
        await house.yes(run, ana)
        provider.on_request = lambda _call: None

        await house.crash()
        await house.engine.settled()
        await house.move(2 * MINUTE)

        kinds = [one for one in await house.kinds(run) if one.startswith("effect.")]
        assert kinds[:2] == ["effect.intended", "effect.uncertain"]
        assert kinds[-1] == kind
        assert provider.done.total() <= 1


async def test_a_process_that_dies_between_the_yes_and_the_intent_goes_on(tmp_path: Path) -> None:
    """An approval survives; its effect is then done for the first time, and once."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=LATER) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_later.of(5))
        await house.yes(run, ana)

        await house.crash()
        await house.move(timedelta(minutes=5))

        assert (await house.ended(run)).code == "done"
        assert list(provider.requests.values()) == [1]


async def test_stopping_during_a_call_leaves_it_to_the_next_process(tmp_path: Path, monkeypatch: Any) -> None:
    """Whoever stops the engine while an answer is awaited finds the effect named as uncertain, not sent again."""
    monkeypatch.setattr("haloop.engines.local.CLOSE_SECONDS", 0.01)
    provider = Provider()
    provider.troubles.append(Trouble.DAWDLES)
    async with street(tmp_path, Patient(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        yes = await house.answer(house.gate_of(run), ana, Verdict.APPROVED)
        await house.engine.decide(house.account, yes)

        await house.restart()

        assert await house.uncertain(run) == ["order"]
        assert provider.requests.total() <= 1


class Patient(NeitherShop):
    """Waits for an answer as long as it takes."""

    @effect
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        return await self._order(order, call)
