"""One approved act on the world: intended before it is done, done once, and honest about what became of it."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from haloop.kernel.desk import Desk
from haloop.kernel.draft import Effect
from haloop.kernel.errors import BadDraft, ClaimTaken, EffectRefused, NoRoom
from haloop.kernel.fact import EffectHappened, EffectIntended, EffectNotDone, EffectUncertain, Fact
from haloop.kernel.gate import Approved, Need, Verdict
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain, Entry, Head, Pending
from haloop.kernel.money import Money
from haloop.kernel.operation import Call, NotDone, Why, effect
from haloop.kernel.policy import Ceiling
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider, Trouble
from tests.engines.trade import (
    DEADLINE,
    SHOPS,
    Basket,
    Bought,
    NeitherShop,
    Offer,
    Order,
    Purchase,
    Shop,
    buy,
    shop,
    street,
)

OUTCOMES = (EffectHappened, EffectNotDone)


def last(facts: list[Fact], *kinds: type[Fact]) -> Fact:
    """The newest fact of one of these kinds."""
    return next(fact for fact in reversed(facts) if isinstance(fact, kinds))


# The intent


async def test_the_intent_can_be_read_from_the_disk_before_the_provider_is_called(tmp_path: Path) -> None:
    """When the request leaves, another process already finds claim, hold and intent in the ledger."""
    seen: list[tuple[int, int]] = []

    def look(_call: Call) -> None:
        with closing(
            apsw.Connection(str(tmp_path / "home" / "ledger.db"), flags=apsw.SQLITE_OPEN_READONLY)
        ) as stranger:
            intents = stranger.execute("SELECT count(*) FROM event WHERE kind = 'effect.intended'").get
            claims = stranger.execute("SELECT count(*) FROM claim").get
            seen.append((intents, claims))

    async with street(tmp_path, NeitherShop(Provider(on_request=look))) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        assert seen == [(1, 1)]


@pytest.mark.parametrize(
    ("recovery", "told"),
    [
        ("neither", {"kind": "neither"}),
        ("idempotent", {"kind": "idempotent", "seconds": 3600}),
        ("queryable", {"kind": "queryable", "settled_after": 60}),
    ],
)
async def test_an_intent_holds_what_it_may_cost_and_says_how_it_would_be_cleared_up(
    tmp_path: Path, recovery: str, told: dict[str, object]
) -> None:
    """The hold and the declared recovery stand in the same fact as the intent."""
    async with street(tmp_path, SHOPS[recovery](Provider())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        intent = last(await house.facts(run), EffectIntended)
        assert isinstance(intent, EffectIntended)
        assert intent.holds == {"order": {"currency": "EUR", "minor": 1000}}
        assert intent.recovery == told


async def test_the_claim_stands_in_the_very_fact_of_the_intent(tmp_path: Path) -> None:
    """No crash can come between claim, hold and intent, and nobody else can make the same claim afterwards."""
    async with street(tmp_path, NeitherShop(Provider())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        events = await house.ledger.run(Chain(account=house.account, run_id=run))
        claims = {event.header.kind: event.header.claim for event in events if event.header.claim}
        assert list(claims) == ["effect.intended"]
        with pytest.raises(ClaimTaken):
            await house.ledger.record(
                house.account, Entry(kind="effect.intended", actor="kernel", claim=claims["effect.intended"])
            )


async def test_what_cannot_be_written_down_is_not_sent(tmp_path: Path) -> None:
    """The ledger dies between the yes and the intent: nothing leaves, and the next process does it, once."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=LATER) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_later.of(5))
        await house.yes(run, ana)
        house.pull_plug()
        await house.move(timedelta(minutes=5))
        assert not provider.requests

        await house.crash()
        await house.engine.settled()

        assert (await house.ended(run)).code == "done"
        assert list(provider.requests.values()) == [1]


# The answer


