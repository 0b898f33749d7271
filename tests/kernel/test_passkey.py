"""A person's yes: a passkey's answer counts for one question, from somebody present and known, by one key."""

import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadAssertion, BadInput
from haloop.kernel.passkey import (
    ASSERTION_FIELDS,
    DECISION_FIELDS,
    EDDSA,
    ES256,
    Assertion,
    PersonKey,
    Site,
    base64url,
    challenge,
    check_answer,
    check_assertion,
    read_decision,
    read_person_key,
)
from haloop.store.signing import verify_passkey
from haloop.testing.passkey import Passkey

DECISION: dict[str, Canonical] = {
    "card": "c" * 64,
    "draft": "d" * 64,
    "expires": 1_800_000_000,
    "gate": "gate_1",
    "nonce": "n",
    "person": "per_1",
    "revision": 1,
    "verdict": "approved",
    "view": {"language": "en"},
}
OTHER = {**DECISION, "gate": "gate_2"}
YES = canonical.encode(DECISION)
BATCH = canonical.encode([DECISION, OTHER])
ASKED = challenge(YES)
HERE = "http://localhost:4000"
AWAY = Site(rp_id="haloop.example", origins=frozenset({"https://haloop.example"}))


@pytest.fixture
def ana() -> Passkey:
    return Passkey.made()


def with_field(raw: bytes, name: str, value: Canonical) -> bytes:
    fields = canonical.decode(raw)
    assert isinstance(fields, dict)
    return canonical.encode({**fields, name: value})


def test_the_challenge_never_changes() -> None:
    """The published formula: a tag and the decision, or a tag and the batch."""
    assert challenge(YES) == sha256(b"haloop/decision/1" + YES).digest()
    assert challenge(YES, BATCH) == sha256(b"haloop/decision/1" + BATCH).digest()


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_a_persons_answer_is_believed(algorithm: int) -> None:
    """Both kinds of passkey are believed for what they were asked, at the site they were asked on."""
    passkey = Passkey.made(algorithm, rp_id="haloop.example", origin="https://haloop.example")
    answer = Assertion.decode(passkey.answer(ASKED, enrolled_at=4))

    check_assertion(answer, ASKED, passkey.key, verify_passkey)
    check_assertion(answer, ASKED, passkey.key, verify_passkey, site=AWAY)

    assert (answer.credential, answer.algorithm, answer.enrolled_at) == (passkey.credential, algorithm, 4)
    assert answer.site() == "https://haloop.example"


def test_a_batch_is_signed_whole_and_counts_for_each_decision_in_it(ana: Passkey) -> None:
    """One touch answers every decision of the batch, and none of them alone."""
    answer = Assertion.decode(ana.answer(challenge(YES, BATCH)))

    check_assertion(answer, challenge(canonical.encode(OTHER), BATCH), ana.key, verify_passkey)

    with pytest.raises(BadAssertion, match="answered another question"):
        check_assertion(answer, ASKED, ana.key, verify_passkey)


@pytest.mark.parametrize(
    ("batch", "why"),
    [
        (canonical.encode([OTHER]), "does not contain this decision"),
        (canonical.encode([]), "does not contain this decision"),
        (canonical.encode([OTHER, DECISION]), "not sorted"),
        (canonical.encode([DECISION, DECISION]), "names a decision twice"),
        (canonical.encode(DECISION), "not a list"),
        (canonical.encode([DECISION, {"verdict": "approved"}]), "decision of the batch does not have exactly"),
        (canonical.encode([DECISION, "gate_2"]), "decision of the batch does not have exactly"),
        (BATCH + b" ", "The batch cannot be read"),
    ],
)
def test_a_batch_has_one_spelling_and_contains_the_decision(batch: bytes, why: str) -> None:
    """No challenge is made for a batch that two readers could read as two."""
    with pytest.raises(BadAssertion, match=why):
        challenge(YES, batch)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (canonical.encode({"verdict": "approved"}), "does not have exactly its fields"),
        (canonical.encode({**DECISION, "note": "more"}), "does not have exactly its fields"),
        (canonical.encode("approved"), "does not have exactly its fields"),
        (BATCH, "does not have exactly its fields"),
        (b" " + YES, "The decision cannot be read"),
        (b"\xff", "The decision cannot be read"),
    ],
)
def test_only_a_whole_decision_can_be_asked(raw: bytes, why: str) -> None:
    """A question with a field missing, one too many, or in another spelling has no challenge."""
    for read in (read_decision, challenge):
        with pytest.raises(BadAssertion, match=why):
            read(raw)


