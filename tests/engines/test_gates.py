"""Gates: how a question is put, changed, taken back and answered, and what a yes is worth later."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.errors import AnswerRefused
from haloop.kernel.fact import CredentialRevoked, GateOpened, GateWithdrawn, PersonAdded, PersonRemoved
from haloop.kernel.gate import GateStatus, Need, Verdict
from haloop.kernel.inbox import Delivery
from haloop.kernel.people import Proof, Role
from haloop.kernel.procedure import Request
from haloop.testing.practice import Practice
from tests.engines.buying import (
    Asks,
    Bell,
    Counter,
    Order,
    buy,
    buy_as_is,
    buy_or_ask_again,
    buy_quoted,
    buy_until_bell,
    buys_next_time,
    has_it_bought,
    has_somebody_have_it_bought,
    opened,
)

TEA = Order(cents=500)


@pytest.fixture
def shop() -> Counter:
    return Counter()


@pytest.fixture
async def home(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    async with opened(tmp_path, shop) as practice:
        yield practice


# Changes


async def test_a_change_is_put_before_people_again_and_only_the_new_draft_runs(home: Practice, shop: Counter) -> None:
    """Ana changes the price she would pay; what she then says yes to is what is bought."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))

    await home.change(run, ana, 450)
    assert (await home.view(home.gate_of(run))).gate.revision == 2
    assert shop.sold == []

    await home.yes(run, ana)
    assert shop.sold == [Order(cents=450)]


async def test_a_change_may_ask_the_outside_world_and_survives_a_restart(home: Practice, shop: Counter) -> None:
    """The shop is asked for a new price; the process stops meanwhile, and the new revision comes all the same."""
    ana = await home.person("Ana")
    run = await home.start(buy_quoted.of(TEA))
    await home.engine.decide(home.account, await home.answer(home.gate_of(run), ana, Verdict.CHANGED, change=300))
    shop.quoting.set()

    await home.restart()
    await home.engine.settled()
    await home.yes(run, ana)

    assert shop.sold == [Order(cents=300)]


async def test_while_revising_every_answer_is_stale(home: Practice, shop: Counter) -> None:
    """Between a change and the new draft nobody can say yes, or no, to either of them."""
    ana = await home.person("Ana")
    bo = await home.person("Bo")
    run = await home.start(buy_quoted.of(TEA))
    gate = home.gate_of(run)
    no = await home.answer(gate, bo, Verdict.REFUSED)
    await home.engine.decide(home.account, await home.answer(gate, ana, Verdict.CHANGED, change=300))

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.decide(home.account, no)

    assert refused.value.code == "answer.stale"
    shop.quoting.set()
    await home.engine.settled()


async def test_a_change_voids_earlier_yeses_and_is_no_yes(home: Practice, shop: Counter) -> None:
    """Two must agree: Ana said yes, then Bo changed the draft; Cy's yes to that is the first and Ana's the second."""
    ana, bo, cy = await home.person("Ana"), await home.person("Bo"), await home.person("Cy")
    run = await home.start(buy.of(TEA, Asks(count=2)))
    await home.yes(run, ana)
    await home.change(run, bo, 400)

    assert await home.yes(run, cy) is GateStatus.OPEN
    assert shop.sold == []
    assert await home.yes(run, ana) is GateStatus.APPROVED
    assert shop.sold == [Order(cents=400)]


async def test_a_change_that_leads_nowhere_shows_the_old_draft_again(home: Practice, shop: Counter) -> None:
    """What nobody sells is not offered; the old draft comes back with the reason, and can still be approved."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))

    await home.change(run, ana, -1)

    assert (await home.facts(run))[-1].problem == "Nobody sells for less than nothing."  # type: ignore[attr-defined]
    await home.yes(run, ana)
    assert shop.sold == [TEA]


@pytest.mark.parametrize("change", ["cheaper, please", None, {"cents": 3}])
async def test_a_change_of_another_kind_is_refused(home: Practice, change: str | None) -> None:
    """A draft says what changes it takes; anything else is refused by name and the gate stays open."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))

    with pytest.raises(AnswerRefused) as refused:
        await home.change(run, ana, change)

    assert refused.value.code == "change.unknown"
    assert await home.yes(run, ana) is GateStatus.APPROVED


