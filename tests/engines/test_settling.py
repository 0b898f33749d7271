"""A person finds out what nobody knew; and what happens when later evidence says the contrary."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.errors import AnswerRefused, BadValue, EffectRefused
from haloop.kernel.fact import EffectContradicted, EffectHappened, EffectNotDone, Fact
from haloop.kernel.gate import GateId, Need
from haloop.kernel.money import Money
from haloop.kernel.operation import Absent, Call, Found, NotDone, effect, idempotent
from haloop.kernel.people import Proof, Role
from haloop.kernel.policy import Ceiling
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider, Trouble
from tests.engines.outside import until
from tests.engines.test_effects import OUTCOMES, last
from tests.engines.trade import HOUR, MINUTE, Bought, NeitherShop, Order, QueryableShop, buy, street

BOUGHT = {"number": "no. 1", "charged": None}


def unlucky() -> Provider:
    """A provider whose first reply is lost."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    return provider


@pytest.mark.parametrize(("happened", "kind"), [(True, EffectHappened), (False, EffectNotDone)])
async def test_a_person_says_how_it_ended(tmp_path: Path, *, happened: bool, kind: type[Fact]) -> None:
    """The run goes on with what the person found, and the ledger says who it was."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)

        await house.settle(run, ana, happened=happened, result=BOUGHT if happened else None)

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, kind)
        assert getattr(outcome, "found_by") == f"person:{ana}"  # noqa: B009
        assert "run.ended" in await house.kinds(run)


@pytest.mark.parametrize("role", [Role.VIEWER])
async def test_settling_takes_a_role_that_may_approve(tmp_path: Path, role: Role) -> None:
    """Whoever may only look cannot settle."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana, vic = await house.person("Ana"), await house.person("Vic", role)
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)

        with pytest.raises(AnswerRefused):
            await house.settle(run, vic, happened=False)

        assert await house.uncertain(run) == ["order"]


async def test_settling_takes_the_role_that_this_gate_asked_for(tmp_path: Path) -> None:
    """Where only owners could approve, an approver does not say how it ended."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana, ben = await house.person("Ana"), await house.person("Ben", Role.APPROVER)
        await house.rules(Need(roles=frozenset({Role.OWNER})))
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)

        with pytest.raises(AnswerRefused) as refused:
            await house.settle(run, ben, happened=False)

        assert refused.value.code == "answer.not_allowed"
        assert await house.uncertain(run) == ["order"]


async def test_whoever_proposed_it_cannot_settle_it(tmp_path: Path) -> None:
    """The person who asked for the run is no witness of how it ended; another one is."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana, ben = await house.person("Ana"), await house.person("Ben")
        run = await house.start(buy.of("tea", 10), by=f"person:{ana}")
        await house.yes(run, ben)
        with pytest.raises(AnswerRefused):
            await house.settle(run, ana, happened=False)

        await house.settle(run, ben, happened=False)

        assert await house.uncertain(run) == []


async def test_settling_takes_the_proof_that_approving_took(tmp_path: Path) -> None:
    """Where a passkey approved, a word without one does not settle, nor one that was signed for something else."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana = await house.person("Ana")
        await house.rules(Need(proof=Proof.PASSKEY))
        await house.enrol(ana)
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        signed = await house.found(run, ana, happened=False)
        with pytest.raises(AnswerRefused) as unsigned:
            await house.engine.settle(house.account, replace(signed, assertion=None))
        with pytest.raises(AnswerRefused) as other:
            await house.engine.settle(house.account, replace(signed, happened=True, result=BOUGHT))

        await house.engine.settle(house.account, signed)

        assert (unsigned.value.code, other.value.code) == ("answer.proof", "passkey.bad")
        assert getattr(last(await house.facts(run), *OUTCOMES), "assertion") == signed.assertion  # noqa: B009


@pytest.mark.parametrize("result", [None, {"number": 3}, {"what": "tea"}])
async def test_a_finding_that_nobody_can_read_is_refused(tmp_path: Path, result: object) -> None:
    """What a person says it became must be what the operation makes."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)

        with pytest.raises(BadValue):
            await house.settle(run, ana, happened=True, result=result)

        assert await house.uncertain(run) == ["order"]


async def test_what_is_known_cannot_be_settled(tmp_path: Path) -> None:
    """A second finding is refused by name."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        finding = await house.found(run, ana, happened=False)
        await house.engine.settle(house.account, finding)

        with pytest.raises(EffectRefused) as refusal:
            await house.engine.settle(house.account, finding)

        assert refusal.value.code == "effect.settled"


# Contrary evidence


@pytest.mark.parametrize(
    "found", [Found(result=Bought(number="no. 1")), Absent()], ids=["it happened", "there is no trace"]
)
async def test_what_nobody_knows_cannot_be_contradicted(tmp_path: Path, found: Found[Bought] | Absent) -> None:
    """Evidence is no way round a person's word: the effect stays uncertain, and what it may have cost stays held."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        gate = house.gate_of(run)
        await house.yes(run, ana)
        before = await house.kinds(run)

        with pytest.raises(EffectRefused) as refusal:
            await house.engine.contradict(house.account, gate, "order", found)
        await house.engine.settled()

        assert refusal.value.code == "effect.not_settled"
        assert (await house.kinds(run), await house.uncertain(run)) == (before, ["order"])
        assert await _held(house) == [Money(minor=1000, currency="EUR")]


