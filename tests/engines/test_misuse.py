"""What a desk author gets wrong, past the type checkers: each misuse is refused by its own name, the run waits with
that reason, and nothing that nobody approved reaches the world."""

import datetime as dt
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from random import choice
from time import monotonic
from typing import Any, NamedTuple

import pytest

from haloop.kernel.errors import BadProcedure
from haloop.kernel.fact import EffectNotDone, RunParked
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.procedure import Procedure, procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.procedures import booking, checkout, misuse

BEFORE_ANY_GATE = [
    (misuse.step_on_an_effect, "step.operation"),
    (misuse.step_with_another_type, "step.arguments"),
    (misuse.step_without_its_argument, "step.arguments"),
    (misuse.step_on_no_port, "connector.missing"),
    (misuse.gate_on_no_draft, "draft.bad"),
    (misuse.effect_of_a_step, "effect.operation"),
    (misuse.effect_with_another_type, "effect.argument"),
    (misuse.undo_of_something_else, "effect.undo"),
    (misuse.cost_below_nothing, "effect.cost_max"),
    (misuse.cost_without_currency, "effect.cost_max"),
    (misuse.one_effect_twice, "draft.effect_twice"),
    (misuse.effect_that_poses_as_an_undo, "draft.effect_name"),
    (misuse.later_from_elsewhere, "draft.later"),
    (misuse.later_of_another_type, "effect.argument"),
    (misuse.payee_that_is_filled_later, "draft.later"),
    (misuse.place_that_is_filled_already, "draft.later"),
    (misuse.words_that_pose_as_a_place, "draft.later"),
    (misuse.float_in_a_draft, "canonical.float"),
    (misuse.float_in_money, "money.bad"),
    (misuse.draft_with_a_field_of_another_type, "value.bad"),
    (misuse.draft_with_something_else_than_an_effect, "value.bad"),
    (misuse.draft_that_hides_an_effect, "value.bad"),
    (misuse.effect_without_an_approval, "effect.not_approved"),
    (misuse.await_a_sleep, "procedure.foreign_await"),
    (misuse.await_a_turn_of_the_loop, "procedure.foreign_await"),
    (misuse.await_a_future, "procedure.foreign_await"),
    (misuse.branch_on_a_future, "procedure.foreign_await"),
    (misuse.first_of_nothing, "procedure.no_branches"),
    (misuse.start_what_no_desk_lists, "procedure.unlisted"),
    (misuse.raise_something, "procedure.raised"),
]

AFTER_A_YES = [
    (misuse.effect_that_is_none, "effect.not_planned"),
    (misuse.effect_of_another_class_of_draft, "effect.other_draft"),
    (misuse.effect_of_another_draft_of_the_same_class, "effect.other_draft"),
    (misuse.effect_of_no_draft, "effect.other_draft"),
    (misuse.undo_of_nothing, "undo.nothing"),
    (misuse.end_with_a_yes, "procedure.end"),
]

AFTER_A_NO = [
    (misuse.effect_after_a_no, "effect.not_approved"),
    (misuse.approval_made_up_after_a_no, "effect.not_approved"),
]


class House(NamedTuple):
    """A house with one person and an inn."""

    practice: Practice
    ana: PersonId
    inn: booking.Restaurant

    async def parked_with(self, run: RunId) -> str:
        """Why a run waits, as its history says."""
        newest = (await self.practice.facts(run))[-1]
        assert isinstance(newest, RunParked)
        return newest.code

    def bookings(self) -> int:
        return self.inn.provider.requests.total()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    inn = booking.Restaurant()
    shops = checkout.high_street(checkout.Merchants(), checkout.Bank())
    connectors = [booking.restaurant(inn), *shops, *misuse.postman()]
    async with Practice.opened(tmp_path, desks=[misuse.MISUSES], connectors=connectors) as practice:
        yield House(practice, await practice.person("Ana"), inn)


