"""Answers: which count, which are refused by what name, and what is kept of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from haloop.engines.reading import read_known
from haloop.kernel import canonical
from haloop.kernel.errors import AnswerRefused, BadEntry
from haloop.kernel.fact import AnswerTurnedAway, CredentialEnrolled, CredentialRevoked, GateApproved
from haloop.kernel.gate import Answer, GateId, GateStatus, Verdict, View
from haloop.kernel.ids import PersonId, RunId, new_person_id
from haloop.kernel.ledger import Chain
from haloop.kernel.passkey import Assertion, batch_of, challenge, read_decision
from haloop.testing.passkey import Passkey
from haloop.testing.practice import VIEW, Practice
from tests.engines.buying import Asks, Counter, Order, buy, buy_again, opened
from tests.engines.disk import slow_disk

TEA = Order(cents=500)


@pytest.fixture
def shop() -> Counter:
    return Counter()


@pytest.fixture
async def home(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    async with opened(tmp_path, shop) as practice:
        yield practice


@pytest.fixture
async def live(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    """A house whose shop is the real one."""
    async with opened(tmp_path, shop, live=True) as practice:
        yield practice


# What an answer names


async def test_a_decision_names_the_draft_the_card_and_how_it_was_read(home: Practice) -> None:
    """What Ana said is kept with the hashes of what she saw, her language, the surface and its catalogue."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    seen = (await home.view(home.gate_of(run))).gate

    await home.yes(run, ana)

    approved = next(fact for fact in await home.facts(run) if isinstance(fact, GateApproved))
    decision = read_decision(approved.decision or b"")
    assert (decision["draft"], decision["card"]) == (seen.draft, seen.card)
    assert decision["view"] == VIEW.as_canonical()


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("another revision", {"revision": 2}, "answer.stale"),
    ("a revision that never was", {"revision": 0}, "answer.stale"),
    ("another draft", {"draft": "0" * 64}, "answer.stale"),
    ("another card", {"card": "0" * 64}, "answer.stale"),
    ("too long on its way", {"expires": 0}, "answer.expired"),
    ("nobody's", {"person": new_person_id()}, "answer.foreign"),
    ("an agent's", {"person": PersonId("agent:shopper")}, "answer.foreign"),
    ("no person at all", {"person": PersonId("")}, "answer.foreign"),
    ("something unprintable", {"person": PersonId("per_\ud800\n")}, "answer.malformed"),
    ("an unprintable reason", {"reason": "\ud800"}, "answer.malformed"),
    ("a change with half a cent", {"change": 0.5, "verdict": Verdict.CHANGED}, "answer.malformed"),
    ("no gate", {"gate": GateId("the blue one")}, "answer.malformed"),
    ("an empty gate", {"gate": GateId("")}, "answer.malformed"),
    ("a gate of no run", {"gate": GateId(f"gate_{'0' * 32}_1")}, "answer.foreign"),
    ("no view", {"view": View(language="", renderer="", catalogue="")}, "answer.malformed"),
    ("no nonce", {"nonce": ""}, "answer.malformed"),
    ("a batch without a passkey", {"batch": b"[]"}, "answer.malformed"),
    ("a passkey's word that is none", {"assertion": b"{}"}, "passkey.bad"),
]


@pytest.mark.parametrize(
    ("changes", "code"), [(changes, code) for _, changes, code in CHANGES], ids=[name for name, _, _ in CHANGES]
)
async def test_an_answer_that_does_not_fit_is_refused_by_name_and_recorded(
    home: Practice, shop: Counter, changes: dict[str, Any], code: str
) -> None:
    """Nothing happens, the account's own chain says that it was refused and why, and the gate stays open."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    good = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(replace(good, **changes))

    assert refused.value.code == code
    assert [fact.code for fact in await _turned_away(home)] == [code]
    assert shop.sold == []
    assert await home.say(good) is GateStatus.APPROVED


async def test_a_refused_answer_is_kept_over_a_restart_and_harms_nothing(home: Practice, shop: Counter) -> None:
    """The run that was answered badly goes on as if nobody had spoken."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    good = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
    with pytest.raises(AnswerRefused):
        await home.say(replace(good, draft="0" * 64))

    await home.restart()
    await home.say(good)

    assert await home.kinds(run) == [
        *("run.started", "gate.opened", "gate.approved"),
        *("effect.intended", "effect.happened", "run.ended"),
    ]


