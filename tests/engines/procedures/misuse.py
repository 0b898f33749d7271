"""Procedures as nobody should write them: each does one thing that the type checkers or the engine must refuse.

`# type: ignore` stands wherever a checker would have said no first; `typing_tests/` keeps it to that.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from haloop.kernel.canonical import Canonical
from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    Later,
    Money,
    NotDone,
    Receipt,
    Run,
    effect,
    procedure,
)
from tests.engines.procedures.booking import Booked, Booking, Table, TableDraft
from tests.engines.procedures.checkout import Card, Cards, Limit, Purchase, Shops

TABLE = Table(place="Luigi", at="19:00")
EURO = Money(minor=100, currency="EUR")

left_behind: list[Any] = []
"""What one run hands to another behind the engine's back."""


class PlainDraft(Draft):
    reserve: Effect[Booked]


class Pair(Draft):
    first: Effect[Booked]
    second: Effect[Booked]


class Many(Draft):
    effects: dict[str, Effect[Booked]]


class Rate(Draft):
    rate: float
    note: str = ""


@dataclass(frozen=True)
class Curtain:
    """A record that nobody looks into for effects."""

    effect: Effect[Booked]


class Hiding(Draft):
    behind: Curtain


class Pays(Draft):
    order: Effect[Any]


class Both(Draft):
    first: Effect[Any]
    second: Effect[Any]


class Gift(BaseModel, frozen=True):
    to: Later[Card]


class Letter(BaseModel, frozen=True):
    to: Later[Card]
    words: dict[str, str]


class Alms(Protocol):
    @effect(payee=lambda gift: gift.to.value.handle)
    async def give(self, gift: Gift, call: Call) -> Card | NotDone: ...


class Letters(Protocol):
    @effect
    async def send(self, letter: Letter, call: Call) -> Card | NotDone: ...


class Postman:
    """Nothing ever comes as far as him."""

    @effect
    async def give(self, gift: Gift, call: Call) -> Card | NotDone:
        raise NotImplementedError

    @effect
    async def send(self, letter: Letter, call: Call) -> Card | NotDone:
        raise NotImplementedError


def postman() -> list[Connector]:
    return [Connector(port=Alms, speaks=Postman(), name="town"), Connector(port=Letters, speaks=Postman(), name="town")]


def draft(**changes: Any) -> PlainDraft:
    return PlainDraft(reserve=Effect.of(Booking.reserve, TABLE, **changes))


async def approved(run: Run) -> Approved[PlainDraft]:
    decision = await run.gate(draft())
    assert isinstance(decision, Approved)
    return decision


# Steps


@procedure(version=1)
async def step_on_an_effect(run: Run) -> None:
    await run.step(Booking.reserve, TABLE)  # type: ignore[arg-type]


@procedure(version=1)
async def step_with_another_type(run: Run) -> None:
    await run.step(Booking.find, "Luigi")  # type: ignore[arg-type]


@procedure(version=1)
async def step_without_its_argument(run: Run) -> None:
    await run.step(Booking.find)  # type: ignore[call-arg]


@procedure(version=1)
async def step_on_no_port(run: Run) -> None:
    await run.step(nobodys)


async def nobodys(self: object, place: str = "Luigi") -> str:
    return place


# Drafts


@procedure(version=1)
async def gate_on_no_draft(run: Run) -> None:
    await run.gate(TABLE)  # type: ignore[type-var]


@procedure(version=1)
async def effect_of_a_step(run: Run) -> None:
    await run.gate(PlainDraft(reserve=Effect.of(Booking.find, TABLE)))  # type: ignore[arg-type]


@procedure(version=1)
async def effect_with_another_type(run: Run) -> None:
    await run.gate(PlainDraft(reserve=Effect.of(Booking.reserve, "Luigi")))  # type: ignore[misc]


@procedure(version=1)
async def undo_of_something_else(run: Run) -> None:
    await run.gate(draft(undo=Cards.close))


@procedure(version=1)
async def cost_below_nothing(run: Run) -> None:
    await run.gate(draft(cost_max=Money(minor=-1, currency="EUR")))


@procedure(version=1)
async def cost_without_currency(run: Run) -> None:
    await run.gate(draft(cost_max=5))


@procedure(version=1)
async def one_effect_twice(run: Run) -> None:
    once = Effect.of(Booking.reserve, TABLE)
    await run.gate(Pair(first=once, second=once))


@procedure(version=1)
async def effect_that_poses_as_an_undo(run: Run) -> None:
    effects = {"a": Effect.of(Booking.reserve, TABLE), "a/undo": Effect.of(Booking.reserve, TABLE)}
    await run.gate(Many(effects=effects))