@pytest.mark.parametrize(("wrong", "code"), BEFORE_ANY_GATE, ids=lambda one: getattr(one, "name", one))
async def test_a_misuse_parks_its_run_by_name(wrong: Procedure[[], object], code: str, house: House) -> None:
    """A procedure that asks for what cannot be waits with the reason, before anybody is asked or anything is done."""
    run = await house.practice.start(wrong.of())

    assert await house.parked_with(run) == code
    assert house.practice.engine.open_gates(house.practice.account) == []
    assert house.bookings() == 0


@pytest.mark.parametrize(("wrong", "code"), AFTER_A_YES, ids=lambda one: getattr(one, "name", one))
async def test_a_yes_to_one_draft_allows_nothing_else(wrong: Procedure[[], object], code: str, house: House) -> None:
    """Whatever is not an effect of the very draft that was approved is refused by name and never sent."""
    run = await house.practice.start(wrong.of())

    await house.practice.yes(run, house.ana)

    assert await house.parked_with(run) == code
    assert house.bookings() == 0


@pytest.mark.parametrize(("wrong", "code"), AFTER_A_NO, ids=lambda one: getattr(one, "name", one))
async def test_a_no_allows_nothing(wrong: Procedure[[], object], code: str, house: House) -> None:
    """After a no nothing runs, not even under an approval that the procedure makes up for itself."""
    run = await house.practice.start(wrong.of())

    await house.practice.no(run, house.ana)

    assert await house.parked_with(run) == code
    assert house.bookings() == 0


async def test_a_yes_does_not_reach_back_to_the_gate_before(house: House) -> None:
    """Two drafts of one class are both approved: each yes allows its own effect, and not the other's."""
    run = await house.practice.start(misuse.effect_of_the_gate_before.of())
    await house.practice.yes(run, house.ana)

    await house.practice.yes(run, house.ana)

    assert await house.parked_with(run) == "effect.other_draft"
    assert house.bookings() == 0


@pytest.mark.parametrize("wrong", [misuse.one_approval_twice, misuse.one_approval_on_two_lines])
async def test_one_approval_is_spent_by_one_position(wrong: Procedure[[], object], house: House) -> None:
    """Two positions want the same approved effect: one has it, the other is refused, and it happens once."""
    run = await house.practice.start(wrong.of())

    await house.practice.yes(run, house.ana)

    assert await house.parked_with(run) == "approval.used"
    assert house.bookings() == 1


async def test_an_effect_that_is_altered_after_the_yes_lapses(house: House) -> None:
    """A procedure swaps what an approved effect would do: what was approved no longer stands, and nothing is sent."""
    run = await house.practice.start(misuse.alter_after_the_yes.of())

    await house.practice.yes(run, house.ana)

    assert (await house.practice.ended(run)).reason == "No longer what was approved: argument, payee, purpose."
    assert house.bookings() == 0


@pytest.mark.parametrize(
    "wrong", [misuse.alter_a_precondition_after_the_yes, misuse.alter_inside_a_precondition_after_the_yes]
)
async def test_a_precondition_that_is_altered_after_the_yes_lapses(wrong: Procedure[[], object], house: House) -> None:
    """A procedure changes in place what the person was shown to be so: nothing is sent, and the ledger says why."""
    run = await house.practice.start(wrong.of())

    await house.practice.yes(run, house.ana)

    outcomes = [fact for fact in await house.practice.facts(run) if isinstance(fact, EffectNotDone)]
    assert house.bookings() == 0
    assert [(outcome.why, outcome.code) for outcome in outcomes] == [("lapsed", "effect.changed")]


async def test_an_approval_never_leaves_its_run(house: House) -> None:
    """An approval that one run leaves for another is worth nothing there."""
    giver = await house.practice.start(misuse.leave_an_approval_behind.of())
    await house.practice.yes(giver, house.ana)

    taker = await house.practice.start(misuse.take_an_approval_of_another_run.of())

    assert await house.parked_with(taker) == "approval.foreign"
    assert house.bookings() == 0