@pytest.mark.parametrize("revision", [1 << 60, -(1 << 60)])
async def test_an_answer_to_a_revision_beyond_all_counting_is_refused_and_recorded(
    home: Practice, revision: int
) -> None:
    """A number that no history can hold is refused like any other that does not fit, and that is kept."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    good = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(replace(good, revision=revision))

    assert [fact.code for fact in await _turned_away(home)] == [refused.value.code]
    assert await home.say(good) is GateStatus.APPROVED


async def test_an_answer_that_is_said_twice_counts_when_the_first_is_durable(home: Practice) -> None:
    """Ana's line broke and she says it again at once: neither call comes back before her word is on the disk."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, Verdict.REFUSED)

    async def said() -> list[str]:
        await home.engine.decide(home.account, answer)
        return await home.kinds(run)

    async with slow_disk(home):
        both = [asyncio.ensure_future(said()) for _ in range(2)]
        await asyncio.sleep(0)

    assert [kinds[-2:] for kinds in await asyncio.gather(*both)] == [["gate.refused", "run.ended"]] * 2


async def test_a_gate_of_another_account_is_foreign(home: Practice) -> None:
    """A person of one household cannot answer a question of another, nor learn that it exists."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
    other = await home.ledger.open_account()
    bo = await home.person("Bo", account=other)

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.decide(other, replace(answer, person=bo))

    assert refused.value.code == "answer.foreign"


async def test_somebody_elses_try_does_not_disturb_an_answer_given_in_the_same_moment(
    home: Practice, shop: Counter
) -> None:
    """Another account asks for the same gate just when a new process takes up its run for Ana's yes."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
    other = await home.ledger.open_account()
    await home.restart()

    foreign, status = await asyncio.gather(
        home.engine.decide(other, answer), home.engine.decide(home.account, answer), return_exceptions=True
    )
    await home.engine.settled()

    assert isinstance(foreign, AnswerRefused)
    assert status is GateStatus.APPROVED
    assert shop.sold == [TEA]


async def test_an_answer_to_a_closed_gate_is_late(home: Practice) -> None:
    """Bo says yes after Ana has said no."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks()))
    yes = await home.answer(home.gate_of(run), bo, Verdict.APPROVED)
    await home.no(run, ana)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(yes)

    assert refused.value.code == "answer.late"


async def test_an_answer_after_the_end_is_late_even_where_no_clock_has_looked(home: Practice) -> None:
    """The time to answer is over when it is over."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
    home.clock.move(timedelta(days=7))

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.decide(home.account, answer)

    assert refused.value.code == "answer.late"


async def test_what_must_be_read_first_blocks_a_yes_until_it_is(home: Practice, shop: Counter) -> None:
    """An earlier try for the same thing is uncertain: the card says so, and a yes that has not read it is refused."""
    ana = await home.person("Ana")
    shop.fails = True
    first = await home.start(buy.of(TEA, Asks()))
    await home.yes(first, ana)
    second = await home.start(buy.of(TEA, Asks()))
    gate = home.gate_of(second)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(await home.answer(gate, ana, Verdict.APPROVED, read=False))

    assert refused.value.code == "answer.unread"
    assert await home.say(await home.answer(gate, ana, Verdict.APPROVED, read=True)) is GateStatus.APPROVED


async def test_a_yes_that_could_not_have_read_it_runs_nothing(home: Practice, shop: Counter) -> None:
    """Two questions for the same tea were open when the first order became uncertain: the second is not sent too."""
    ana = await home.person("Ana")
    first, second = await home.start(buy.of(TEA, Asks())), await home.start(buy.of(TEA, Asks()))
    shop.fails = True
    await home.yes(first, ana)

    await home.yes(second, ana)

    assert shop.sold == [TEA]
    assert (await home.ended(second)).result["code"] == "effect.uncertain_before"


