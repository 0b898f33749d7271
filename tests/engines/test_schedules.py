"""Procedures that run by the clock run once for each nominal time, and make up for what was missed once."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import BaseModel

from haloop.engines.reading import read_known
from haloop.kernel import values
from haloop.kernel.clock import as_datetime
from haloop.kernel.desk import Connector, Daily, Desk, Ended, Run, procedure
from haloop.kernel.errors import BadProcedure
from haloop.kernel.fact import RunStarted, ScheduleFired
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain
from haloop.testing.practice import Practice
from tests.engines.disk import full_disk


class Household(BaseModel, frozen=True):
    """Something there is to do."""

    name: str


class Books(Protocol):
    """Who knows what changed."""

    async def changed(self) -> Sequence[Household]: ...


class Ledgers:
    """Two households changed, every night."""

    def __init__(self) -> None:
        self.asked = 0

    async def changed(self) -> Sequence[Household]:
        self.asked += 1
        return [Household(name="Ana"), Household(name="Ben")]


class Locked:
    """Its line breaks, and the exception says more than it should."""

    async def changed(self) -> Sequence[Household]:
        raise ConnectionError("https://books.example/?token=sk-live-4242: no route to host")


@procedure(version=1, every=Daily("02:00", zone="Europe/Berlin"), over=Books.changed)
async def nightly(run: Run, household: Household) -> Ended:
    """Look through one household's books."""
    return run.end(f"Looked at {household.name}.")


NIGHTLY = "coach.nightly"


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    books = Connector(port=Books, speaks=Ledgers(), name="books")
    async with Practice.opened(tmp_path, desks=[Desk("coach", procedures=[nightly])], connectors=[books]) as practice:
        yield practice


def _die(practice: Practice) -> None:
    """From this moment nothing is written, and whatever was being done is not done any further."""
    practice.pull_plug()
    practice.engine.world.tasks.cancel()


async def started(practice: Practice) -> list[RunId]:
    """The runs that the schedule began, in order."""
    events = await practice.ledger.events(practice.account)
    runs = [event.header.run_id for event in events if event.header.kind == RunStarted.kind]
    return [run for run in runs if (await practice.kinds(run))[0] == "run.started"]


async def test_each_changed_household_has_its_run_each_night(practice: Practice) -> None:
    """At two in the morning one run begins for each household that changed."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    await practice.move(timedelta(days=1))
    assert len(await started(practice)) == 2


async def test_each_night_has_runs_of_its_own(practice: Practice) -> None:
    """Two nights and two households are four runs, each with a name of its own."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    await practice.move(timedelta(days=1))
    await practice.move(timedelta(days=1))
    assert len(set(await started(practice))) == 4


async def test_a_night_that_was_cut_short_begins_no_run_twice(practice: Practice) -> None:
    """The process dies when the first household's run has begun; after it there is one for each, the first the same."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    practice.engine.watch(lambda _account, _run, _fact: _die(practice))
    await practice.move(timedelta(days=1))
    begun = await started(practice)

    await practice.restart()
    await practice.move(timedelta(seconds=1))

    assert len(begun) == 1
    assert [run for run in await started(practice) if run in begun] == begun
    assert len(await started(practice)) == 2


async def test_a_missed_night_is_made_up_for_once(practice: Practice) -> None:
    """After a week without power there is one run for each household, not seven."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    practice.clock.move(timedelta(days=7))
    await practice.restart()
    await practice.move(timedelta(seconds=1))
    assert len(await started(practice)) == 2


async def test_a_restart_on_the_same_day_begins_nothing_again(practice: Practice) -> None:
    """A nominal time is over once its runs have begun."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    await practice.move(timedelta(days=1))
    await practice.restart()
    await practice.move(timedelta(seconds=1))
    assert len(await started(practice)) == 2


async def test_a_schedule_that_found_no_room_runs_the_next_night(practice: Practice) -> None:
    """One night the disk was full and not even that could be said; with room again, the next night is looked at."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    with full_disk(practice.ledger):
        await practice.move(timedelta(days=1))
    begun = len(await started(practice))

    await practice.move(timedelta(days=1))

    assert begun == 0
    assert len(await started(practice)) >= 2