async def test_an_undo_that_the_card_did_not_show_is_refused(house: House) -> None:
    """What happened can be undone under the same yes only in the way its draft named; here it named none."""
    run = await house.practice.start(misuse.undo_that_nobody_saw.of())

    await house.practice.yes(run, house.ana)

    assert await house.parked_with(run) == "undo.not_named"
    assert house.bookings() == 1


@pytest.mark.parametrize("wrong", [misuse.effect_of_another_draft_of_the_same_class, misuse.one_approval_twice])
async def test_a_misuse_is_the_same_after_a_restart(wrong: Procedure[[], object], house: House) -> None:
    """A run that waits because of a misuse waits for the same reason when the process comes back."""
    run = await house.practice.start(wrong.of())
    await house.practice.yes(run, house.ana)
    known = await house.practice.kinds(run)
    booked = house.bookings()

    await house.practice.restart()
    await house.practice.engine.settled()

    assert await house.practice.kinds(run) == known
    assert house.bookings() == booked


# Before any run


@pytest.mark.parametrize(
    "ask",
    [
        lambda: booking.book_table.of(3),  # type: ignore[arg-type]
        booking.book_table.of,
        lambda: booking.book_table.of(booking.TableWish(place="Luigi", party=2), 3),  # type: ignore[call-arg]
        lambda: booking.book_table.of(party=3),  # type: ignore[call-arg]
    ],
)
def test_a_procedure_is_asked_for_with_what_it_takes(ask: Callable[[], object]) -> None:
    """Wrong arguments are refused where a procedure is asked for, before any run begins."""
    with pytest.raises(BadProcedure) as refused:
        ask()
    assert refused.value.code == "procedure.arguments"


async def by_class(run: Run) -> datetime:
    return datetime.now()  # noqa: DTZ005


async def by_module(run: Run) -> dt.date:
    return dt.date.today()  # noqa: DTZ011


async def by_stopwatch(run: Run) -> float:
    return time.time() + monotonic()


async def by_stopwatch_alone(run: Run) -> float:
    return monotonic()


async def by_dice(run: Run) -> int:
    return random.randint(1, 6)


async def by_choice(run: Run) -> int:
    return choice([1, 6])


async def by_fresh_dice(run: Run) -> float:
    return random.Random().random()


async def by_name(run: Run) -> str:
    return str(uuid.uuid4())


async def by_inner_function(run: Run) -> Callable[[], datetime]:
    return lambda: datetime.now()  # noqa: DTZ005, PLW0108


def by_no_coroutine(run: Run) -> None: ...


@pytest.mark.parametrize(
    "written",
    [
        by_class,
        by_module,
        by_stopwatch,
        by_stopwatch_alone,
        by_dice,
        by_choice,
        by_fresh_dice,
        by_name,
        by_inner_function,
    ],
)
def test_a_procedure_that_answers_differently_each_time_is_refused(
    written: Callable[[Run], Coroutine[Any, Any, object]],
) -> None:
    """A clock, a random source or the machine read in a procedure's own code is refused when it is defined."""
    with pytest.raises(BadProcedure) as refused:
        procedure(version=1)(written)
    assert refused.value.code == "procedure.unrepeatable"


def test_a_procedure_is_an_async_function() -> None:
    """A plain function is no procedure."""
    with pytest.raises(BadProcedure) as refused:
        procedure(version=1)(by_no_coroutine)  # type: ignore[arg-type]
    assert refused.value.code == "procedure.not_async"


async def with_times(run: Run) -> bool:
    return run.now() > datetime(2026, 1, 1, tzinfo=dt.UTC) and uuid.UUID(int=1).int == 1


def test_a_procedure_may_reckon_with_times_and_ask_its_run_for_now() -> None:
    """Times that are written down, and the run's own now, are the same each time."""
    assert procedure(version=1)(with_times).name == "with_times"
