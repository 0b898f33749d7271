"""Procedures that run by the clock run once for each nominal time, and make up for what was missed once."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import BaseModel

from haloop.kernel.desk import Connector, Daily, Desk, Ended, Run, procedure
from haloop.kernel.errors import BadProcedure
from haloop.kernel.fact import RunStarted
from haloop.kernel.ids import RunId
from haloop.testing.practice import Practice


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