@procedure(version=1)
async def later_from_elsewhere(run: Run) -> None:
    card: Effect[Card] = Effect.of(Cards.issue, Limit(merchant="Adler", amount=EURO))
    purchase = Purchase(merchant="Adler", wanted="tea", total=EURO, pay_with=card.result)
    await run.gate(Pays(order=Effect.of(Shops.order, purchase)))


@procedure(version=1)
async def later_of_another_type(run: Run) -> None:
    first = Effect.of(Booking.reserve, TABLE)
    pay_with: Any = first.result
    purchase = Purchase(merchant="Adler", wanted="tea", total=EURO, pay_with=pay_with)
    await run.gate(Both(first=first, second=Effect.of(Shops.order, purchase)))


@procedure(version=1)
async def payee_that_is_filled_later(run: Run) -> None:
    first = Effect.of(Cards.issue, Limit(merchant="Adler", amount=EURO))
    await run.gate(Both(first=first, second=Effect.of(Alms.give, Gift(to=first.result))))


@procedure(version=1)
async def place_that_is_filled_already(run: Run) -> None:
    gift = Gift.model_validate({"to": {"$filled": {"handle": "the agent's own"}}})
    await run.gate(Pays(order=Effect.of(Letters.send, Letter(to=gift.to, words={}))))


@procedure(version=1)
async def words_that_pose_as_a_place(run: Run) -> None:
    first = Effect.of(Cards.issue, Limit(merchant="Adler", amount=EURO))
    letter = Letter(to=first.result, words={"$later": "first"})
    await run.gate(Both(first=first, second=Effect.of(Letters.send, letter)))


@procedure(version=1)
async def float_in_a_draft(run: Run) -> None:
    await run.gate(Rate(rate=0.1))


@procedure(version=1)
async def float_in_money(run: Run) -> None:
    await run.gate(draft(cost_max=Money(minor=9.99, currency="EUR")))  # type: ignore[arg-type]


@procedure(version=1)
async def draft_with_a_field_of_another_type(run: Run) -> None:
    await run.gate(Rate(rate=1, note="").model_copy(update={"note": 3}))


@procedure(version=1)
async def draft_with_something_else_than_an_effect(run: Run) -> None:
    await run.gate(draft().model_copy(update={"reserve": "Luigi"}))


@procedure(version=1)
async def draft_that_hides_an_effect(run: Run) -> None:
    await run.gate(Hiding(behind=Curtain(effect=Effect.of(Booking.reserve, TABLE))))


# Approvals


@procedure(version=1)
async def effect_without_an_approval(run: Run) -> None:
    plan = draft()
    await run.effect(plan, plan.reserve)  # type: ignore[arg-type]


@procedure(version=1)
async def effect_after_a_no(run: Run) -> None:
    await run.effect(await run.gate(draft()), draft().reserve)  # type: ignore[arg-type]


@procedure(version=1)
async def approval_made_up_after_a_no(run: Run) -> None:
    plan = draft()
    await run.gate(plan)
    gate: Any = f"gate_{run.id.removeprefix('run_')}_1"
    yes = Approved(draft=plan, gate=gate, revision=1, by=("person:me",), valid_until=2**52)
    await run.effect(yes, plan.reserve)


@procedure(version=1)
async def effect_that_is_none(run: Run) -> None:
    await run.effect(await approved(run), TABLE)  # type: ignore[arg-type]


@procedure(version=1)
async def effect_of_another_class_of_draft(run: Run) -> None:
    other: Any = TableDraft(options=(TABLE,), reserve=Effect.of(Booking.reserve, TABLE))
    await run.effect(await approved(run), other.reserve)


@procedure(version=1)
async def effect_of_another_draft_of_the_same_class(run: Run) -> None:
    await run.effect(await approved(run), draft().reserve)


@procedure(version=1)
async def effect_of_no_draft(run: Run) -> None:
    await run.effect(await approved(run), Effect.of(Booking.reserve, TABLE))  # type: ignore[arg-type]


@procedure(version=1)
async def effect_of_the_gate_before(run: Run) -> None:
    before = await approved(run)
    await run.effect(await approved(run), before.draft.reserve)


@procedure(version=1)
async def end_with_a_yes(run: Run) -> Ended:
    return run.end(await approved(run))  # type: ignore[arg-type]


@procedure(version=1)
async def one_approval_twice(run: Run) -> None:
    yes = await approved(run)
    await run.effect(yes, yes.draft.reserve)
    await run.effect(yes, yes.draft.reserve)