async def test_a_draft_that_takes_no_change_says_so(home: Practice) -> None:
    """Not every draft can be changed."""
    ana = await home.person("Ana")
    run = await home.start(buy_as_is.of(TEA))

    with pytest.raises(AnswerRefused) as refused:
        await home.change(run, ana, 300)

    assert refused.value.code == "change.unknown"


# Proposers


async def test_whoever_changes_a_draft_does_not_approve_it_where_that_is_separate(home: Practice) -> None:
    """Ana changed it, so somebody else says yes."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks(separation=True)))
    await home.change(run, ana, 400)

    with pytest.raises(AnswerRefused) as refused:
        await home.yes(run, ana)

    assert refused.value.code == "answer.own"
    assert await home.yes(run, bo) is GateStatus.APPROVED


async def test_whoever_asked_for_a_run_does_not_approve_it_where_that_is_separate(home: Practice) -> None:
    """Ana asked for it herself, so somebody else says yes, also after a restart."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks(separation=True)), by=f"person:{ana}")
    await home.restart()

    with pytest.raises(AnswerRefused) as refused:
        await home.yes(run, ana)

    assert refused.value.code == "answer.own"
    assert await home.yes(run, bo) is GateStatus.APPROVED


APART = Asks(separation=True)


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize(
    "errand",
    [
        has_it_bought.of(TEA, APART, detached=False),
        has_it_bought.of(TEA, APART, detached=True),
        has_somebody_have_it_bought.of(TEA, APART),
        buys_next_time.of(TEA, APART),
    ],
    ids=["a child", "a child let go", "a grandchild", "a successor"],
)
async def test_whoever_sent_for_something_does_not_approve_it_where_that_is_separate(
    home: Practice, shop: Counter, errand: Request[object], restarts: int
) -> None:
    """Ana asked for a run that has others ask: their questions are hers too, so somebody else says yes."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    await home.start(errand, by=f"person:{ana}")
    for _ in range(restarts):
        await home.restart()
    (gate,) = home.engine.open_gates(home.account)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(await home.answer(gate, ana, Verdict.APPROVED))
    await home.say(await home.answer(gate, bo, Verdict.APPROVED))

    assert refused.value.code == "answer.own"
    assert shop.sold == [TEA]


async def test_where_nothing_is_separate_whoever_asked_may_approve(home: Practice) -> None:
    """A household of one can say yes to its own wishes."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()), by=f"person:{ana}")

    assert await home.yes(run, ana) is GateStatus.APPROVED


# Taking back


async def test_an_agent_takes_its_question_back_and_asks_another(home: Practice, shop: Counter) -> None:
    """The run hears that its question was taken back, goes on, and opens a new gate of its own number."""
    ana = await home.person("Ana")
    run = await home.start(buy_or_ask_again.of(TEA), by="agent:shopper")
    first = home.gate_of(run)

    await home.engine.withdraw(home.account, first, by="agent:shopper", reason="I found it cheaper.")
    await home.engine.settled()

    second = home.gate_of(run)
    assert second != first
    await home.yes(run, ana)
    assert shop.sold == [Order(cents=250)]


async def test_a_question_that_was_taken_back_takes_no_answer(home: Practice) -> None:
    """Whoever answers it after that is too late."""
    ana = await home.person("Ana")
    run = await home.start(buy_or_ask_again.of(TEA), by="agent:shopper")
    yes = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
    await home.engine.withdraw(home.account, yes.gate, by="agent:shopper", reason="I found it cheaper.")

    with pytest.raises(AnswerRefused) as refused:
        await home.say(yes)

    assert refused.value.code == "answer.late"


