"""The account's own history holds what is the account's own; what runs say, only runs say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from haloop.kernel.errors import BadInput, HaloopError, Refused
from haloop.kernel.fact import (
    AccountFact,
    CredentialEnrolled,
    EffectHappened,
    EffectNotDone,
    Fact,
    PersonAdded,
    RulesSet,
    RunCancelling,
    RunEnded,
)
from haloop.kernel.gate import GateId
from haloop.testing.provider import Provider, Trouble
from tests.engines.outside import World, house
from tests.engines.trade import NeitherShop, buy, street


def not_done(gate: GateId) -> Fact:
    return EffectNotDone(
        at="2",
        gate=gate,
        effect="order",
        why="settled",
        code="effect.settled",
        sentence="",
        seen=None,
        found_by="answer",
    )


def happened(gate: GateId) -> Fact:
    return EffectHappened(
        at="2", gate=gate, revision=1, effect="order", result={}, charged=None, exceeded=False, found_by="answer"
    )


def ended(_gate: GateId) -> Fact:
    return RunEnded(code="done", reason="")


def cancelling(_gate: GateId) -> Fact:
    return RunCancelling(reason="")


@pytest.mark.parametrize("foreign", [not_done, happened, ended, cancelling])
async def test_an_account_takes_no_word_that_only_a_run_can_say(
    tmp_path: Path, foreign: Callable[[GateId], Fact]
) -> None:
    """Whoever tries to record how an effect or a run ended is refused by name: money stays held, nothing is written."""
    provider = Provider()
    provider.troubles.append(Trouble.REPLY_LOST)
    async with street(tmp_path, NeitherShop(provider)) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))
        gate = house.gate_of(run)
        await house.yes(run, ana)
        before = len(await house.ledger.events(house.account))

        with pytest.raises((BadInput, Refused)):
            await house.engine.record(house.account, foreign(gate), by="agent:shopper")

        assert len(await house.ledger.events(house.account)) == before
        spending = (await house.engine.account(house.account)).spending
        assert [hold.amount.minor for hold in spending.holds.values()] == [1000]


@pytest.mark.parametrize(
    "fact",
    [
        PersonAdded(person="per_" + "0" * 32, name="Max", roles=["king"]),
        RulesSet(need={"count": 0}, ceilings=[]),
        CredentialEnrolled(person="per_" + "0" * 32, credential="c", algorithm=-257, public_key="00"),
    ],
)
async def test_what_could_not_be_read_again_is_not_recorded(tmp_path: Path, fact: AccountFact) -> None:
    """A fact that nobody could take in is refused, and keeps no account closed."""
    async with house(tmp_path, World()) as practice:
        with pytest.raises(HaloopError):
            await practice.engine.record(practice.account, fact, by="kernel")

        await practice.restart()

        assert (await practice.engine.account(practice.account)).id == practice.account