async def test_the_second_of_two_is_bought_once_it_is_known_of_the_first(home: Practice, shop: Counter) -> None:
    """Nobody knew whether the first tea was bought; now that somebody does, it stands in nobody's way."""
    ana = await home.person("Ana")
    run = await home.start(buy_again.of(TEA))
    shop.fails = True
    await home.yes(run, ana)
    shop.fails = False

    await home.settle(run, ana, happened=False)

    assert (await home.ended(run)).reason == "effect.settled"
    run = await home.start(buy_again.of(TEA))
    shop.fails = True
    await home.yes(run, ana)
    shop.fails = False
    await home.settle(run, ana, happened=True, result={"charged": None, "number": "no. 1"})
    assert (await home.ended(run)).reason == "both"


async def test_a_yes_to_one_disclosure_is_none_to_another(home: Practice, shop: Counter) -> None:
    """The card said that one run may have bought the tea; that another may have was not known yet."""
    ana = await home.person("Ana")
    first, third = await home.start(buy.of(TEA, Asks())), await home.start(buy.of(TEA, Asks()))
    shop.fails = True
    await home.yes(first, ana)
    second = await home.start(buy.of(TEA, Asks()))
    shown = await home.answer(home.gate_of(second), ana, Verdict.APPROVED, read=True)
    await home.engine.settle(home.account, await home.found(first, ana, happened=False))
    await home.yes(third, ana)
    assert await home.uncertain(third) == ["buy"]

    await home.say(shown)

    assert (await home.ended(second)).result["code"] == "effect.uncertain_before"


# Saying it again


SAID = [(Verdict.APPROVED, None, "approved"), (Verdict.REFUSED, None, "refused"), (Verdict.CHANGED, 400, "open")]


@pytest.mark.parametrize(("verdict", "change", "status"), SAID)
async def test_repeating_ones_own_decision_returns_the_first_answer(
    home: Practice, verdict: Verdict, change: int | None, status: str
) -> None:
    """A second press of the button changes nothing and hears what came of the first, also once the gate is closed."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, verdict, change=change)
    await home.say(answer)
    before = await home.kinds(run)

    again = await home.say(replace(answer, nonce="another press"))

    assert again == status
    assert await home.kinds(run) == before
    assert await _turned_away(home) == []


@pytest.mark.parametrize(("verdict", "change", "status"), SAID)
async def test_repeating_ones_own_decision_after_a_restart_returns_the_first_answer(
    home: Practice, verdict: Verdict, change: int | None, status: str
) -> None:
    """What was said first is in the ledger, so it is known again."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, verdict, change=change)
    await home.say(answer)
    before = await home.kinds(run)
    await home.restart()

    again = await home.say(answer)

    assert again == status
    assert await home.kinds(run) == before


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.CHANGED])
async def test_another_answer_than_the_first_is_late_once_the_gate_is_closed(home: Practice, verdict: Verdict) -> None:
    """Whoever said yes cannot make it a no."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    other = await home.answer(home.gate_of(run), ana, verdict, change=400)
    await home.yes(run, ana)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(other)

    assert refused.value.code == "answer.late"


async def test_another_change_than_the_first_is_not_its_repetition(home: Practice) -> None:
    """Ana asked for 400; asking for 300 of the draft that is gone is stale."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    other = await home.answer(home.gate_of(run), ana, Verdict.CHANGED, change=300)
    await home.change(run, ana, 400)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(other)

    assert refused.value.code == "answer.stale"


async def test_somebody_elses_decision_is_nobodys_repetition(home: Practice) -> None:
    """Bo saying what Ana said is late."""
    ana, bo = await home.person("Ana"), await home.person("Bo")
    run = await home.start(buy.of(TEA, Asks()))
    answer = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
    await home.say(answer)

    with pytest.raises(AnswerRefused) as refused:
        await home.say(replace(answer, person=bo))

    assert refused.value.code == "answer.late"


# Proof


