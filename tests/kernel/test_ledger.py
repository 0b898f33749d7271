"""The header is the leaf: its bytes are pinned, canonical, and of exactly one spelling; nothing else is read back."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haloop.kernel import canonical
from haloop.kernel.canonical import INTEGER_MAX
from haloop.kernel.errors import BadEntry, BadInput
from haloop.kernel.ids import AccountId, RunId, new_account_id, new_run_id
from haloop.kernel.ledger import START, Chain, Entry, Event, Head, Header, leaf_hash, origin, read_origin
from haloop.kernel.part import Part

ACCOUNT = AccountId("acc_0123456789abcdef0123456789abcdef")
RUN = RunId("run_00112233445566778899aabbccddeeff")

# Whoever changes one byte of these breaks every ledger and every receipt there is.
GOLDEN = (
    b'{"account":"acc_0123456789abcdef0123456789abcdef","actor":"person:per_ffeeddccbbaa99887766554433221100",'
    b'"kind":"gate.approved","payload":"abababababababababababababababababababababababababababababababab",'
    b'"prev":"0000000000000000000000000000000000000000000000000000000000000000",'
    b'"run_id":"run_00112233445566778899aabbccddeeff","run_seq":1,"ts":1760000000000000}'
)
GOLDEN_WITH_CLAIM = GOLDEN.replace(b'"kind"', b'"claim":"' + b"cd" * 32 + b'","kind"')


def header(**changes: object) -> Header:
    fields: dict[str, object] = {
        "account": ACCOUNT,
        "actor": "person:per_ffeeddccbbaa99887766554433221100",
        "kind": "gate.approved",
        "payload": b"\xab" * 32,
        "prev": bytes(32),
        "run_id": RUN,
        "run_seq": 1,
        "ts": 1_760_000_000_000_000,
    }
    return Header(**(fields | changes))  # type: ignore[arg-type]  # the fields above, by name


def test_the_bytes_of_a_header_never_change() -> None:
    """The golden bytes come out of today's code, with a claim and without."""
    assert header().encode() == GOLDEN
    assert header(claim=b"\xcd" * 32).encode() == GOLDEN_WITH_CLAIM


def test_the_golden_bytes_are_read_back() -> None:
    """What was written once is still understood."""
    assert Header.decode(GOLDEN) == header()
    assert Header.decode(GOLDEN_WITH_CLAIM) == header(claim=b"\xcd" * 32)


def test_a_leaf_is_hashed_with_its_version_and_its_length() -> None:
    """The hash of a leaf covers a prefix no inner node has, the version, and the length of the header."""
    expected = sha256(b"\x00" + b"\x01" + len(GOLDEN).to_bytes(4, "big") + GOLDEN)
    assert leaf_hash(GOLDEN) == expected.digest()


digests = st.binary(min_size=32, max_size=32)
words = st.from_regex(r"[a-z][a-z_]{0,31}\.[a-z][a-z_]{0,31}", fullmatch=True)
actors = st.from_regex(r"[a-z][a-z0-9_.:/@-]{0,127}", fullmatch=True)
headers = st.builds(
    Header,
    account=st.builds(new_account_id),
    actor=actors,
    kind=words,
    payload=digests,
    prev=digests,
    run_id=st.builds(new_run_id),
    run_seq=st.integers(1, INTEGER_MAX),
    ts=st.integers(0, INTEGER_MAX),
    claim=st.none() | digests,
)


@given(headers)
@settings(deadline=None)
def test_a_header_is_canonical(any_header: Header) -> None:
    """The quick way a header is written gives exactly the bytes of the canonical encoder."""
    names = Header.__dataclass_fields__
    fields = {name: getattr(any_header, name) for name in names if getattr(any_header, name) is not None}
    spelled = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}
    assert any_header.encode() == canonical.encode(spelled)


@given(headers)
@settings(deadline=None)
def test_a_header_reads_back(any_header: Header) -> None:
    """Every header that can be written can be read."""
    assert Header.decode(any_header.encode()) == any_header


WITHOUT = {
    name: {key: value for key, value in json.loads(GOLDEN).items() if key != name} for name in json.loads(GOLDEN)
}


@pytest.mark.parametrize("missing", WITHOUT)
def test_a_header_lacks_nothing(missing: str) -> None:
    """A header without one of its fields is refused."""
    with pytest.raises(BadInput):
        Header.decode(canonical.encode(WITHOUT[missing]))


