"""The account's own history holds what is the account's own; what runs say, only runs say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from haloop.kernel.errors import BadInput, Refused
from haloop.kernel.fact import EffectHappened, EffectNotDone, Fact, RunCancelling, RunEnded
from haloop.kernel.gate import GateId
from haloop.testing.provider import Provider, Trouble
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
        assert [hold.amount.minor for hold in (await house.engine.account(house.account)).holds.values()] == [1000]