async def test_only_whoever_asked_takes_a_question_back(home: Practice) -> None:
    """Another agent leaves the gate as it is."""
    await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()), by="agent:shopper")

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.withdraw(home.account, home.gate_of(run), by="agent:other", reason="Mine is better.")

    assert refused.value.code == "answer.not_allowed"
    assert home.gate_of(run)


async def test_a_gate_that_lost_the_race_is_withdrawn(home: Practice) -> None:
    """The run went on with what came first, and nobody can answer the gate any more."""
    ana = await home.person("Ana")
    run = await home.start(buy_until_bell.of(TEA))
    yes = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)

    await home.engine.deliver(home.account, Delivery(source="bell", delivery="1", key="front door", arrival=Bell()))
    await home.ended(run)

    assert "gate.withdrawn" in await home.kinds(run)
    with pytest.raises(AnswerRefused) as refused:
        await home.say(yes)
    assert refused.value.code == "answer.late"


async def test_what_was_taken_back_stays_so_after_a_restart(home: Practice) -> None:
    """The history says who took the question back and why."""
    await home.person("Ana")
    run = await home.start(buy_or_ask_again.of(TEA), by="agent:shopper")
    await home.engine.withdraw(home.account, home.gate_of(run), by="agent:shopper", reason="Cheaper elsewhere.")
    await home.engine.settled()

    await home.restart()

    withdrawn = [fact for fact in await home.facts(run) if isinstance(fact, GateWithdrawn)]
    assert [(fact.by, fact.reason) for fact in withdrawn] == [("agent:shopper", "Cheaper elsewhere.")]
    assert home.gate_of(run).endswith("_2")


# Quorum


async def test_a_quorum_counts_distinct_people(home: Practice, shop: Counter) -> None:
    """Ana saying yes twice is one yes."""
    ana, bo = await home.person("Ana"), await home.person("Bo", Role.APPROVER)
    run = await home.start(buy.of(TEA, Asks(count=2)))

    assert await home.yes(run, ana) is GateStatus.OPEN
    assert await home.yes(run, ana) is GateStatus.OPEN
    assert shop.sold == []
    assert await home.yes(run, bo) is GateStatus.APPROVED
    assert shop.sold == [TEA]


async def test_one_eligible_no_closes(home: Practice, shop: Counter) -> None:
    """Two would have had to agree; one of them says no, and why."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks(count=2)))
    await home.yes(run, ana)

    assert await home.no(run, bo, reason="We have tea.") is GateStatus.REFUSED

    assert (await home.ended(run)).reason == "We have tea."
    assert shop.sold == []


async def test_a_viewer_closes_nothing(home: Practice) -> None:
    """Whoever may only look can say neither yes nor no."""
    await home.person("Ana")
    vic = await home.person("Vic", Role.VIEWER)
    run = await home.start(buy.of(TEA, Asks()))

    with pytest.raises(AnswerRefused) as refused:
        await home.no(run, vic)

    assert refused.value.code == "answer.not_allowed"
    assert home.gate_of(run)


async def test_a_yes_of_somebody_who_left_does_not_count_at_closing(home: Practice, shop: Counter) -> None:
    """Ana said yes and left the household before Bo did; two who are still there must agree."""
    ana, bo, cy = await home.person("Ana"), await home.person("Bo"), await home.person("Cy")
    run = await home.start(buy.of(TEA, Asks(count=2)))
    await home.yes(run, ana)
    await home.engine.record(home.account, PersonRemoved(person=ana), by="kernel")

    assert await home.yes(run, bo) is GateStatus.OPEN
    assert shop.sold == []
    assert await home.yes(run, cy) is GateStatus.APPROVED


async def test_a_yes_survives_a_restart_while_others_still_think(home: Practice, shop: Counter) -> None:
    """The first of two yeses is in the ledger; the second closes the gate."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks(count=2)))
    await home.yes(run, ana)

    await home.restart()
    await home.yes(run, bo)

    assert shop.sold == [TEA]


# At the intent