async def test_what_happened_is_kept_in_the_words_of_the_outside(tmp_path: Path) -> None:
    """The provider's own number ends up in the ledger and with the run."""
    async with street(tmp_path, NeitherShop(Provider())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        happened = last(await house.facts(run), *OUTCOMES)
        assert isinstance(happened, EffectHappened)
        assert (happened.result, happened.found_by) == ({"charged": None, "number": "no. 1"}, "answer")
        assert (await house.ended(run)).code == "done"


class Answering(NeitherShop):
    """A shop that answers, or raises, whatever it is told to."""

    def __init__(self, answer: object) -> None:
        super().__init__(Provider())
        self.answer = answer

    @effect(deadline=DEADLINE)
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[return-value]  # whatever it is


@pytest.mark.parametrize("why", [Why.DECLINED, Why.DRIFTED, Why.ALREADY, Why.LAPSED])
async def test_a_no_of_the_outside_says_why(tmp_path: Path, why: Why) -> None:
    """The run hears the reason and what the outside looks like now, and ends with it."""
    async with street(tmp_path, Answering(NotDone(why=why, sentence="No.", seen=Offer(euros=11)))) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        refused = last(await house.facts(run), *OUTCOMES)
        assert isinstance(refused, EffectNotDone)
        assert (refused.why, refused.sentence, refused.seen) == (why, "No.", {"euros": 11})
        assert (await house.ended(run)).code == "not_done"


@pytest.mark.parametrize(
    "answer",
    [
        ConnectionError("The line broke."),
        asyncio.CancelledError(),
        GeneratorExit(),
        TimeoutError(),
        RuntimeError("500"),
        "yes, yes",
        None,
        Offer(euros=3),
        NotDone(why=Why.DRIFTED, seen="something else"),
        NotDone(why="maybe"),  # type: ignore[arg-type]  # that is the point
        Bought.model_construct(number=4711),
    ],
    ids=repr,
)
async def test_whatever_is_no_clear_answer_is_uncertain(tmp_path: Path, answer: object) -> None:
    """An exception, a cancellation or an answer nobody agreed on means that nobody knows, and that is said."""
    async with street(tmp_path, Answering(answer)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        assert isinstance((await house.facts(run))[-1], EffectUncertain)
        assert await house.uncertain(run) == ["order"]


@pytest.mark.parametrize("trouble", [one for one in Trouble if one not in (Trouble.NONE, Trouble.DECLINED)])
async def test_nothing_is_sent_twice_by_itself(tmp_path: Path, trouble: Trouble) -> None:
    """Whatever happens to a request that cannot be repeated, there is one, and days later still."""
    provider = Provider(same_key_same_act=False)
    provider.troubles.append(trouble)
    async with street(tmp_path, NeitherShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)

        await house.move(timedelta(days=3))

        assert list(provider.requests.values()) == [1]
        assert await house.uncertain(run) == ["order"]


@procedure(version=1)
async def try_again(run: Run, what: str) -> list[str]:
    """Buy, and if that was not done, try the same approval again."""
    yes = await run.gate(Purchase.of(what))
    assert isinstance(yes, Approved)
    first = await run.effect(yes, yes.draft.order)
    try:
        await run.effect(yes, yes.draft.order)
    except EffectRefused as refused:
        return [type(first).__name__, refused.code]
    return ["sent again"]


@pytest.mark.parametrize(("trouble", "first"), [(Trouble.NONE, "Receipt"), (Trouble.DECLINED, "NotDone")])
async def test_an_approval_is_used_up_however_its_effect_ended(tmp_path: Path, trouble: Trouble, first: str) -> None:
    """A second try under the same yes is refused by name, also after a clear no."""
    provider = Provider()
    provider.troubles.append(trouble)
    desks = [Desk("shopping", procedures=[try_again])]
    async with street(tmp_path, NeitherShop(provider), desks=desks) as house:
        ana = await house.person("Ana")
        run = await house.start(try_again.of("tea"))

        await house.yes(run, ana)

        assert (await house.ended(run)).result == [first, "approval.used"]
        assert list(provider.requests.values()) == [1]


@pytest.mark.parametrize("why", [Why.DECLINED, Why.DRIFTED, Why.ALREADY])
async def test_no_answer_of_the_outside_reopens_an_approval(tmp_path: Path, why: Why) -> None:
    """Whatever the reason was, the same yes is not good for a second try."""
    desks = [Desk("shopping", procedures=[try_again])]
    async with street(tmp_path, Answering(NotDone(why=why)), desks=desks) as house:
        ana = await house.person("Ana")
        run = await house.start(try_again.of("tea"))

        await house.yes(run, ana)

        assert (await house.ended(run)).result == ["NotDone", "approval.used"]


@procedure(version=1)
async def try_again_later(run: Run, minutes: int) -> list[str]:
    """Buy some time after the yes, and once more if that was not done."""
    yes = await run.gate(Purchase.of("tea"))
    assert isinstance(yes, Approved)
    await run.sleep(timedelta(minutes=minutes))
    first = await run.effect(yes, yes.draft.order)
    try:
        await run.effect(yes, yes.draft.order)
    except EffectRefused as refused:
        return [str(getattr(first, "why", "")), refused.code]
    return ["sent again"]


TRYING = [Desk("shopping", procedures=[try_again_later])]


@pytest.mark.parametrize(("minutes", "cents", "why"), [(15, 1000, "lapsed"), (5, 999, "over_budget")])
async def test_no_rule_of_ours_reopens_an_approval(tmp_path: Path, minutes: int, cents: int, why: str) -> None:
    """What was too late or too dear is not tried again under the same yes, once there is time or money again."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=TRYING) as house:
        ana = await house.person("Ana")
        run = await house.start(try_again_later.of(minutes))
        await house.yes(run, ana)
        await house.rules(Need(), Ceiling(amount=Money(minor=cents, currency="EUR"), window=timedelta(days=30)))

        await house.move(timedelta(minutes=minutes))

        assert (await house.ended(run)).result == [why, "approval.used"]
        assert not provider.requests


async def test_no_finding_reopens_an_approval(tmp_path: Path) -> None:
    """A person found that it had not happened; trying again takes another yes."""
    provider = Provider()
    provider.troubles.append(Trouble.REQUEST_LOST)
    async with street(tmp_path, NeitherShop(provider), desks=TRYING) as house:
        ana = await house.person("Ana")
        run = await house.start(try_again_later.of(0))
        await house.yes(run, ana)

        await house.settle(run, ana, happened=False)

        assert (await house.ended(run)).result == ["settled", "approval.used"]
        assert list(provider.requests.values()) == [1]


@pytest.mark.parametrize(
    ("charged", "exceeded"),
    [(None, False), (Money(minor=1000, currency="EUR"), False), (Money(minor=1001, currency="EUR"), True)],
)
async def test_a_receipt_says_what_was_charged_and_whether_that_was_too_much(
    tmp_path: Path, charged: Money | None, *, exceeded: bool
) -> None:
    """What the provider took stands in the receipt; more than the draft allowed is marked."""
    async with street(tmp_path, Answering(Bought(number="1", charged=charged))) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        happened = last(await house.facts(run), *OUTCOMES)
        assert isinstance(happened, EffectHappened)
        assert happened.charged == (charged and charged.as_canonical())
        assert happened.exceeded is exceeded


# What has lapsed


@procedure(version=1)
async def buy_later(run: Run, minutes: int) -> Receipt[Bought] | NotDone | Ended:
    """Buy some time after the yes."""
    yes = await run.gate(Purchase.of("tea"))
    if not isinstance(yes, Approved):
        return run.end(yes)
    await run.sleep(timedelta(minutes=minutes))
    return await run.effect(yes, yes.draft.order)


LATER = [Desk("shopping", procedures=[buy_later])]


async def test_an_approval_that_ran_out_allows_nothing(tmp_path: Path) -> None:
    """An effect that comes after the approval's time is not sent."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=LATER) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_later.of(15))
        await house.yes(run, ana)

        await house.move(timedelta(minutes=15))

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, EffectNotDone)
        assert (outcome.why, outcome.code) == ("lapsed", "approval.expired")
        assert not provider.requests


@procedure(version=1)
async def buy_something_else(run: Run, field: str) -> Receipt[Bought] | NotDone | Ended:
    """Get a yes, and then change one thing about what was approved, which no procedure should."""
    yes = await run.gate(Purchase.of("tea"))
    if not isinstance(yes, Approved):
        return run.end(yes)
    setattr(yes.draft.order, field, OTHERWISE[field])
    return await run.effect(yes, yes.draft.order)


OTHERWISE: Mapping[str, object] = {
    "operation": Shop.set_aside,
    "argument": Order(what="coffee"),
    "cost_max": Money(minor=1001, currency="EUR"),
    "preconditions": {"price": 11},
    "undo": None,
}


@pytest.mark.parametrize("field", OTHERWISE)
async def test_any_difference_from_what_was_approved_lapses(tmp_path: Path, field: str) -> None:
    """Another operation, argument, price, precondition or undo than the one that was shown is not carried out."""
    provider = Provider()
    desks = [Desk("shopping", procedures=[buy_something_else])]
    async with street(tmp_path, NeitherShop(provider), desks=desks) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_something_else.of(field))

        await house.yes(run, ana)

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, EffectNotDone)
        assert (outcome.why, outcome.code) == ("lapsed", "effect.changed")
        assert field in outcome.sentence
        assert not provider.requests


