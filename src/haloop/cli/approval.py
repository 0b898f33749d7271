"""Who said yes, as far as a receipt shows it.

An approval in a receipt may disclose the decision and the passkey's assertion. The kernel checks that the one
answers the other; here it is said in words what that shows, given the keys of the persons a reader trusts.
"""

from collections.abc import Mapping, Sequence

from haloop.kernel.errors import BadAssertion, BadReceipt
from haloop.kernel.passkey import Assertion, PersonKey, challenge, check_answer, read_decision, read_person_key
from haloop.store.signing import verify_passkey

__all__ = ["PersonKey", "check_approval", "read_person_key"]


def check_approval(bodies: Mapping[str, bytes], persons: Sequence[PersonKey]) -> str:
    """Say who approved, as far as the disclosed parts and the keys given allow; BadReceipt where they lie."""
    try:
        return _who_approved(bodies, persons)
    except BadAssertion as error:
        raise BadReceipt(error.sentence) from error


def _who_approved(bodies: Mapping[str, bytes], persons: Sequence[PersonKey]) -> str:
    # A person's signed "no" is a good signature too; under this event it must not count as a yes.
    if "decision" in bodies and read_decision(bodies["decision"])["verdict"] != "approved":
        raise BadReceipt("it records an approval, but the decision in it is not one.")
    missing = [name for name in ("assertion", "decision") if name not in bodies]
    if missing and persons:
        raise BadReceipt(f"--person cannot be checked: its {missing[0]} is not disclosed.")
    if missing == ["decision"]:
        return "not checked (a passkey assertion is disclosed, but not the decision it was given for)"
    if missing:
        return "the log alone says so; no passkey assertion is disclosed"
    return _who_answered(bodies, persons)


def _who_answered(bodies: Mapping[str, bytes], persons: Sequence[PersonKey]) -> str:
    assertion = Assertion.decode(bodies["assertion"])
    check_answer(assertion, challenge(bodies["decision"], bodies.get("batch")))
    said = f"said by credential {assertion.credential}, enrolled at leaf {assertion.enrolled_at}"
    if not persons:
        return f"{said}: not checked (give --person)"
    if not any(assertion.is_signed_by(person, verify_passkey) for person in persons):
        raise BadReceipt("no --person key given made the signature of its credential.")
    return f"{said}, at {assertion.site()}: checked with the key given"