@pytest.mark.parametrize("roles", [["viewer"], []], ids=["viewer", "nothing"])
async def test_a_role_that_was_lost_in_between_voids_the_yes(home: Practice, shop: Counter, roles: list[str]) -> None:
    """Ana may no longer decide when the effect is due, so it does not run."""
    ana = await home.person("Ana")
    await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks(waits_minutes=5)))
    await home.yes(run, ana)
    await home.engine.record(home.account, PersonAdded(person=ana, name="Ana", roles=roles), by="kernel")

    await home.move(timedelta(minutes=5))

    lapsed = (await home.facts(run))[-2]
    assert (lapsed.kind, lapsed.why, lapsed.code) == ("effect.not_done", "lapsed", "approval.too_weak")  # type: ignore[attr-defined]
    assert shop.sold == []


async def test_a_passkey_that_was_revoked_in_between_voids_its_yes(home: Practice, shop: Counter) -> None:
    """Ana's device was stolen; what it said yes to does not run any more."""
    ana = await home.person("Ana")
    passkey = await home.enrol(ana)
    run = await home.start(buy.of(TEA, Asks(waits_minutes=5, passkey=True)))
    await home.yes(run, ana)
    await home.engine.record(home.account, CredentialRevoked(credential=passkey.credential), by=f"person:{ana}")

    await home.restart()
    await home.move(timedelta(minutes=5))

    assert (await home.facts(run))[-2].code == "approval.too_weak"  # type: ignore[attr-defined]
    assert shop.sold == []


@pytest.mark.parametrize(
    "stricter",
    [Need(count=2), Need(proof=Proof.PASSKEY), Need(roles=frozenset({Role.OWNER})), Need(separation=True)],
    ids=["two people", "a passkey", "an owner", "somebody else"],
)
async def test_rules_that_became_stricter_in_between_hold_the_yes_to_them(
    home: Practice, shop: Counter, stricter: Need
) -> None:
    """Bo, an approver who asked for it, said yes; before it runs, the account asks for more than that."""
    bo = await home.person("Bo", Role.APPROVER)
    await home.person("Ana")
    await home.person("Cy")
    run = await home.start(buy.of(TEA, Asks(waits_minutes=5)), by=f"person:{bo}")
    await home.yes(run, bo)
    await home.rules(stricter)

    await home.move(timedelta(minutes=5))

    assert (await home.facts(run))[-2].code == "approval.too_weak"  # type: ignore[attr-defined]
    assert shop.sold == []