@pytest.mark.parametrize(
    "changed",
    [{"version": "2"}, {"account": "somebody else"}, {"live": True}, {"leaves": False}, {"name": "mall"}],
)
async def test_an_approval_does_not_cover_another_connector(tmp_path: Path, changed: dict[str, Any]) -> None:
    """A yes to one connector, version, account and mode has lapsed once any of them is another."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=LATER) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_later.of(5))
        await house.yes(run, ana)
        house.connectors = [replace(shop(NeitherShop(provider)), **changed)]
        await house.restart()

        await house.move(timedelta(minutes=5))

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, EffectNotDone)
        assert (outcome.why, outcome.code) == ("lapsed", "effect.changed")
        assert not provider.requests


async def test_a_budget_that_was_lowered_meanwhile_is_kept(tmp_path: Path) -> None:
    """Policy is asked once more when the effect is due."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=LATER) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_later.of(5))
        await house.yes(run, ana)
        await house.rules(Need(), Ceiling(amount=Money(minor=100, currency="EUR"), window=timedelta(days=30)))

        await house.move(timedelta(minutes=5))

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, EffectNotDone)
        assert (outcome.why, outcome.code) == ("over_budget", "budget.ceiling")
        assert not provider.requests


# Places that are filled later


@procedure(version=1)
async def buy_with_voucher(run: Run, order: list[str]) -> list[str]:
    """Run the effects of a basket in some order."""
    yes = await run.gate(Basket.of())
    assert isinstance(yes, Approved)
    heard = []
    for name in order:
        try:
            if name == "voucher":
                outcome = await run.effect(yes, yes.draft.voucher)
            else:
                outcome = await run.effect(yes, yes.draft.lines[0].order)
        except EffectRefused as refused:
            heard.append(refused.code)
        else:
            heard.append(outcome.code if isinstance(outcome, NotDone) else "done")
    return heard