async def _settled_as_absent(house: Practice) -> GateId:
    """A run whose order was done, and that a person took for not done; it has ended."""
    ana = await house.person("Ana")
    run = await house.start(buy.of("tea", 10))
    gate = house.gate_of(run)
    await house.yes(run, ana)
    await house.settle(run, ana, happened=False)
    return gate


async def test_evidence_after_the_end_of_a_run_is_kept_and_told(tmp_path: Path) -> None:
    """The account's own history says that it happened after all, what it may have cost is held again, all hear it."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        gate = await _settled_as_absent(house)
        heard: list[Fact] = []
        house.engine.watch(lambda _account, _run, fact: heard.append(fact))

        await house.engine.contradict(house.account, gate, "order", Found(result=Bought(number="no. 1")))

        assert [type(fact) for fact in heard] == [EffectContradicted]
        assert (await _held(house)) == [Money(minor=1000, currency="EUR")]


async def test_a_restored_hold_survives_a_restart(tmp_path: Path) -> None:
    """Money that turned out to be spent stays spent for the next process."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        gate = await _settled_as_absent(house)
        await house.engine.contradict(house.account, gate, "order", Found(result=Bought(number="no. 1")))

        await house.restart()

        assert (await _held(house)) == [Money(minor=1000, currency="EUR")]


async def test_money_that_was_spent_after_all_counts_no_longer_than_any_other(tmp_path: Path) -> None:
    """What turned out to be spent fills a ceiling for its window, not for good."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        gate = await _settled_as_absent(house)
        await house.rules(Need(), Ceiling(amount=Money(minor=1500, currency="EUR"), window=timedelta(days=30)))
        await house.engine.contradict(house.account, gate, "order", Found(result=Bought(number="no. 1")))
        denied = await house.start(buy.of("tea", 10))
        assert "would exceed" in (await house.ended(denied)).reason

        await house.move(timedelta(days=31))

        assert await house.start(buy.of("tea", 10)) not in house.engine.parked
        assert len(house.engine.open_gates(house.account)) == 1


async def test_the_same_evidence_twice_is_one_fact(tmp_path: Path) -> None:
    """Hearing it again, also after a restart, adds nothing."""
    async with street(tmp_path, NeitherShop(unlucky())) as house:
        gate = await _settled_as_absent(house)
        found = Found(result=Bought(number="no. 1"))
        await house.engine.contradict(house.account, gate, "order", found)
        before = len(await house.ledger.events(house.account))
        await house.restart()

        await house.engine.contradict(house.account, gate, "order", found)

        assert len(await house.ledger.events(house.account)) == before


async def test_an_act_that_turns_out_not_to_have_happened_is_said_too(tmp_path: Path) -> None:
    """A receipt that the outside no longer stands by is contradicted, not rewritten."""
    async with street(tmp_path, NeitherShop(Provider())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        gate = house.gate_of(run)
        await house.yes(run, ana)

        await house.engine.contradict(house.account, gate, "order", Absent())

        kinds = [event.header.kind for event in await house.ledger.events(house.account)]
        assert kinds[-1] == "effect.contradicted"
        assert "effect.happened" in kinds


class LateShop(NeitherShop):
    """The same key is the same order for an hour; its answers come when somebody lets them."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.answers = asyncio.Event()

    @effect(recovery=idempotent(for_=HOUR))
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        bought = await self._order(order, call)
        await self.answers.wait()
        return bought


async def test_an_answer_that_comes_after_a_person_settled_is_not_lost(tmp_path: Path) -> None:
    """The reply was on its way while a person took it for lost: it contradicts them, by name."""
    provider = Provider()
    provider.troubles.extend([Trouble.REQUEST_LOST] * 2)
    town = LateShop(provider)
    async with street(tmp_path, town) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        finding = await house.found(run, ana, happened=False)
        house.clock.move(2 * MINUTE)
        house.engine.look_at_clock()
        await until(lambda: provider.requests.total() == 3)
        await house.engine.settle(house.account, finding)

        town.answers.set()
        await house.engine.settled()

        kinds = [event.header.kind for event in await house.ledger.events(house.account)]
        assert kinds[-1] == "effect.contradicted"
        assert list(provider.done.values()) == [1]


async def test_a_trace_that_is_found_after_a_person_settled_is_not_lost(tmp_path: Path) -> None:
    """Somebody was just looking while a person took it for lost: what they find contradicts the person, by name."""
    provider = Provider()
    provider.troubles.append(Trouble.REQUEST_LOST)
    provider.lookup_troubles.append(Trouble.DECLINED)
    async with street(tmp_path, QueryableShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        finding = await house.found(run, ana, happened=False)
        provider.results.update({key: Bought(number="no. 1") for key in provider.requests})
        house.clock.move(2 * MINUTE)
        house.engine.look_at_clock()
        await house.engine.settle(house.account, finding)

        await house.engine.settled()

        kinds = [event.header.kind for event in await house.ledger.events(house.account)]
        assert "effect.contradicted" in kinds


async def _held(house: Practice) -> list[Money]:
    account = await house.engine.account(house.account)
    return [hold.amount for hold in account.spending.holds.values()]
