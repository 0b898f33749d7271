"""What a run tells: facts that are kept for good, and reports that only whoever watches just then hears."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from haloop.kernel.fact import Fact, RunRecorded
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.outside import HOUR, World, house

SECRET_OF_THE_MOMENT = "halfway through the third shelf"


@procedure(version=1)
async def count_shelves(run: Run) -> None:
    """Notes three shelves, tells how far it is, and takes a nap."""
    for shelf in ("first", "second", "third"):
        await run.record({"shelf": shelf})
    run.report(SECRET_OF_THE_MOMENT)
    await run.sleep(HOUR)


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    async with house(tmp_path, World(), count_shelves) as opened:
        yield opened


def recorded(facts: list[Fact]) -> list[object]:
    """What a run noted, in order."""
    return [fact.value for fact in facts if isinstance(fact, RunRecorded)]


async def test_what_a_run_records_is_kept_in_its_order(practice: Practice) -> None:
    """The facts stand in the history as they were told, also for the next process."""
    run = await practice.start(count_shelves.of())

    await practice.crash()

    assert recorded(await practice.facts(run)) == [{"shelf": "first"}, {"shelf": "second"}, {"shelf": "third"}]


async def test_whoever_watches_hears_each_recorded_fact_once_it_is_durable(practice: Practice) -> None:
    """What is streamed is in the ledger already, comes in order, and is not streamed again after a restart."""
    heard: list[tuple[object, int]] = []

    def listen(_account: AccountId, _run: RunId, fact: Fact) -> None:
        if isinstance(fact, RunRecorded):
            heard.append((fact.value, _durable(practice.home)))

    practice.engine.watch(listen)
    await practice.start(count_shelves.of())
    await practice.restart()
    practice.engine.watch(listen)
    await practice.move(HOUR)

    assert [value for value, _ in heard] == [{"shelf": "first"}, {"shelf": "second"}, {"shelf": "third"}]
    assert [durable for _, durable in heard] == [3, 3, 3]


async def test_a_report_is_heard_live_and_kept_nowhere(practice: Practice) -> None:
    """Whoever watches hears how far a run is; no file holds it, and a restart does not say it again."""
    heard: list[tuple[RunId, str]] = []
    practice.engine.world.reports.append(lambda _account, run, sentence: heard.append((run, sentence)))
    run = await practice.start(count_shelves.of())

    await practice.restart()
    practice.engine.world.reports.append(lambda _account, run, sentence: heard.append((run, sentence)))
    await practice.move(HOUR)

    assert heard == [(run, SECRET_OF_THE_MOMENT)]
    assert SECRET_OF_THE_MOMENT not in repr(await practice.facts(run))


def _durable(home: Path) -> int:
    """How many recorded facts another process finds in the ledger just now."""
    with closing(apsw.Connection(str(home / "ledger.db"), flags=apsw.SQLITE_OPEN_READONLY)) as stranger:
        return int(stranger.execute("SELECT count(*) FROM event WHERE kind = 'run.recorded'").get)