BASKETS = [Desk("shopping", procedures=[buy_with_voucher])]


async def test_a_place_is_filled_with_what_another_effect_made(tmp_path: Path) -> None:
    """The second order is sent with the first one's very result."""
    town = NeitherShop(Provider())
    async with street(tmp_path, town, desks=BASKETS) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_with_voucher.of(["voucher", "order"]))

        await house.yes(run, ana)

        assert (await house.ended(run)).result == ["done", "done"]
        paid_with = town.orders[1].pay_with
        assert paid_with is not None
        assert paid_with.value == Bought(number="no. 1")


@pytest.mark.parametrize(
    ("trouble", "order", "heard"),
    [
        (Trouble.DECLINED, ["voucher", "order"], ["effect.declined", "effect.nothing_to_use"]),
        (Trouble.NONE, ["order", "voucher", "order"], ["effect.too_early", "done", "done"]),
    ],
)
async def test_an_effect_does_not_run_without_what_it_needs(
    tmp_path: Path, trouble: Trouble, order: list[str], heard: list[str]
) -> None:
    """What was not made lapses what needed it; what was not tried yet is a refusal that uses nothing up."""
    provider = Provider()
    provider.troubles.append(trouble)
    async with street(tmp_path, NeitherShop(provider), desks=BASKETS) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_with_voucher.of(order))

        await house.yes(run, ana)

        assert (await house.ended(run)).result == heard


@procedure(version=1)
async def buy_with_foreign_voucher(run: Run) -> None:
    """Ask for an order that needs what an effect of another draft makes."""
    elsewhere = Effect.of(Shop.order, Order(what="voucher"))
    await run.gate(Purchase(order=Effect.of(Shop.order, Order(what="tea", pay_with=elsewhere.result))))