@pytest.mark.parametrize("name", ["Eve", "Ana"])
async def test_nobody_takes_a_schedules_runs_beforehand(practice: Practice, name: str) -> None:
    """An agent guesses tomorrow's key and begins a run under it: the night's own runs begin all the same."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    night = Daily("02:00", zone="Europe/Berlin").next_after(as_datetime(practice.clock.read().wall))
    guess = f"{NIGHTLY} {night.isoformat()} {values.digest({'household': {'name': 'Ana'}})}"
    await practice.start(nightly.of(Household(name=name)), by="agent:eve", key=guess)

    await practice.move(timedelta(days=1))

    begun = [
        fact for run in await started(practice) for fact in await practice.facts(run) if isinstance(fact, RunStarted)
    ]
    mine = [fact.arguments["household"]["name"] for fact in begun if fact.by == f"schedule:{NIGHTLY}"]
    assert mine == ["Ana", "Ben"]


async def test_a_port_that_cannot_be_asked_is_named_by_its_kind_of_trouble_alone(practice: Practice) -> None:
    """What a connector's exception says may hold a secret, so the ledger has its type and not its words."""
    practice.connectors = [Connector(port=Books, speaks=Locked(), name="books")]
    await practice.restart()
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")

    await practice.move(timedelta(days=1))

    own = await practice.ledger.run(Chain.of_account(practice.account))
    fired = await read_known(practice.ledger, own[-1])
    assert isinstance(fired, ScheduleFired)
    assert "ConnectionError" in fired.problem
    assert "sk-live-4242" not in fired.problem


@pytest.mark.parametrize("restarted", [False, True], ids=["in one process", "after a restart"])
async def test_a_night_whose_books_were_locked_is_made_up_for(practice: Practice, *, restarted: bool) -> None:
    """Nobody could say what there was to do: it is asked again and again, and said once, until somebody can."""
    books = Ledgers()
    locked = [Connector(port=Books, speaks=Locked(), name="books")]
    practice.connectors = locked
    await practice.restart()
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    await practice.move(timedelta(days=1))
    for _ in range(3):
        await practice.move(timedelta(minutes=5))
    fired = await _fired(practice)
    assert [bool(fact.problem) for fact in fired] == [True]

    locked[0].speaks.changed = books.changed  # type: ignore[attr-defined]
    if restarted:
        await practice.restart()
    await practice.move(timedelta(hours=1))

    assert len(await started(practice)) == 2
    assert [(fact.nominal, bool(fact.problem)) for fact in await _fired(practice)] == [
        (fired[0].nominal, True),
        (fired[0].nominal, False),
    ]


async def _fired(practice: Practice) -> list[ScheduleFired]:
    own = await practice.ledger.run(Chain.of_account(practice.account))
    facts = [await read_known(practice.ledger, event) for event in own]
    return [fact for fact in facts if isinstance(fact, ScheduleFired)]


async def test_a_schedule_that_is_off_begins_nothing(practice: Practice) -> None:
    """Switching off takes hold at once."""
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=True, by="kernel")
    await practice.engine.schedules.switch(practice.account, NIGHTLY, on=False, by="kernel")
    await practice.move(timedelta(days=3))
    assert await started(practice) == []


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # 02:30 is skipped: 03:30
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first
        (datetime(2026, 7, 1, 0, 30, tzinfo=UTC), datetime(2026, 7, 2, 0, 30, tzinfo=UTC)),  # strictly after
    ],
)
def test_a_night_with_a_time_change_has_one_nominal_time(moment: datetime, expected: datetime) -> None:
    """Where the clock skips or repeats an hour, the schedule still has one time that night."""
    assert Daily("02:30", zone="Europe/Berlin").next_after(moment) == expected


@pytest.mark.parametrize(("at", "zone"), [("2", "UTC"), ("25:00", "UTC"), ("", "UTC"), ("02:00", "Atlantis")])
def test_a_time_that_no_clock_shows_is_refused(at: str, zone: str) -> None:
    """A desk that lists an impossible time does not load."""
    with pytest.raises(BadProcedure):
        Daily(at, zone=zone)
