"""A run that nobody can drive just now: people still find out how its effects ended, and may end it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from haloop.engines.stuck import StuckRun
from haloop.kernel.desk import Desk
from haloop.kernel.errors import AnswerRefused, BadValue, Conflict, EffectRefused, HaloopError, NotFound, RunOver
from haloop.kernel.fact import EffectHappened, EffectNotDone, Fact
from haloop.kernel.gate import Need, Verdict
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.people import Proof, Role
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider, Trouble
from tests.engines.outside import until
from tests.engines.test_effects import OUTCOMES, last
from tests.engines.test_settling import LateShop
from tests.engines.trade import SHOPPING, NeitherShop, buy, street

BOUGHT = {"number": "no. 1", "charged": None}
NOTHING = [Desk("shopping", procedures=[])]


@asynccontextmanager
async def left_behind(folder: Path, need: Need | None = None) -> AsyncIterator[tuple[Practice, RunId, PersonId]]:
    """A run that bought something, nobody knows whether, and whose version the next release left out."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    async with street(folder, NeitherShop(provider)) as house:
        ana = await house.person("Ana")
        if need is not None:
            await house.enrol(ana)
            await house.rules(need)
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        house.desks = NOTHING
        await house.restart()
        await house.engine.settled()
        assert list(house.engine.parked) == [run]
        yield house, run, ana


@pytest.mark.parametrize(("happened", "kind"), [(True, EffectHappened), (False, EffectNotDone)])
async def test_how_its_effect_ended_can_be_said(tmp_path: Path, *, happened: bool, kind: type[Fact]) -> None:
    """What a person found out stands in its history, the money is counted, and the next release goes on with it."""
    async with left_behind(tmp_path) as (house, run, ana):
        assert await house.uncertain(run) == ["order"]

        await house.settle(run, ana, happened=happened, result=BOUGHT if happened else None)

        outcome = last(await house.facts(run), *OUTCOMES)
        assert isinstance(outcome, kind)
        assert getattr(outcome, "found_by") == f"person:{ana}"  # noqa: B009
        spending = (await house.engine.account(house.account)).spending
        assert (spending.holds, len(spending.payments)) == ({}, int(happened))
        house.desks = [SHOPPING]
        await house.restart()
        assert (await house.ended(run)).code == ("done" if happened else "not_done")


async def test_it_takes_what_approving_took(tmp_path: Path) -> None:
    """Neither a viewer, nor an owner without their passkey, nor somebody nobody knows."""
    async with left_behind(tmp_path, Need(proof=Proof.PASSKEY)) as (house, run, ana):
        vic = await house.person("Vic", Role.VIEWER)
        passkey = house.passkeys.pop(ana)
        for person in (vic, ana, PersonId(f"per_{9:032x}")):
            with pytest.raises(AnswerRefused):
                await house.settle(run, person, happened=False)
        assert await house.uncertain(run) == ["order"]

        house.passkeys[ana] = passkey
        await house.settle(run, ana, happened=False)

        assert await house.uncertain(run) == []


async def test_a_finding_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Something else than what the shop gives, a second word, another gate: each is told, and nothing is recorded."""
    async with left_behind(tmp_path) as (house, run, ana):
        before = await house.kinds(run)
        finding = await house.found(run, ana, happened=False)
        with pytest.raises(BadValue):
            await house.settle(run, ana, happened=True, result={"strange": 1})
        assert await house.kinds(run) == before
        await house.engine.settle(house.account, finding)

        with pytest.raises(EffectRefused) as refused:
            await house.engine.settle(house.account, finding)

        assert refused.value.code == "effect.settled"


async def test_where_nobody_speaks_to_the_shop_any_more_that_is_said(tmp_path: Path) -> None:
    """Without its connector nobody can tell what a result looks like."""
    async with left_behind(tmp_path) as (house, run, ana):
        house.connectors = []
        await house.restart()

        with pytest.raises(NotFound) as refused:
            await house.settle(run, ana, happened=True, result=BOUGHT)

        assert refused.value.code == "connector.missing"


async def test_it_is_cancelled_once_nothing_is_uncertain(tmp_path: Path) -> None:
    """Before that, whoever cancels hears what keeps it; afterwards it ends, and cannot end twice."""
    async with left_behind(tmp_path) as (house, run, ana):
        with pytest.raises(HaloopError) as kept:
            await house.engine.cancel(house.account, run, by=f"person:{ana}")
        assert kept.value.code == "procedure.missing"
        await house.settle(run, ana, happened=False)

        await house.engine.cancel(house.account, run, by=f"person:{ana}")

        assert (await house.ended(run)).code == "cancelled"
        with pytest.raises(RunOver):
            await house.engine.cancel(house.account, run, by=f"person:{ana}")


async def test_an_intent_whose_process_died_can_be_settled_too(tmp_path: Path) -> None:
    """The process died while it was sent, and the next one could not even say that nobody knows."""
    provider = Provider()
    async with street(tmp_path, LateShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        gate = house.gate_of(run)
        shown = await house.answer(gate, ana, Verdict.APPROVED)
        await house.engine.decide(house.account, shown)
        await until(lambda: bool(provider.requests))
        house.desks = NOTHING
        await house.crash()
        await house.engine.settled()
        assert await house.uncertain(run) == ["order"]

        await house.settle(run, ana, happened=True, result=BOUGHT)

        assert (await house.kinds(run))[-1] == "effect.happened"


async def test_it_is_cancelled_once_by_whoever_was_first(tmp_path: Path) -> None:
    """Two people read the same history and end the run: the second hears no, and its end stands there once."""
    async with left_behind(tmp_path) as (house, run, ana):
        await house.settle(run, ana, happened=False)
        account = await house.engine.account(house.account)
        one, other = [await StuckRun.read(account, run, house.engine.world) for _ in range(2)]
        await one.cancel("First.", by=f"person:{ana}")

        with pytest.raises(Conflict):
            await other.cancel("Second.", by=f"person:{ana}")

        assert (await house.kinds(run)).count("run.ended") == 1