async def test_a_draft_cannot_need_what_is_not_in_it(tmp_path: Path) -> None:
    """Such a draft is put before nobody; the run says why it cannot go on."""
    desks = [Desk("shopping", procedures=[buy_with_foreign_voucher])]
    async with street(tmp_path, NeitherShop(Provider()), desks=desks) as house:
        await house.person("Ana")
        run = await house.start(buy_with_foreign_voucher.of())

        with pytest.raises(BadDraft) as refusal:
            await house.ended(run)

        assert refusal.value.code == "draft.later"


# Branches, cancelling, recovery mode


@procedure(version=1)
async def race(run: Run) -> str:
    """Buy, but do not wait longer than a minute for it."""
    yes = await run.gate(Purchase.of("tea"))
    assert isinstance(yes, Approved)

    async def hurry() -> str:
        outcome = await run.effect(yes, yes.draft.order)
        return type(outcome).__name__

    async def patience() -> str:
        await run.sleep(timedelta(minutes=1))
        return "tired of waiting"

    return await run.first([hurry(), patience()])


async def test_a_losing_line_keeps_the_outcome_of_what_it_sent(tmp_path: Path) -> None:
    """The run does not end before it is known what became of the order nobody waits for any more."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    desks = [Desk("shopping", procedures=[race])]
    async with street(tmp_path, NeitherShop(provider), desks=desks) as house:
        ana, ben = await house.person("Ana"), await house.person("Ben")
        run = await house.start(race.of())
        await house.yes(run, ana)
        await house.move(timedelta(minutes=1))
        assert "run.ended" not in await house.kinds(run)

        await house.settle(run, ben, happened=True, result={"number": "7"})

        assert (await house.kinds(run))[-2:] == ["effect.happened", "run.ended"]
        assert (await house.ended(run)).result == "tired of waiting"


class Slow(NeitherShop):
    """Answers when it is told to."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.go_on = asyncio.Event()

    @effect
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        await self.go_on.wait()
        return await self._order(order, call)


async def test_cancelling_waits_for_the_call_and_keeps_its_outcome(tmp_path: Path) -> None:
    """A run that is cancelled during a call ends once the answer is there, and the answer is kept."""
    slow = Slow(Provider())
    async with street(tmp_path, slow) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        yes = await house.answer(house.gate_of(run), ana, Verdict.APPROVED)
        await house.engine.decide(house.account, yes)
        await house.engine.cancel(house.account, run, by=f"person:{ana}")

        slow.go_on.set()
        await house.engine.settled()

        assert (await house.kinds(run))[-3:] == ["run.cancelling", "effect.happened", "run.ended"]
        assert (await house.ended(run)).code == "cancelled"


async def test_a_cancelled_run_still_clears_up_after_a_restart(tmp_path: Path) -> None:
    """What was uncertain when somebody cancelled can still be settled by the next process, then the run ends."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    async with street(tmp_path, NeitherShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        await house.engine.cancel(house.account, run, by=f"person:{ana}")
        await house.restart()

        await house.settle(run, ana, happened=False)

        assert (await house.ended(run)).code == "cancelled"


class RefusesTheEnd:
    """A ledger that begins to refuse: everything about ending a run, from the moment an effect is intended."""

    def __init__(self, house: Practice, run: RunId) -> None:
        self._ledger = house.engine.world.ledger
        self._cancel = house.engine.cancel(house.account, run, by="kernel")
        self.refused: asyncio.Future[None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def append(self, chain: Chain, after: Head, *entries: Entry) -> Pending:
        kinds = {entry.kind for entry in entries}
        if kinds & {"run.cancelling", "run.parked"}:
            raise NoRoom("The disk is full.")
        if "effect.intended" in kinds:
            self.refused = asyncio.ensure_future(self._cancel)
        return self._ledger.append(chain, after, *entries)


async def test_a_run_comes_to_rest_though_its_ledger_refuses_more_while_an_intent_is_on_its_way(
    tmp_path: Path,
) -> None:
    """What was about to be sent is not, the run is parked with the reason, and the process can end."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        full = RefusesTheEnd(house, run)
        house.engine.world.ledger = full

        async with asyncio.timeout(5):
            await house.yes(run, ana)

        with pytest.raises(NoRoom):
            await full.refused
        assert isinstance(house.engine.parked[run], NoRoom)
        assert not provider.requests