@pytest.mark.parametrize(("valid", "sold"), [(15, []), (60, [TEA])], ids=["fifteen minutes", "an hour"])
async def test_an_approval_has_an_end_of_its_own(home: Practice, shop: Counter, valid: int, sold: list[Order]) -> None:
    """An effect that is due twenty minutes after the yes runs only where the draft asked for more than fifteen."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks(waits_minutes=20, valid_minutes=valid)))
    await home.yes(run, ana)

    await home.move(timedelta(minutes=20))

    assert shop.sold == sold


async def test_an_approval_is_good_for_fifteen_minutes_unless_the_draft_says_more(home: Practice) -> None:
    """That is what a procedure gets that says nothing."""
    await home.person("Ana")
    run = await home.start(buy_as_is.of(TEA))

    opened_gate = next(fact for fact in await home.facts(run) if isinstance(fact, GateOpened))

    assert opened_gate.valid_for == 15 * 60


# Escalation and time


async def test_escalation_widens_who_may_answer_and_nothing_else(home: Practice) -> None:
    """After two hours approvers may answer too; it still takes as many, and ends when it would have ended."""
    await home.person("Ana")
    bo = await home.person("Bo", Role.APPROVER)
    run = await home.start(buy.of(TEA, Asks(count=1, roles=(Role.OWNER,), escalates_to=(Role.APPROVER,))))
    before = (await home.view(home.gate_of(run))).gate
    with pytest.raises(AnswerRefused) as refused:
        await home.yes(run, bo)

    await home.move(timedelta(hours=2))

    after = (await home.view(home.gate_of(run))).gate
    assert refused.value.code == "answer.not_allowed"
    assert (after.need, after.expires_at) == (before.need, before.expires_at)
    assert await home.yes(run, bo) is GateStatus.APPROVED


async def test_an_escalation_that_came_due_while_stopped_happens(home: Practice) -> None:
    """The process was down for three hours, and approvers may answer all the same."""
    await home.person("Ana")
    bo = await home.person("Bo", Role.APPROVER)
    run = await home.start(buy.of(TEA, Asks(roles=(Role.OWNER,), escalates_to=(Role.APPROVER,))))

    home.clock.move(timedelta(hours=3))
    await home.restart()
    await home.move(timedelta())

    assert await home.yes(run, bo) is GateStatus.APPROVED


async def test_an_escalation_never_widens_past_the_accounts_rules(home: Practice) -> None:
    """The account wants owners; a desk cannot let others in by waiting."""
    await home.rules(Need(roles=frozenset({Role.OWNER})))
    await home.person("Ana")
    bo = await home.person("Bo", Role.APPROVER)
    run = await home.start(buy.of(TEA, Asks(roles=(Role.OWNER,), escalates_to=(Role.APPROVER,))))
    await home.move(timedelta(hours=3))

    with pytest.raises(AnswerRefused) as refused:
        await home.yes(run, bo)

    assert refused.value.code == "answer.not_allowed"


async def test_a_gate_that_nobody_answers_expires(home: Practice, shop: Counter) -> None:
    """No answer means no."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks(within_days=2)))
    yes = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)

    await home.move(timedelta(days=2))

    assert (await home.ended(run)).code == "expired"
    with pytest.raises(AnswerRefused) as refused:
        await home.say(yes)
    assert refused.value.code == "answer.late"
    assert shop.sold == []


async def test_an_owner_gives_more_time(home: Practice) -> None:
    """After the first end the gate still waits, and a restart does not take the time back."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks(within_days=2)))
    gate = home.gate_of(run)
    ends = (await home.view(gate)).gate.expires_at

    await home.engine.extend(home.account, gate, by=ana, until=ends + _microseconds(timedelta(days=1)))
    await home.restart()
    await home.move(timedelta(days=2, hours=12))

    assert await home.yes(run, ana) is GateStatus.APPROVED


@pytest.mark.parametrize(
    ("days", "code"),
    [(-1, "answer.extension"), (0, "answer.extension"), (89, "answer.extension")],
    ids=["less time", "the same", "past ninety days in all"],
)
async def test_more_time_has_bounds(home: Practice, days: int, code: str) -> None:
    """More time is more, and at most ninety days from the opening, however often the draft was changed."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks(within_days=2)))
    await home.move(timedelta(days=1))
    await home.change(run, ana, 400)
    gate = home.gate_of(run)
    ends = (await home.view(gate)).gate.expires_at

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.extend(home.account, gate, by=ana, until=ends + _microseconds(timedelta(days=days)))

    assert refused.value.code == code


async def test_an_approver_gives_no_more_time(home: Practice) -> None:
    """That is an owner's word."""
    bo = await home.person("Bo", Role.APPROVER)
    run = await home.start(buy.of(TEA, Asks()))
    gate = home.gate_of(run)
    ends = (await home.view(gate)).gate.expires_at

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.extend(home.account, gate, by=bo, until=ends + 1)

    assert refused.value.code == "answer.not_allowed"


async def test_a_gate_waits_ninety_days_at_most(home: Practice) -> None:
    """Whatever a procedure asks for."""
    await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks(within_days=400)))

    opened_gate = next(fact for fact in await home.facts(run) if isinstance(fact, GateOpened))

    assert opened_gate.expires_at == home.clock.read().wall + _microseconds(timedelta(days=90))


def _microseconds(length: timedelta) -> int:
    return int(length.total_seconds()) * 1_000_000
