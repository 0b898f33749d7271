"""The rules of a gate by themselves: what it takes, whose yes counts, and which answers are turned away."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel import canonical
from haloop.kernel.errors import AnswerRefused, BadAnswer
from haloop.kernel.gate import (
    Answer,
    Escalation,
    Gate,
    GateId,
    GateStatus,
    Given,
    Need,
    Verdict,
    View,
    judge,
    need_as_canonical,
    read_need,
    run_of,
)
from haloop.kernel.ids import PersonId
from haloop.kernel.passkey import read_decision
from haloop.kernel.people import Person, Proof, Role

NAMES = [PersonId(f"per_{number:032x}") for number in range(4)]
DECIDING = st.frozensets(st.sampled_from([Role.OWNER, Role.APPROVER]), min_size=1)
# Mostly people who may decide and yeses that count: of cases that are drawn freely hardly any closes a gate.
PEOPLE = st.fixed_dictionaries(dict.fromkeys(NAMES, DECIDING | st.frozensets(st.sampled_from(list(Role)))))
ESCALATIONS = st.builds(Escalation, after=st.timedeltas(timedelta(), timedelta(days=9)), roles=DECIDING)
NEEDS = st.builds(
    Need,
    count=st.integers(1, 3),
    roles=DECIDING,
    proof=st.sampled_from(Proof),
    separation=st.booleans(),
    escalation=st.none() | ESCALATIONS,
)
YESES = st.builds(
    Given,
    person=st.sampled_from(NAMES),
    verdict=st.just(Verdict.APPROVED) | st.just(Verdict.APPROVED) | st.sampled_from(Verdict),
    revision=st.just(1) | st.just(1) | st.integers(1, 2),
    draft=st.just("d"),
    card=st.just("c"),
    proof=st.just(Proof.PASSKEY) | st.sampled_from(Proof),
    credential=st.none() | st.just("kept") | st.sampled_from(["kept", "lost"]),
)
KEPT = frozenset({"kept"})


def _gate(need: Need, *given: Given, proposers: frozenset[PersonId] = frozenset(), escalated: bool = False) -> Gate:
    return Gate(
        id=GateId(f"gate_{'0' * 32}_1"),
        at="1",
        revision=1,
        draft="d",
        card="c",
        need=need,
        expires_at=100,
        valid_for=timedelta(minutes=15),
        opened_at=0,
        proposers=proposers,
        given=given,
        escalated=escalated,
    )


def _people(roles: dict[PersonId, frozenset[Role]]) -> dict[PersonId, Person]:
    return {name: Person(id=name, name="Ana", roles=held) for name, held in roles.items()}


def _answer(verdict: Verdict = Verdict.APPROVED, *, disclosures_read: bool = True) -> Answer:
    return Answer(
        gate=GateId(f"gate_{'0' * 32}_1"),
        revision=1,
        draft="d",
        card="c",
        view=View(language="en", renderer="test/1", catalogue="0"),
        verdict=verdict,
        person=NAMES[0],
        nonce="n",
        expires=100,
        disclosures_read=disclosures_read,
    )


@given(
    need=NEEDS,
    other=NEEDS,
    yeses=st.lists(YESES, min_size=2, max_size=6),
    people=PEOPLE,
    proposers=st.frozensets(st.sampled_from(NAMES)),
    escalated=st.booleans(),
)
def test_asking_for_more_never_lets_through_what_was_not_let_through(
    need: Need,
    other: Need,
    yeses: list[Given],
    people: dict[PersonId, frozenset[Role]],
    proposers: frozenset[PersonId],
    escalated: bool,  # drawn
) -> None:
    """Whatever is added to a need, what closes the gate under both would have closed it under the first alone."""
    raised = _gate(need.raised(other), *yeses, proposers=proposers, escalated=escalated)
    alone = _gate(need, *yeses, proposers=proposers, escalated=escalated)

    assert alone.may_close(_people(people), KEPT) or not raised.may_close(_people(people), KEPT)


@pytest.mark.parametrize(
    "stricter",
    [
        Need(count=2),
        Need(roles=frozenset({Role.OWNER})),
        Need(proof=Proof.PASSKEY),
        Need(separation=True),
    ],
    ids=["two people", "an owner", "a passkey", "somebody else"],
)
def test_of_two_needs_the_stricter_holds(stricter: Need) -> None:
    """Whichever of them is the account's and whichever the desk's."""
    assert Need().raised(stricter) == stricter
    assert stricter.raised(Need()) == stricter


@given(need=NEEDS, other=NEEDS)
def test_an_escalation_comes_no_sooner_and_lets_in_no_more_for_being_combined(need: Need, other: Need) -> None:
    """Nobody answers before the first need lets them."""
    raised = need.raised(other)

    assert raised.widest() <= need.widest()
    assert raised.escalation is None or need.escalation is None or raised.escalation.after >= need.escalation.after


@given(need=NEEDS)
def test_a_need_asked_for_twice_is_the_same_need(need: Need) -> None:
    """Policy asked again in the moment of an intent asks for no more than it did."""
    again = need.raised(need)

    assert (again.count, again.roles, again.proof, again.separation) == (
        need.count,
        need.roles,
        need.proof,
        need.separation,
    )
    assert again.widest() == need.widest()


@given(count=st.integers(1, 3), yeses=st.lists(YESES, max_size=6))
def test_a_quorum_is_of_distinct_people_on_this_revision(count: int, yeses: list[Given]) -> None:
    """A gate closes with as many different people as it needs, each with a yes to what stands there now; no sooner."""
    owners = dict.fromkeys(NAMES, frozenset({Role.OWNER}))
    said = [replace(one, credential=None) for one in yeses]

    closed = _gate(Need(count=count), *said).may_close(_people(owners), KEPT)

    here = {one.person for one in said if one.verdict is Verdict.APPROVED and one.revision == 1}
    assert closed == (len(here) >= count)


@given(need=NEEDS)
def test_a_need_is_read_back_as_it_was_written(need: Need) -> None:
    """What the ledger holds of a need is all of it, to the second."""
    written = need_as_canonical(need)

    assert need_as_canonical(read_need(canonical.decode(canonical.encode(written)))) == written


@pytest.mark.parametrize(
    "asks",
    [
        {"count": 0},
        {"roles": frozenset()},
        {"roles": frozenset({Role.OWNER, Role.VIEWER})},
        {"escalation": Escalation(after=timedelta(hours=1), roles=frozenset({Role.VIEWER}))},
    ],
    ids=["nobody", "no role", "a viewer", "a viewer later"],
)
def test_a_need_that_would_let_anybody_through_cannot_be_made(asks: dict[str, int]) -> None:
    """Viewers never decide, however long one waits."""
    with pytest.raises(BadAnswer) as refused:
        Need(**asks)  # type: ignore[arg-type]  # several fields in turn

    assert refused.value.code == "gate.need"


def test_where_two_needs_have_no_role_in_common_the_first_keeps_its_word() -> None:
    """The account wants an owner, a desk an approver: it takes an owner."""
    raised = Need(roles=frozenset({Role.OWNER})).raised(Need(roles=frozenset({Role.APPROVER})))

    assert raised.roles == frozenset({Role.OWNER})


def test_a_new_revision_has_no_yeses() -> None:
    """They were for another draft."""
    yes = Given(person=NAMES[0], verdict=Verdict.APPROVED, revision=1, draft="d", card="c", proof=Proof.TOKEN)
    revised = _gate(Need(), yes).revised(draft="e", card="f", need=Need(), disclosures=False)

    assert revised.yeses() == ()


@pytest.mark.parametrize(
    ("proof", "credential", "counts"),
    [(Proof.PASSKEY, "kept", True), (Proof.PASSKEY, "lost", False), (Proof.TOKEN, None, False)],
)
def test_a_yes_counts_as_long_as_its_proof_does(proof: Proof, credential: str | None, counts: bool) -> None:
    """A passkey that is gone takes its yes along, and a token never was one."""
    yes = Given(
        person=NAMES[0],
        verdict=Verdict.APPROVED,
        revision=1,
        draft="d",
        card="c",
        proof=proof,
        credential=credential,
    )
    people = _people({NAMES[0]: frozenset({Role.OWNER})})

    assert _gate(Need(proof=Proof.PASSKEY), yes).may_close(people, KEPT) is counts


@pytest.mark.parametrize(
    ("verdict", "proposed", "proof", "code"),
    [
        (Verdict.APPROVED, True, Proof.PASSKEY, "answer.own"),
        (Verdict.APPROVED, False, Proof.TOKEN, "answer.proof"),
    ],
)
def test_a_yes_that_does_not_count_says_why(verdict: Verdict, proposed: bool, proof: Proof, code: str) -> None:
    """It is turned away by name."""
    need = Need(separation=True, proof=Proof.PASSKEY)
    gate = _gate(need, proposers=frozenset(NAMES[:1] if proposed else ()))
    person = Person(id=NAMES[0], name="Ana", roles=frozenset({Role.OWNER}))

    with pytest.raises(AnswerRefused) as refused:
        judge(gate, _answer(verdict), person, proof=proof, now=0)

    assert refused.value.code == code


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.CHANGED])
def test_a_proposer_may_say_no_and_change_without_a_passkey(verdict: Verdict) -> None:
    """Neither lets anything run."""
    gate = _gate(Need(separation=True, proof=Proof.PASSKEY), proposers=frozenset(NAMES[:1]))
    person = Person(id=NAMES[0], name="Ana", roles=frozenset({Role.OWNER}))

    judge(gate, _answer(verdict), person, proof=Proof.TOKEN, now=0)


@pytest.mark.parametrize("status", [one for one in GateStatus if one not in (GateStatus.OPEN, GateStatus.REVISING)])
def test_a_closed_gate_takes_no_answer(status: GateStatus) -> None:
    """However it was closed, whoever comes then is late."""
    person = Person(id=NAMES[0], name="Ana", roles=frozenset({Role.OWNER}))

    with pytest.raises(AnswerRefused) as refused:
        judge(_gate(Need()).ended(status), _answer(), person, proof=Proof.TOKEN, now=0)

    assert refused.value.code == "answer.late"


def test_a_decision_has_the_nine_fields_that_a_passkey_signs() -> None:
    """What is signed can be read by anybody who has the bytes."""
    decision = read_decision(_answer().decision())

    assert sorted(decision) == [
        *("card", "draft", "expires", "gate", "nonce", "person", "revision", "verdict", "view"),
    ]


def test_a_gates_name_leads_to_its_run() -> None:
    """Whoever holds a gate's id can find the run it belongs to, and nothing else passes for one."""
    assert run_of(GateId(f"gate_{'a' * 32}_7")) == f"run_{'a' * 32}"
    with pytest.raises(BadAnswer):
        run_of(GateId("gate_of_heaven"))
