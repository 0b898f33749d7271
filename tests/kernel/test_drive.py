"""Driving a procedure: its calls stand at positions that depend on nothing but what it did before."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from haloop.kernel.drive import Drive
from haloop.kernel.errors import BadProcedure, StepFailed
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.run import Run, SleepCall

HOUR = timedelta(hours=1)


class Inside:
    """What these runs know without waiting."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive

    def now(self) -> datetime:
        return datetime(2027, 1, 15, tzinfo=UTC)

    def new_id(self) -> str:
        return self._drive.new_id("run_1")

    def report(self, sentence: str) -> None:
        raise AssertionError(sentence)


class Driven:
    """A procedure under way, whose calls are answered by hand."""

    def __init__(self, procedure: Callable[[Run], Coroutine[Any, Any, Any]]) -> None:
        self.drive = Drive()
        self.ended: list[tuple[Any, BaseException | None]] = []
        run = Run(id=RunId("run_1"), account=AccountId("acc_1"), inside=Inside(self.drive))
        self.drive.begin(procedure(run), lambda value, fault: self.ended.append((value, fault)))

    def positions(self) -> list[str]:
        """The calls that were made since last time."""
        return [made.at for made in self.drive.go_on()]

    def answer(self, at: str, value: object = None) -> list[str]:
        self.drive.answer(at, value)
        return self.positions()


async def straight(run: Run) -> str:
    await run.sleep(HOUR)
    await run.sleep(HOUR)
    return "done"


def lines(run: Run, *lengths: int) -> list[Awaitable[list[Any]]]:
    async def line(length: int) -> list[Any]:
        return [await cast("Awaitable[Any]", run.sleep(HOUR)) for _ in range(length)]

    return [line(length) for length in lengths]


async def branched(run: Run) -> list[Any]:
    await run.sleep(HOUR)
    both = await run.all(lines(run, 2, 1))
    await run.sleep(HOUR)
    return both


async def raced(run: Run) -> list[Any]:
    won = await run.first([*lines(run, 1, 2), run.all(lines(run, 1, 1))])
    await run.sleep(HOUR)
    return won


def test_calls_are_numbered_in_their_order() -> None:
    """A procedure without branches makes its calls one after the other."""
    driven = Driven(straight)

    assert driven.positions() == ["1"]
    assert driven.answer("1") == ["2"]
    assert driven.answer("2") == []
    assert driven.ended == [("done", None)]


def test_lines_have_paths() -> None:
    """A call on a branch stands under the call that opened it."""
    driven = Driven(branched)
    driven.positions()

    assert driven.answer("1") == ["2.0/1", "2.1/1"]
    assert driven.answer("2.0/1", "a") == ["2.0/2"]


@pytest.mark.parametrize(
    "order", [("2.0/1", "2.0/2", "2.1/1"), ("2.1/1", "2.0/1", "2.0/2"), ("2.0/1", "2.1/1", "2.0/2")]
)
def test_results_come_in_the_order_of_the_lines(order: tuple[str, str, str]) -> None:
    """Whichever line ends first, positions and results are the same."""
    driven = Driven(branched)
    driven.positions()
    driven.answer("1")
    made = [driven.answer(at, at) for at in order]

    assert made[-1] == ["3"]
    driven.answer("3")
    assert driven.ended == [([["2.0/1", "2.0/2"], ["2.1/1"]], None)]


def test_the_first_line_drops_the_others() -> None:
    """With `first`, what the other lines wait for is dropped, lines in lines too, and their answers go nowhere."""
    driven = Driven(raced)
    assert driven.positions() == ["1.0/1", "1.1/1", "1.2/1.0/1", "1.2/1.1/1"]

    assert driven.answer("1.0/1", "won") == ["2"]
    assert sorted(driven.drive.take_dropped()) == ["1.1/1", "1.2/1.0/1", "1.2/1.1/1"]
    assert driven.answer("1.1/1", "late") == []
    driven.answer("2")
    assert driven.ended == [(["won"], None)]


def test_a_fault_of_a_line_is_raised_once_all_have_ended() -> None:
    """`all` waits for every line, then raises the first fault by the order of the lines."""
    driven = Driven(branched)
    driven.positions()
    driven.answer("1")

    driven.drive.fail("2.1/1", StepFailed("second"))
    assert driven.positions() == []
    driven.drive.fail("2.0/1", StepFailed("first"))
    driven.positions()

    assert [str(fault) for _, fault in driven.ended] == ["first"]


async def _sleeps(_run: Run) -> None:
    await asyncio.sleep(1)


async def _waits_for_future(_run: Run) -> None:
    await asyncio.get_running_loop().create_future()


async def _works_on_anything(run: Run) -> None:
    await run.all([3])  # type: ignore[arg-type]


@pytest.mark.parametrize("procedure", [_sleeps, _waits_for_future])
async def test_awaiting_anything_foreign_ends_it(procedure: Callable[[Run], Coroutine[Any, Any, None]]) -> None:
    """What is not a call of the run would be lost in a restart, so it is a fault by name."""
    driven = Driven(procedure)
    driven.positions()

    ((_, fault),) = driven.ended
    assert isinstance(fault, BadProcedure)
    assert fault.code == "procedure.foreign_await"


def test_a_line_must_be_awaitable() -> None:
    """Something that is no line of work is a fault of the procedure, and of nobody else."""
    driven = Driven(_works_on_anything)
    driven.positions()

    assert isinstance(driven.ended[0][1], TypeError)


async def named(run: Run) -> list[str]:
    async def line() -> str:
        return run.new_id()

    return [run.new_id(), run.new_id(), *await run.all([line(), line()])]


def test_names_depend_on_the_place_alone() -> None:
    """The same run gives the same names again, and none twice."""
    first, second = Driven(named), Driven(named)
    first.positions()
    second.positions()

    assert first.ended == second.ended
    assert len(set(first.ended[0][0])) == 4


async def clings(run: Run) -> None:
    try:
        await run.sleep(HOUR)
    finally:
        await run.sleep(HOUR)


def test_a_procedure_that_will_not_let_go_is_let_go() -> None:
    """A procedure that goes on waiting while it is closed stands in nobody's way."""
    driven = Driven(clings)
    driven.positions()

    driven.drive.close()

    assert driven.answer("1") == []
    assert driven.ended == []


async def unstarted(run: Run) -> None:
    await run.all([run.sleep(HOUR), run.first([run.sleep(HOUR)])])


def test_a_call_may_be_a_line_of_its_own() -> None:
    """Calls stand for lines without being wrapped."""
    driven = Driven(unstarted)

    made = driven.drive.go_on()

    assert [one.at for one in made] == ["1.0/1", "1.1/1.0/1"]
    assert all(isinstance(one.call, SleepCall) for one in made)