MALFORMED = {
    "another field": {"extra": 1},
    "an account of another kind": {"account": RUN},
    "an account in capitals": {"account": ACCOUNT.upper()},
    "an account that is no text": {"account": 7},
    "a run of another kind": {"run_id": "per_00112233445566778899aabbccddeeff"},
    "another account's own chain": {"run_id": "acc_ffffffffffffffffffffffffffffffff"},
    "a kind without a fact": {"kind": "gate"},
    "a kind in capitals": {"kind": "Gate.approved"},
    "a kind with two dots": {"kind": "gate.approved.twice"},
    "a kind that ends in a newline": {"kind": "gate.approved\n"},
    "a kind that is no text": {"kind": None},
    "an actor with a quote": {"actor": 'person:"ana"'},
    "an actor with a space": {"actor": "person ana"},
    "an actor that is empty": {"actor": ""},
    "an actor that is too long": {"actor": "a" * 129},
    "an actor that is no text": {"actor": ["person"]},
    "a payload in capitals": {"payload": "AB" * 32},
    "a payload too short": {"payload": "ab" * 31},
    "a payload with spaces": {"payload": "ab " * 21 + "a"},
    "a payload that is no text": {"payload": 0},
    "a previous hash too long": {"prev": "00" * 33},
    "a claim too short": {"claim": "cd"},
    "a claim that is null": {"claim": None},
    "a number from zero": {"run_seq": 0},
    "a negative number": {"run_seq": -1},
    "a number as text": {"run_seq": "1"},
    "a number that is true": {"run_seq": True},
    "a time before 1970": {"ts": -1},
    "a time as text": {"ts": "1760000000000000"},
    "a time that is true": {"ts": True},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_header_is_refused(changes: dict[str, canonical.Canonical]) -> None:
    """A header with one wrong field is refused, however canonical its bytes are."""
    with pytest.raises(BadInput):
        Header.decode(canonical.encode({**json.loads(GOLDEN), **changes}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        GOLDEN + b"\n",
        b" " + GOLDEN,
        GOLDEN.replace(b",", b", "),
        GOLDEN.replace(b'"ts":1760000000000000', b'"ts":1760000000000000.0'),
        GOLDEN.replace(b'"run_seq":1', b'"run_seq":01'),
        GOLDEN.replace(b'"run_seq":1', b'"run_seq":1,"run_seq":1'),
        GOLDEN.replace(b"gate.approved", b"gate.\\u0061pproved"),
        GOLDEN[:-1],
        b"\xff" + GOLDEN,
        b"[" * 10_000,
    ],
)
def test_a_header_has_one_spelling(raw: bytes) -> None:
    """Other bytes that mean the same, or nothing, are not a header."""
    with pytest.raises(BadInput):
        Header.decode(raw)


# Chains and entries


def test_an_account_has_a_chain_of_its_own() -> None:
    """Facts that belong to no run stand in a chain named after the account."""
    own = Chain.of_account(ACCOUNT)
    assert (own.is_own, Chain(account=ACCOUNT, run_id=RUN).is_own) == (True, False)


@pytest.mark.parametrize(
    ("account", "run"),
    [
        ("run_00112233445566778899aabbccddeeff", RUN),
        (ACCOUNT, "acc_ffffffffffffffffffffffffffffffff"),
        (ACCOUNT, "per_00112233445566778899aabbccddeeff"),
        (ACCOUNT, ""),
        (ACCOUNT, RUN + "\n"),
    ],
)
def test_a_chain_has_proper_names(account: str, run: str) -> None:
    """A chain is a run of an account, or the account's own, and nothing else."""
    with pytest.raises(BadEntry):
        Chain(account=AccountId(account), run_id=RunId(run))


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "approved"},
        {"kind": "gate.Approved"},
        {"kind": "gate.approved "},
        {"kind": f"gate.{'a' * 33}"},
        {"actor": ""},
        {"actor": "Ana"},
        {"actor": 'kernel","kind":"x.y'},
        {"claim": b""},
        {"claim": b"\x00" * 31},
        {"parts": (Part(name="same", body=b"1"), Part(name="same", body=b"2"))},
    ],
)
def test_an_entry_is_checked_when_it_is_made(fields: dict[str, object]) -> None:
    """What cannot be recorded is refused before anything is locked, hashed or written."""
    good: dict[str, object] = {"kind": "gate.approved", "actor": "kernel"}
    with pytest.raises(BadEntry):
        Entry(**(good | fields))  # type: ignore[arg-type]  # an entry's own fields, by name


def test_the_head_after_an_event_is_that_event() -> None:
    """Whoever has read an event knows what the next append must name."""
    event = Event(index=5, header=header(run_seq=3), parts={}, leaf_hash=b"\x01" * 32)
    assert event.head == Head(run_seq=3, hash=b"\x01" * 32)
    assert Head(run_seq=0, hash=bytes(32)) == START


# Origins


@pytest.mark.parametrize("epoch", [1, 2, 17, 999_999_999])
def test_an_origin_names_account_and_epoch(epoch: int) -> None:
    """The name a tree is signed under can be read back."""
    assert read_origin(origin(ACCOUNT, epoch)) == (ACCOUNT, epoch)


def test_the_first_epoch_is_not_spelled_out() -> None:
    """A ledger that never went back is named after its account alone."""
    assert origin(ACCOUNT, 1) == f"haloop.local/{ACCOUNT}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "haloop.local",
        "haloop.local/",
        f"elsewhere.example/{ACCOUNT}",
        f"haloop.local/{RUN}",
        f"haloop.local/{ACCOUNT}/",
        f"haloop.local/{ACCOUNT}/0",
        f"haloop.local/{ACCOUNT}/1",
        f"haloop.local/{ACCOUNT}/02",
        f"haloop.local/{ACCOUNT}/-2",
        f"haloop.local/{ACCOUNT}/two",
        f"haloop.local/{ACCOUNT}/²",
        f"haloop.local/{ACCOUNT}/2/3",
        f"haloop.local/{ACCOUNT}/9999999999",
        f"haloop.local/{ACCOUNT}\n",
    ],
)
def test_an_origin_has_one_spelling(text: str) -> None:
    """Two names for one log would let two histories pass for two logs."""
    with pytest.raises(BadEntry):
        read_origin(text)