def test_a_decision_is_read_back() -> None:
    """What was asked and answered is what the bytes say."""
    assert read_decision(YES) == DECISION
    assert DECISION.keys() == DECISION_FIELDS


def test_enrolling_is_no_yes(ana: Passkey) -> None:
    """What a passkey signs when it is enrolled cannot be shown as an answer."""
    answer = Assertion.decode(ana.answer(ASKED, kind="webauthn.create"))

    with pytest.raises(BadAssertion, match="not an assertion"):
        check_assertion(answer, ASKED, ana.key, verify_passkey)


def test_an_answer_to_another_question_is_no_yes(ana: Passkey) -> None:
    """An answer given for one decision cannot be used for the next."""
    answer = Assertion.decode(ana.answer(challenge(canonical.encode(OTHER))))

    with pytest.raises(BadAssertion, match="answered another question"):
        check_assertion(answer, ASKED, ana.key, verify_passkey)


def test_somebody_has_to_be_present(ana: Passkey) -> None:
    """A passkey that answers by itself says nothing about a person."""
    answer = Assertion.decode(ana.answer(ASKED, present=False))

    with pytest.raises(BadAssertion, match="nobody was present"):
        check_assertion(answer, ASKED, ana.key, verify_passkey)


def test_a_found_device_is_not_enough(ana: Passkey) -> None:
    """Without a PIN, face or finger, whoever holds the device could have answered."""
    answer = Assertion.decode(ana.answer(ASKED, verified=False))

    with pytest.raises(BadAssertion, match="did not verify who was present"):
        check_assertion(answer, ASKED, ana.key, verify_passkey)


def test_an_answer_from_another_site_is_no_yes(ana: Passkey) -> None:
    """Where the caller says which site it is, an answer given at another does not count."""
    answer = Assertion.decode(ana.answer(ASKED))

    check_assertion(answer, ASKED, ana.key, verify_passkey, site=Site(rp_id="localhost", origins=frozenset({HERE})))

    with pytest.raises(BadAssertion, match=r"used at another site than haloop\.example"):
        check_answer(answer, ASKED, site=Site(rp_id="haloop.example", origins=frozenset({HERE})))
    with pytest.raises(BadAssertion, match="by a page at another address"):
        check_answer(answer, ASKED, site=Site(rp_id="localhost", origins=frozenset({f"{HERE}0"})))


