"""A gate as its facts make it, one after the other: the same while it happens and when it is read back."""

from dataclasses import replace
from datetime import timedelta

from haloop.kernel import values
from haloop.kernel.errors import BadEntry
from haloop.kernel.fact import (
    Fact,
    GateAnswered,
    GateApproved,
    GateChanging,
    GateEscalated,
    GateExpired,
    GateExtended,
    GateOpened,
    GateRefused,
    GateRevised,
    GateWithdrawn,
)
from haloop.kernel.gate import Gate, GateId, GateStatus, Given, Verdict, read_need
from haloop.kernel.ids import PersonId
from haloop.kernel.passkey import Assertion
from haloop.kernel.people import Proof

Decided = GateAnswered | GateApproved | GateChanging | GateRefused
"""The facts that hold a person's decision, if a person made it."""

_VERDICTS: dict[type[Fact], Verdict] = {
    GateAnswered: Verdict.APPROVED,
    GateApproved: Verdict.APPROVED,
    GateChanging: Verdict.CHANGED,
    GateRefused: Verdict.REFUSED,
}
_ENDS: dict[type[Fact], GateStatus] = {
    GateApproved: GateStatus.APPROVED,
    GateRefused: GateStatus.REFUSED,
    GateExpired: GateStatus.EXPIRED,
    GateWithdrawn: GateStatus.WITHDRAWN,
}


def opened(fact: GateOpened) -> Gate:
    """A new gate; the hashes of its draft and card are known once the fact is written down."""
    return Gate(
        id=GateId(fact.gate),
        at=fact.at,
        revision=fact.revision,
        draft="",
        card="",
        need=read_need(fact.need),
        expires_at=fact.expires_at,
        valid_for=timedelta(seconds=fact.valid_for),
        opened_at=0,
        proposers=frozenset(PersonId(one) for one in fact.proposers),
        disclosures=fact.disclosures,
    )


def after(gate: Gate, fact: Fact) -> Gate:
    """The gate after one more of its facts."""
    if isinstance(fact, Decided) and fact.person is not None:
        gate = gate.answered(_given(gate, fact, PersonId(fact.person)))
    match fact:
        case GateAnswered():
            return gate
        case GateChanging():
            return gate.changed_by(PersonId(fact.person))
        case GateRevised():
            return gate.revised(draft="", card="", need=read_need(fact.need), disclosures=fact.disclosures)
        case GateEscalated():
            return replace(gate, escalated=True)
        case GateExtended():
            return replace(gate, expires_at=fact.expires_at)
        case GateApproved() | GateRefused() | GateExpired() | GateWithdrawn():
            return gate.ended(_ENDS[type(fact)])
    raise BadEntry(f"{fact.kind} is no fact of a gate that is open already.", code="fact.bad")


def given(gate: Gate, person: PersonId, verdict: Verdict, proof: Proof, assertion: bytes | None) -> Given:
    """What somebody says to the gate as it stands."""
    return Given(
        person=person,
        verdict=verdict,
        revision=gate.revision,
        draft=gate.draft,
        card=gate.card,
        proof=proof,
        credential=None if assertion is None else Assertion.decode(assertion).credential,
    )


def _given(gate: Gate, fact: Decided, person: PersonId) -> Given:
    said = given(gate, person, _VERDICTS[type(fact)], Proof(fact.proof), fact.assertion)
    return replace(said, change=values.digest(fact.change)) if isinstance(fact, GateChanging) else said