async def test_the_local_token_is_enough_in_practice(home: Practice, shop: Counter) -> None:
    """Where nothing costs anything nobody needs a device."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))

    await home.yes(run, ana)

    assert shop.sold == [TEA]


async def test_a_live_effect_that_leaves_the_machine_takes_a_passkey(live: Practice, shop: Counter) -> None:
    """Whoever can only read a file on this machine cannot say yes to it; Ana's device can."""
    ana = await live.person("Ana")
    run = await live.start(buy.of(TEA, Asks()))

    with pytest.raises(AnswerRefused) as refused:
        await live.yes(run, ana)
    await live.enrol(ana)
    await live.yes(run, ana)

    assert refused.value.code == "answer.proof"
    assert shop.sold == [TEA]


async def test_a_no_takes_no_passkey(live: Practice) -> None:
    """What nothing follows from may be said by anybody who may decide."""
    ana = await live.person("Ana")
    run = await live.start(buy.of(TEA, Asks()))

    assert await live.no(run, ana) is GateStatus.REFUSED


async def test_a_passkey_of_somebody_else_proves_nothing(live: Practice) -> None:
    """Bo's device signed what Ana is said to have said."""
    ana, bo = await live.person("Ana"), await live.person("Bo")
    passkey = await live.enrol(bo)
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)

    code = await _refusal(live, _signed_with(passkey, answer))

    assert code == "answer.credential"


async def test_a_passkey_nobody_enrolled_proves_nothing(live: Practice) -> None:
    """Any program can make a key; only enrolled ones count."""
    ana = await live.person("Ana")
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)

    assert await _refusal(live, _signed_with(Passkey.made(), answer)) == "answer.credential"


async def test_a_revoked_passkey_proves_nothing(live: Practice) -> None:
    """From the moment it is revoked."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)
    await live.engine.record(live.account, CredentialRevoked(credential=passkey.credential), by=f"person:{ana}")

    assert await _refusal(live, answer) == "answer.credential"


@pytest.mark.parametrize(
    "signed_for",
    [
        {"gate": GateId(f"gate_{'1' * 32}_1")},
        {"revision": 2},
        {"draft": "0" * 64},
        {"card": "0" * 64},
        {"verdict": Verdict.REFUSED},
        {"view": View(language="de", renderer="testing/1", catalogue="0" * 64)},
        {"person": new_person_id()},
        {"nonce": "another"},
        {"expires": 1},
    ],
    ids=lambda changes: f"another {next(iter(changes))}",
)
async def test_a_signature_for_another_decision_proves_nothing(live: Practice, signed_for: dict[str, Any]) -> None:
    """A passkey signs all nine fields of one decision."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)
    other = replace(answer, **signed_for)

    assert await _refusal(live, replace(answer, assertion=_assertion(passkey, other))) == "passkey.bad"