@pytest.mark.parametrize("frame", [True, "false", 0, None])
def test_an_answer_from_inside_another_page_is_no_yes(ana: Passkey, frame: object) -> None:
    """Where the caller says which site it is, a page that was shown in somebody else's frame does not count."""
    said = Assertion.decode(ana.answer(ASKED))
    client_data = json.dumps({**json.loads(said.client_data), "crossOrigin": frame}).encode()

    with pytest.raises(BadAssertion, match="inside somebody else's page"):
        check_answer(
            replace(said, client_data=client_data),
            ASKED,
            site=Site(rp_id="localhost", origins=frozenset({HERE})),
        )


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_another_persons_answer_is_no_yes(ana: Passkey, algorithm: int) -> None:
    """A good answer by somebody else's key, of whichever kind, is not this person's; nor do the two kinds mix."""
    stranger = Passkey.made(algorithm)
    answer = Assertion.decode(stranger.answer(ASKED))
    other_kind = replace(answer, algorithm=ES256 if algorithm == EDDSA else EDDSA)

    check_answer(answer, ASKED)

    for shown, key in ((answer, ana.key), (other_kind, stranger.key), (other_kind, ana.key)):
        with pytest.raises(BadAssertion, match="not of this person's key"):
            check_assertion(shown, ASKED, key, verify_passkey)


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_what_was_signed_cannot_be_changed(algorithm: int) -> None:
    """Flags, site, client data and signature are all covered: a change to any of them breaks the signature."""
    passkey = Passkey.made(algorithm)
    answer = Assertion.decode(passkey.answer(ASKED))
    absent = Assertion.decode(passkey.answer(ASKED, present=False, verified=False))

    for bent in (
        replace(absent, authenticator_data=answer.authenticator_data),
        replace(answer, authenticator_data=answer.authenticator_data + b"\x00"),
        replace(answer, client_data=answer.client_data + b" "),
        replace(answer, signature=answer.signature[:-1]),
        replace(answer, signature=bytes(64)),
    ):
        with pytest.raises(BadAssertion, match="not of this person's key"):
            check_assertion(bent, ASKED, passkey.key, verify_passkey)


@pytest.mark.parametrize("algorithm", [-257, -37, 0, 7, True, "-7", None, []])
def test_no_other_algorithm_is_read(ana: Passkey, algorithm: Canonical) -> None:
    """An answer under any other algorithm is refused before its signature is looked at."""
    with pytest.raises(BadAssertion, match="neither ES256 nor EdDSA"):
        Assertion.decode(with_field(ana.answer(ASKED), "alg", algorithm))


def test_under_another_algorithm_no_signature_holds() -> None:
    """Who checks signatures does not guess an algorithm from the length of a key."""
    for made in (ES256, EDDSA):
        passkey = Passkey.made(made)
        holds = [
            verify_passkey(tried, passkey.key.public_key, passkey.sign(b"yes"), b"yes") for tried in (-7, -8, -257)
        ]
        assert holds == [made == ES256, made == EDDSA, False]


def test_a_key_off_the_curve_signs_nothing(ana: Passkey) -> None:
    """A public key that is no point refuses every answer, and never fails otherwise."""
    nowhere = PersonKey(algorithm=ES256, public_key=b"\x04" + bytes(64))

    with pytest.raises(BadAssertion, match="not of this person's key"):
        check_assertion(Assertion.decode(ana.answer(ASKED)), ASKED, nowhere, verify_passkey)


