"""After a restore nothing that was approved runs, every open question says what may be forgotten, and money rests."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.engines.granting import give_grant
from haloop.kernel import canonical
from haloop.kernel.desk import (
    Approved,
    Effect,
    Ended,
    Money,
    Need,
    NotDone,
    Receipt,
    Run,
    procedure,
)
from haloop.kernel.errors import Refused
from haloop.kernel.gate import GateStatus
from haloop.kernel.grant import GrantTerms
from haloop.kernel.policy import Ceiling
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider, Trouble
from tests.engines.bell import Bell, BellDraft, bell_house

COST = Money(minor=500, currency="EUR")


@procedure(version=1)
async def ring_bell(run: Run, times: int) -> Receipt[str] | NotDone | Ended:
    """Ask, sleep on it, ring."""
    draft = BellDraft(ring=Effect.of(Bell.ring, times, cost_max=COST))
    yes = await run.gate(draft, valid_for=timedelta(days=2))
    if not isinstance(yes, Approved):
        return run.end(yes)
    await run.sleep(timedelta(days=1))
    return await run.effect(yes, yes.draft.ring)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def practice(tmp_path: Path, provider: Provider) -> AsyncIterator[Practice]:
    async with bell_house(tmp_path, provider, ring_bell) as practice:
        yield practice


@pytest.fixture(autouse=True)
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What remembers the ledger from outside hears of each batch, and not once a second."""
    monkeypatch.setattr("haloop.store.writer.CHECKPOINT_SECONDS", 0.0)


async def roll_back(practice: Practice, saved: Path) -> None:
    """Put an older copy of the home in its place, as a restored backup does."""
    await practice.stop()
    practice.clock.move(timedelta(seconds=1))
    shutil.rmtree(practice.home)
    shutil.copytree(saved, practice.home)
    await practice.restart()
    await practice.engine.settled()


async def save(practice: Practice, to: Path) -> Path:
    """Keep a copy of the home as it is now, and let something happen that the copy will not know of."""
    await practice.stop()
    shutil.copytree(practice.home, to)
    await practice.restart()
    await practice.person("Zoe")
    return to


async def test_an_approval_from_before_is_void(practice: Practice, provider: Provider, tmp_path: Path) -> None:
    """What a yes from before the restore allowed may be done already, so it does not run."""
    ana = await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    await practice.yes(run, ana)
    await roll_back(practice, await save(practice, tmp_path / "saved"))
    await practice.ledger.end_recovery(actor=f"person:{ana}")
    await practice.move(timedelta(days=1, seconds=1))
    ended = await practice.ended(run)
    assert (ended.code, ended.result["code"]) == ("not_done", "approval.void")
    assert provider.requests.total() == 0


async def test_an_open_gate_comes_back_and_says_what_may_have_happened(practice: Practice, tmp_path: Path) -> None:
    """The question is asked anew, with something to read first, and an answer to the old one is stale."""
    ana = await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    await roll_back(practice, await save(practice, tmp_path / "saved"))
    view = await practice.view(practice.gate_of(run))
    assert view.gate.revision == 2
    assert b'"key":"may_have_happened"' in canonical.encode(view.card)
    assert await practice.yes(run, ana) is GateStatus.APPROVED


async def test_a_gate_comes_back_once(practice: Practice, tmp_path: Path) -> None:
    """A second start does not ask anew again."""
    await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    await roll_back(practice, await save(practice, tmp_path / "saved"))
    await practice.restart()
    await practice.engine.settled()
    assert (await practice.view(practice.gate_of(run))).gate.revision == 2


async def test_budget_windows_count_as_spent(practice: Practice, tmp_path: Path) -> None:
    """Nobody knows what was spent after the backup, so the whole window is."""
    await practice.person("Ana")
    await practice.rules(Need(), Ceiling(amount=Money(minor=10_000, currency="EUR"), window=timedelta(days=7)))
    await roll_back(practice, await save(practice, tmp_path / "saved"))
    refused = await practice.start(ring_bell.of(3))
    assert (await practice.ended(refused)).reason.startswith("5.00 EUR more would exceed")
    await practice.move(timedelta(days=8))
    later = await practice.start(ring_bell.of(3))
    assert practice.gate_of(later)


async def test_grants_are_suspended(practice: Practice, tmp_path: Path) -> None:
    """A grant from before opens nothing more: what it has paid since the backup is forgotten."""
    ana = await practice.person("Ana")
    terms = GrantTerms(
        operations=("Bell.ring",),
        payees=(),
        each_max=COST,
        total_max=COST,
        window_days=7,
        expires_at=practice.clock.read().wall + 10**12,
        live=False,
    )
    await practice.yes(await practice.start(give_grant.of(terms)), ana)
    await roll_back(practice, await save(practice, tmp_path / "saved"))

    run = await practice.start(ring_bell.of(3))

    assert (await practice.view(practice.gate_of(run))).gate.status is GateStatus.OPEN
    assert all(grant.suspended for grant in (await practice.engine.account(practice.account)).grants.values())


async def test_nothing_irreversible_starts_until_somebody_has_looked(
    practice: Practice, provider: Provider, tmp_path: Path
) -> None:
    """In recovery mode a new yes is kept and its effect waits for the end of recovery."""
    ana = await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    await roll_back(practice, await save(practice, tmp_path / "saved"))
    await practice.yes(run, ana)
    await practice.move(timedelta(days=1, seconds=1))
    assert practice.engine.parked[run].code == "recovery.open"
    await practice.engine.end_recovery(practice.account, by=ana)
    assert (await practice.ended(run)).code == "done"
    assert provider.done.total() == 1


@procedure(version=1)
async def ring_at_once(run: Run, times: int) -> Receipt[str] | NotDone | Ended:
    """Ask, ring."""
    yes = await run.gate(BellDraft(ring=Effect.of(Bell.ring, times)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.ring)


async def test_what_is_approved_after_recovery_runs_at_once(tmp_path: Path, provider: Provider) -> None:
    """Once somebody has looked, a new yes allows what it says, also where nothing lies between it and its effect."""
    async with bell_house(tmp_path / "bells", provider, ring_at_once) as practice:
        ana = await practice.person("Ana")
        await roll_back(practice, await save(practice, tmp_path / "saved"))
        await practice.engine.end_recovery(practice.account, by=ana)
        run = await practice.start(ring_at_once.of(3))

        await practice.yes(run, ana)

        assert (await practice.ended(run)).code == "done"
        assert provider.done.total() == 1


async def test_recovery_does_not_end_while_an_effect_is_unclear(tmp_path: Path, provider: Provider) -> None:
    """As long as nobody knows how an effect ended, nothing irreversible starts again."""
    provider.troubles.append(Trouble.REPLY_LOST)
    async with bell_house(tmp_path / "bells", provider, ring_at_once) as practice:
        ana = await practice.person("Ana")
        run = await practice.start(ring_at_once.of(3))
        await practice.yes(run, ana)
        await roll_back(practice, await save(practice, tmp_path / "saved"))

        with pytest.raises(Refused) as refusal:
            await practice.engine.end_recovery(practice.account, by=ana)
        await practice.settle(run, ana, happened=True, result="rang 3 times")
        await practice.engine.end_recovery(practice.account, by=ana)

        assert refusal.value.code == "recovery.unclear"
        assert practice.ledger.recovery is None