@pytest.mark.parametrize("how", [{"verified": False}, {"present": False}, {"kind": "webauthn.create"}])
async def test_a_device_that_did_not_make_sure_proves_nothing(live: Practice, how: dict[str, Any]) -> None:
    """Nobody was there, or nobody was asked who it is, or it was enrolling and not answering."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)
    poor = passkey.answer(challenge(answer.decision()), **how)

    assert await _refusal(live, replace(answer, assertion=poor)) == "passkey.bad"


@pytest.mark.parametrize("algorithm", [-257, -37, -35, 0], ids=["RS256", "PS256", "ES384", "none"])
async def test_a_passkey_of_another_kind_proves_nothing(live: Practice, algorithm: int) -> None:
    """An answer that claims to be signed in any way but the two is refused by name, whatever its signature."""
    ana = await live.person("Ana")
    await live.enrol(ana)
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)
    said = canonical.decode(answer.assertion or b"")
    assert isinstance(said, dict)

    code = await _refusal(live, replace(answer, assertion=canonical.encode(said | {"alg": algorithm})))

    assert code == "passkey.bad"


@pytest.mark.parametrize(("algorithm", "key"), [(-257, "00" * 65), (-7, "00" * 64), (-8, "zz" * 32), (-8, "")])
async def test_a_passkey_of_another_kind_is_not_enrolled(live: Practice, algorithm: int, key: str) -> None:
    """What could prove nothing later is refused at once, and nothing of it is recorded."""
    ana = await live.person("Ana")
    before = len(await live.ledger.events(live.account))
    enrolled = CredentialEnrolled(person=ana, credential="strange", algorithm=algorithm, public_key=key)

    with pytest.raises(BadEntry):
        await live.engine.record(live.account, enrolled, by=f"person:{ana}")

    assert len(await live.ledger.events(live.account)) == before


async def test_what_is_recorded_says_where_the_passkey_was_enrolled(live: Practice) -> None:
    """The leaf is the ledger's own word, whatever the surface sent along."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    run = await live.start(buy.of(TEA, Asks()))
    answer = await live.answer(live.gate_of(run), ana, Verdict.APPROVED)
    told = passkey.answer(challenge(answer.decision()), enrolled_at=999)

    await live.say(replace(answer, assertion=told))

    approved = next(fact for fact in await live.facts(run) if isinstance(fact, GateApproved))
    leaf = (await live.engine.account(live.account)).credentials[passkey.credential].enrolled_at
    assert Assertion.decode(approved.assertion or b"").enrolled_at == leaf


# Batches


async def test_one_touch_answers_several_gates(live: Practice, shop: Counter) -> None:
    """Ana signs a sorted list of three decisions once; each gate takes its own out of it."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    answers = [await _open_and_answer(live, ana, cents) for cents in (100, 200, 300)]

    for answer in _signed_together(passkey, answers):
        await live.say(answer)

    assert sorted(order.cents for order in shop.sold) == [100, 200, 300]


async def test_a_batch_answers_no_gate_it_does_not_name(live: Practice, shop: Counter) -> None:
    """A fourth gate is not opened by a touch for three."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    named = _signed_together(passkey, [await _open_and_answer(live, ana, cents) for cents in (100, 200)])
    other = await _open_and_answer(live, ana, 300)

    code = await _refusal(live, replace(other, assertion=named[0].assertion, batch=named[0].batch))

    assert code == "passkey.bad"
    assert shop.sold == []


async def test_a_batch_that_was_changed_afterwards_proves_nothing(live: Practice) -> None:
    """One more decision slipped into the list makes it another list than was signed."""
    ana = await live.person("Ana")
    passkey = await live.enrol(ana)
    signed = _signed_together(passkey, [await _open_and_answer(live, ana, cents) for cents in (100, 200)])
    other = await _open_and_answer(live, ana, 300)
    wider = batch_of(one.decision() for one in [*signed, other])

    assert await _refusal(live, replace(other, assertion=signed[0].assertion, batch=wider)) == "passkey.bad"


# Helpers


async def _turned_away(home: Practice) -> list[AnswerTurnedAway]:
    events = await home.ledger.run(Chain.of_account(home.account))
    facts = [await read_known(home.ledger, event) for event in events]
    return [fact for fact in facts if isinstance(fact, AnswerTurnedAway)]


async def _refusal(home: Practice, answer: Answer) -> str:
    with pytest.raises(AnswerRefused) as refused:
        await home.say(answer)
    return refused.value.code


def _assertion(passkey: Passkey, answer: Answer) -> bytes:
    return passkey.answer(challenge(answer.decision()))


def _signed_with(passkey: Passkey, answer: Answer) -> Answer:
    return replace(answer, assertion=_assertion(passkey, answer))


async def _open_and_answer(home: Practice, person: PersonId, cents: int) -> Answer:
    run: RunId = await home.start(buy.of(Order(item=f"tea for {cents}", cents=cents), Asks()))
    return await home.answer(home.gate_of(run), person, Verdict.APPROVED)


def _signed_together(passkey: Passkey, answers: list[Answer]) -> list[Answer]:
    batch = batch_of(answer.decision() for answer in answers)
    assertion = passkey.answer(challenge(answers[0].decision(), batch))
    return [replace(answer, assertion=assertion, batch=batch) for answer in answers]