def test_an_answer_has_exactly_its_fields(ana: Passkey) -> None:
    """What is written is read back; a field missing or one too many is refused."""
    raw = ana.answer(ASKED, enrolled_at=7)
    fields = canonical.decode(raw)
    assert isinstance(fields, dict)

    assert Assertion.decode(raw).encode() == raw
    assert fields.keys() == ASSERTION_FIELDS

    for name in ASSERTION_FIELDS:
        with pytest.raises(BadAssertion, match="does not have exactly its fields"):
            Assertion.decode(canonical.encode({each: fields[each] for each in fields if each != name}))
    with pytest.raises(BadAssertion, match="does not have exactly its fields"):
        Assertion.decode(with_field(raw, "note", "more"))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("signature", "AA==", "one spelling"),
        ("signature", "AB", "one spelling"),
        ("signature", "A+/A", "one spelling"),
        ("signature", "", "one spelling"),
        ("signature", "ß", "one spelling"),
        ("signature", 7, "a text is missing"),
        ("client_data", None, "a text is missing"),
        ("credential", "not base64url", "one spelling"),
        ("credential", 7, "a text is missing"),
        ("authenticator_data", "AAAA", "cut short"),
        ("enrolled_at", -1, "where the key was enrolled"),
        ("enrolled_at", True, "where the key was enrolled"),
        ("enrolled_at", "4", "where the key was enrolled"),
    ],
)
def test_a_field_of_an_answer_has_one_spelling(ana: Passkey, name: str, value: Canonical, why: str) -> None:
    """Each field is of its kind and spelled in the one way that counts."""
    with pytest.raises(BadAssertion, match=why):
        Assertion.decode(with_field(ana.answer(ASKED), name, value))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "cannot be read"),
        (b"\xff", "cannot be read"),
        pytest.param(b"[" * 100_000, "cannot be read", id="nested too deeply"),
        (b'{"type":"webauthn.get","type":"webauthn.get"}', "a key stands twice"),
        (b'{"type":1.5}', "is a float"),
        (b'{"origin":"\\ud800"}', "half a character"),
        (b"[]", "is not an object"),
    ],
)
def test_an_answer_that_two_readers_could_read_differently_is_refused(ana: Passkey, raw: bytes, why: str) -> None:
    """A recorded answer, and what the browser wrote inside it, mean one thing or nothing."""
    inside = replace(Assertion.decode(ana.answer(ASKED)), client_data=raw)

    with pytest.raises(BadAssertion, match=f"The assertion.*{why}"):
        Assertion.decode(raw)
    with pytest.raises(BadAssertion, match=f"The client data.*{why}"):
        check_assertion(inside, ASKED, ana.key, verify_passkey)


def test_the_browsers_own_spelling_is_read(ana: Passkey) -> None:
    """Spaces, an order of their own and fields that browsers add are no reason to refuse what they wrote."""
    answer = Assertion.decode(ana.answer(ASKED))
    client = b'{ "type": "webauthn.get", "challenge": "%s", "added": {} }' % base64url(ASKED).encode()
    signature = ana.sign(answer.authenticator_data + sha256(client).digest())
    spelled = replace(answer, client_data=client, signature=signature)

    check_assertion(spelled, ASKED, ana.key, verify_passkey)


@pytest.mark.parametrize("client", [b"{}", b'{"type":null}', b'{"type":"webauthn.get"}'])
def test_what_is_not_said_does_not_count(ana: Passkey, client: bytes) -> None:
    """Where the browser does not say the kind or the challenge, the answer is refused."""
    silent = replace(Assertion.decode(ana.answer(ASKED)), client_data=client)

    with pytest.raises(BadAssertion):
        check_answer(silent, ASKED)
    assert silent.site() == "an unnamed site"


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_a_persons_key_is_read_from_its_text(algorithm: int) -> None:
    """The text a person hands to a stranger names the kind and the key."""
    key = Passkey.made(algorithm).key
    kind = "es256" if algorithm == ES256 else "eddsa"

    assert read_person_key(f"{kind}:{b64encode(key.public_key).decode()}") == key


@pytest.mark.parametrize(
    "text", ["", "es256:", "es256:AAAA", "rsa:AAAA", f"es256:{b64encode(bytes(32)).decode()}", "ß"]
)
def test_a_text_that_is_no_persons_key_is_refused(text: str) -> None:
    """What cannot be a key says how one is written."""
    with pytest.raises(BadInput, match="A person's key reads") as refused:
        read_person_key(text)
    assert refused.value.code == "person.key"


@pytest.mark.parametrize(("algorithm", "size"), [(ES256, 32), (ES256, 33), (EDDSA, 65), (-257, 65), (0, 0)])
def test_a_persons_key_has_one_of_two_kinds(algorithm: int, size: int) -> None:
    """No key of another algorithm or length can be made, so none can be enrolled."""
    with pytest.raises(BadInput, match="A person's key reads"):
        PersonKey(algorithm=algorithm, public_key=bytes(size))


def test_no_two_passkeys_are_alike() -> None:
    """Every software passkey has a key and a credential of its own."""
    one, two = Passkey.made(), Passkey.made()
    assert one.credential != two.credential
    assert one.key != two.key