@procedure(version=1)
async def one_approval_on_two_lines(run: Run) -> None:
    yes = await approved(run)
    await run.all(run.effect(yes, yes.draft.reserve) for _ in range(2))


@procedure(version=1)
async def alter_after_the_yes(run: Run) -> Receipt[Booked] | NotDone:
    yes = await approved(run)
    yes.draft.reserve.argument = Table(place="Elsewhere", at="19:00")
    return await run.effect(yes, yes.draft.reserve)


@procedure(version=1)
async def alter_a_precondition_after_the_yes(run: Run) -> Receipt[Booked] | NotDone:
    yes = await approved(run)
    yes.draft.reserve.preconditions["price"] = 99999
    return await run.effect(yes, yes.draft.reserve)


@procedure(version=1)
async def alter_inside_a_precondition_after_the_yes(run: Run) -> Receipt[Booked] | NotDone:
    price: dict[str, Canonical] = {"cents": 500}
    seen = Effect.of(Booking.reserve, TABLE, preconditions={"price": price})
    yes = await run.gate(PlainDraft(reserve=seen))
    assert isinstance(yes, Approved)
    price["cents"] = 99999
    yes.draft.reserve.preconditions["price"]["cents"] = 99999  # type: ignore[index]
    return await run.effect(yes, yes.draft.reserve)


@procedure(version=1)
async def leave_an_approval_behind(run: Run) -> None:
    left_behind.append(await approved(run))


@procedure(version=1)
async def take_an_approval_of_another_run(run: Run) -> None:
    yes = left_behind.pop()
    await run.effect(yes, yes.draft.reserve)


@procedure(version=1)
async def undo_of_nothing(run: Run) -> None:
    await run.undo(await approved(run))  # type: ignore[arg-type]


@procedure(version=1)
async def undo_that_nobody_saw(run: Run) -> None:
    yes = await approved(run)
    done = await run.effect(yes, yes.draft.reserve)
    assert isinstance(done, Receipt)
    await run.undo(done)


# Awaiting, and what else a procedure may not do


@procedure(version=1)
async def await_a_sleep(run: Run) -> None:
    await nap()


async def nap() -> None:
    await asyncio.sleep(3600)


@procedure(version=1)
async def await_a_turn_of_the_loop(run: Run) -> None:
    await turn()


async def turn() -> None:
    await asyncio.sleep(0)


@procedure(version=1)
async def await_a_future(run: Run) -> None:
    await future()


def future() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


@procedure(version=1)
async def first_of_nothing(run: Run) -> None:
    await run.first([])


@procedure(version=1)
async def branch_on_a_future(run: Run) -> None:
    await run.all([future()])


@procedure(version=1)
async def start_what_no_desk_lists(run: Run) -> None:
    await run.start(unlisted.of(), key="it")


@procedure(version=1)
async def unlisted(run: Run) -> None: ...


@procedure(version=1)
async def raise_something(run: Run) -> None:
    raise ZeroDivisionError("none of your business")


MISUSES = Desk(
    "misuses",
    procedures=[
        step_on_an_effect,
        step_with_another_type,
        step_without_its_argument,
        step_on_no_port,
        gate_on_no_draft,
        effect_of_a_step,
        effect_with_another_type,
        undo_of_something_else,
        cost_below_nothing,
        cost_without_currency,
        one_effect_twice,
        effect_that_poses_as_an_undo,
        later_from_elsewhere,
        later_of_another_type,
        payee_that_is_filled_later,
        place_that_is_filled_already,
        words_that_pose_as_a_place,
        float_in_a_draft,
        float_in_money,
        draft_with_a_field_of_another_type,
        draft_with_something_else_than_an_effect,
        draft_that_hides_an_effect,
        effect_without_an_approval,
        effect_after_a_no,
        approval_made_up_after_a_no,
        effect_that_is_none,
        effect_of_another_class_of_draft,
        effect_of_another_draft_of_the_same_class,
        effect_of_no_draft,
        effect_of_the_gate_before,
        one_approval_twice,
        one_approval_on_two_lines,
        alter_after_the_yes,
        alter_a_precondition_after_the_yes,
        alter_inside_a_precondition_after_the_yes,
        leave_an_approval_behind,
        take_an_approval_of_another_run,
        end_with_a_yes,
        undo_of_nothing,
        undo_that_nobody_saw,
        await_a_sleep,
        await_a_turn_of_the_loop,
        await_a_future,
        first_of_nothing,
        branch_on_a_future,
        start_what_no_desk_lists,
        raise_something,
    ],
)
