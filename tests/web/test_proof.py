"""The app's own check of a receipt, held against the script that a stranger runs: on every file they say the same.

The files are the ones that the script is tried on: good ones, and each kind of tampering; and a whole story, from the
gate to what happened, with one thing in it bent at a time.
"""

import base64
import json
import re
import runpy
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from haloop.engines.receipts import prove
from haloop.testing.provider import Provider
from tests.engines.trade import NeitherShop, buy, street
from tests.tools import test_verify_receipt as script_tests
from tests.tools.test_verify_receipt import (
    ANA_KEY,
    BATCH,
    BEN,
    BEN_KEY,
    BENDS,
    KEY,
    ORIGIN,
    OTHER,
    OTHER_LOG,
    PASSKEYS,
    SAMPLE,
    SMALL_ORDER,
    YES,
    approval,
    assertion,
    b64,
    compact,
    decision,
    event,
    file_of,
    good,
    outcome,
    proposal,
    receipt,
    said_yes,
    script,
    split_runs,
    vkey,
)

REPOSITORY = Path(__file__).parents[2]
JUDGE = Path(__file__).parent / "judge.mjs"
PROVED, BAD, NOT_A_RECEIPT, SIGNER_UNKNOWN = 0, 1, 2, 3


class Case(NamedTuple):
    """One file, and what whoever checks it has in hand."""

    name: str
    data: bytes
    key: str | None = KEY
    persons: Sequence[str] = ()


def judged(cases: Sequence[Case]) -> list[tuple[int, list[str]]]:
    """What the app says of each."""
    node = runpy.run_path(str(REPOSITORY / "tools" / "web.py"))["require_node"]()
    asked = [{"data": b64(one.data), "key": one.key, "persons": list(one.persons)} for one in cases]
    told = subprocess.run(
        [node.program, "--no-warnings", JUDGE], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    return [(code, lines) for code, lines in json.loads(told.stdout)]


def compared(cases: Sequence[Case]) -> list[int]:
    """What both say of each; what they say differently is shown."""
    expected = [script.verify(one.data, one.key, one.persons) for one in cases]
    found = judged(cases)
    differences = [
        (case.name, script_says, app_says)
        for case, (code, lines), (own_code, own_lines) in zip(cases, expected, found, strict=True)
        if (script_says := (code, _plain(lines))) != (app_says := (own_code, _plain(own_lines)))
    ]
    assert differences == []
    return [code for code, _ in found]


def _plain(lines: Sequence[str]) -> list[str]:
    """Where a reader of JSON stumbles, and how deep it looks, each of them says in its own words."""
    return [re.sub(r"(its JSON )(cannot be read strictly|is nested too deeply).*", r"\1", line) for line in lines]


# ------------------------------------------------------------------------------------------- the script's own


def _good_ones() -> Iterator[Case]:
    yield Case("the sample", SAMPLE.read_bytes(), KEY, [ANA_KEY])
    yield Case("nobody asked for", SAMPLE.read_bytes())
    yield Case("another passkey", file_of(receipt([said_yes(key=BEN)])), KEY, [BEN_KEY])
    yield Case("a quorum", file_of(receipt([said_yes(), said_yes(key=BEN)])), KEY, [BEN_KEY, ANA_KEY])
    yield Case("no passkey", file_of(receipt([approval(decision=decision())])))
    yield Case("a later epoch", file_of(receipt([proposal()], origin=f"{ORIGIN}/2")), vkey(f"{ORIGIN}/2"))
    yield Case("a claim", file_of(receipt([event("effect.intended", {}, claim="a" * 64)])))
    batch = approval(decision=decision(), batch=BATCH, assertion=assertion(compact(BATCH)))
    yield Case("a batch", file_of(receipt([batch])), KEY, [ANA_KEY])
    gap = good()
    del gap["events"][1]
    yield Case("a gap", file_of(gap))
    witnessed = receipt([proposal()])
    witnessed["events"][0]["proof"] += f"— witness.example {b64(bytes(76))}\n"
    yield Case("a witness", file_of(witnessed))
    odd = event(
        "note", {"a": "\x1b[2J\u202e ü \U0001f600".encode(), "b": b"\xff\xfe", "c": ("x\U0001f600" * 200).encode()}
    )
    yield Case("odd letters", file_of(receipt([odd])))
    for size in range(1, 20):
        for place in range(size):
            yield Case(f"{place} of {size}", file_of(receipt([proposal()], places=[place], strangers=size)))


def test_what_is_good_is_proved_here_too() -> None:
    """Every good receipt, in trees of every shape, is proved line by line as the script proves it."""
    assert set(compared(list(_good_ones()))) == {PROVED}


def test_without_the_key_nobody_knows_who_signed() -> None:
    """And the file's own word on who it was is told as that."""
    assert set(compared([Case(one.name, one.data, None) for one in _good_ones()][:12])) == {SIGNER_UNKNOWN}


def _bent_ones() -> Iterator[Case]:
    for name, (bend, _, _) in BENDS.items():
        value = good()
        bend(value)
        yield Case(name, file_of(value))
        yield Case(f"{name}, without a key", file_of(value), None)
    for name, (changes, _) in PASSKEYS.items():
        made = {"challenged": YES, **changes}
        value = receipt([proposal(), approval(decision=decision(), assertion=assertion(**made))])
        yield Case(name, file_of(value), KEY, [ANA_KEY])
    refused = decision(verdict="refused")
    yield Case("a no", file_of(receipt([approval(decision=refused, assertion=assertion(compact(refused)))])))
    for batch in ([OTHER], BATCH[::-1], [decision(), decision()], {"a": 1}, [1]):
        made = approval(decision=decision(), batch=batch, assertion=assertion(compact(batch)))
        yield Case(f"the batch {batch}", file_of(receipt([made])), KEY, [ANA_KEY])
    for hidden in ("assertion", "decision"):
        made = approval(hide=[hidden], decision=decision(), assertion=assertion(YES))
        yield Case(f"a hidden {hidden}", file_of(receipt([made])), KEY, [ANA_KEY])
    yield Case("no approval", file_of(receipt([proposal()])), KEY, [ANA_KEY])
    yield Case("another person", file_of(good()), KEY, [BEN_KEY])
    yield Case("a split", file_of(split_runs()))
    yield Case("another log", file_of(receipt([proposal()], key=OTHER_LOG)))
    yield Case("backwards", file_of(receipt([proposal(), outcome()], places=[5, 4])))
    yield Case("a first with one before", file_of(receipt([event("run.started", {}, prev="1" * 64)])))
    chained = [proposal(), outcome()]
    chained[1]["fields"]["prev"] = "1" * 64
    yield Case("a broken chain", file_of(receipt(chained)))
    for epoch in ("/1", "/0", "/02", "/x", "/", "//2"):
        yield Case(f"the epoch {epoch}", file_of(receipt([proposal()], origin=ORIGIN + epoch)), None)
    forged = receipt([proposal()])
    head, _, _ = forged["events"][0]["proof"].rpartition(" ")
    note = forged["events"][0]["proof"].rpartition("\n\n")[0].partition("\n\n")[2] + "\n"
    own = script_tests.key_id(ORIGIN, script_tests.LOG)
    forged["events"][0]["proof"] = f"{head} {b64(own + OTHER_LOG.sign(note.encode()))}\n"
    yield Case("a forged signature", file_of(forged))


def test_what_is_bent_is_refused_in_the_same_words() -> None:
    """Whatever the script's own tests bend, the app names the same event and the same reason."""
    assert PROVED not in compared([one for one in _bent_ones() if one.name != "a hidden decision"])


def _wrong_keys() -> Iterator[Case]:
    for key in ("", "x", "a+b+c", KEY[:-4], KEY.replace("0001+", "0009+"), KEY + "\n", " " + KEY, vkey("elsewhere")):
        yield Case(f"the key {key}", file_of(good()), key)
    for person in (
        "",
        "es256:",
        "rsa:AAAA",
        "eddsa:" + b64(bytes(31)),
        ANA_KEY[:-2],
        "eddsa:é",
        "es256:" + b64(bytes(65)),
    ):
        yield Case(f"the person {person}", file_of(good()), KEY, [person])
    for weak in [*SMALL_ORDER, b"\xff" * 32, bytes(31) + b"\x80"]:
        data = b"\x01" + weak
        identity = script.sha256(ORIGIN.encode() + b"\n" + data)[:4]
        name = f"{ORIGIN}+{identity.hex()}+{b64(data)}"
        signature = b64(identity + (1).to_bytes(32, "little") + bytes(32))
        value = receipt([proposal()])
        head, _, _ = value["events"][0]["proof"].rpartition(" ")
        value["events"][0]["proof"] = f"{head} {signature}\n"
        yield Case(f"the weak key {weak.hex()}", file_of(value), name)


def test_a_key_that_is_none_is_refused() -> None:
    """Copied badly, of another name, or one under which a signature fits many messages."""
    assert PROVED not in compared(list(_wrong_keys()))


def test_a_persons_key_that_cannot_be_read_is_named() -> None:
    """Neither proves without it what it was to prove with it."""
    bent = [one for one in _wrong_keys() if one.persons and one.persons != ["es256:" + b64(bytes(65))]]
    compared(bent)
    assert {lines[-1].split(":")[0] for _, lines in judged(bent)} == {"CANNOT READ A KEY"}


def _any_bytes() -> Iterator[Case]:
    sample = SAMPLE.read_bytes()
    for place in range(0, len(sample), 7):
        yield Case(f"bit {place}", sample[:place] + bytes([sample[place] ^ 1 << place % 8]) + sample[place + 1 :])
    for length in range(0, len(sample), 97):
        yield Case(f"cut at {length}", sample[:length])
    yield Case("a line more", sample + b"\n")
    value = good()
    for layout in (
        json.dumps(value, sort_keys=True, indent=1),
        json.dumps(value, sort_keys=True),
        json.dumps(value, separators=(",", ":")),
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    ):
        yield Case("another layout", layout.encode() + b"\n")
    for data in (
        b"",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 1_000_000,
        b"-" * 100,
        b'{"format":1e999}',
        b"NaN",
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b'{"__proto__":1,"format":"haloop/receipt/1"}',
        b'{"format":"haloop/receipt/1","format":"haloop/receipt/1"}',
        b'{"events":[-0],"format":"haloop/receipt/1","origin":"haloop.local/x"}\n',
    ):
        yield Case(f"the bytes {data[:40]!r}", data)


def test_no_byte_is_free_here_either() -> None:
    """A flipped bit, a cut, another layout or any other bytes: refused, for the script's reason."""
    assert set(compared(list(_any_bytes()))) <= {BAD, NOT_A_RECEIPT}


@pytest.mark.parametrize("depth", [60, 300, 5_000])
def test_deep_nesting_gets_an_answer(depth: int) -> None:
    """However deep, in a header or in a body, it is refused in words."""
    nest = b"[" * depth + b"]" * depth
    batch = event("gate.approved", {"decision": YES, "batch": nest, "assertion": compact(assertion(nest))})
    header = good()
    header["events"][0]["header"] = nest.decode()
    cases = [
        Case("a batch", file_of(receipt([batch]))),
        Case("a header", file_of(header)),
        Case("a file", nest + b"\n"),
    ]
    assert [code for code, _ in judged(cases)] == [BAD, BAD, NOT_A_RECEIPT]


# ------------------------------------------------------------------------------------------- a whole story

Bend = Callable[[dict[str, Any]], None]
ANA, BEN_TOO = "per_5a1e0000000000000000000000000003", "per_5a1e0000000000000000000000000004"
COST = {"currency": "EUR", "minor": 500}


def _story() -> dict[str, Any]:
    """What each event says, before it is put into parts: two effects under one yes, and an undo."""
    effect = {
        "operation": "Shop.buy",
        "connector": "shop",
        "cost_max": COST,
        "payee": "Karl",
        "purpose": "tea",
        "live": False,
        "argument": {"item": "tea", "with": {"$later": "card"}, "sizes": [1, 2]},
        "undo": "Shop.cancel",
    }
    card = {**effect, "argument": {"item": "card"}, "undo": None}
    about = {"gate": "gate_1", "revision": 1}
    sent = {name: effect[name] for name in ("operation", "connector", "cost_max", "payee", "purpose", "live")}
    filled = {"item": "tea", "with": {"$filled": {"number": "4711"}}, "sizes": [1, 2]}
    undo = {**sent, "operation": "Shop.cancel", "cost_max": None, "payee": None, "purpose": "undo tea"}
    return {
        "draft": {"effects": {"buy": effect, "card": card}},
        "card": {"title": "tea"},
        "opened": {**about, "need": {"count": 1}},
        "yes": {**about, "person": ANA, "grant": None, "valid_until": 1_767_322_900_000_000, "by": [f"person:{ANA}"]},
        "decision": {},
        "intent card": {**about, **sent, "effect": "card", "at": "/1", "grant": None, "argument": {"item": "card"}},
        "made card": {
            **about,
            "effect": "card",
            "at": "/1",
            "result": {"number": "4711"},
            "charged": None,
            "exceeded": False,
        },
        "intent buy": {**about, **sent, "effect": "buy", "at": "/2", "grant": None, "argument": filled},
        "made buy": {
            **about,
            "effect": "buy",
            "at": "/2",
            "result": {"order": "1"},
            "charged": COST,
            "exceeded": False,
        },
        "intent undo": {**about, **undo, "effect": "buy/undo", "at": "/3", "grant": None, "argument": {"order": "1"}},
        "made undo": {**about, "effect": "buy/undo", "at": "/3", "result": None, "charged": None, "exceeded": False},
    }


KINDS = {"intent": "effect.intended", "made": "effect.happened"}


def _told(story: dict[str, Any], *, hide: Sequence[tuple[str, str]] = (), drop: Sequence[str] = ()) -> bytes:
    """The receipt of that story; some parts hidden, some events left out."""
    opened = event(
        "gate.opened",
        {"fact": compact(story["opened"]), "draft": compact(story["draft"]), "card": compact(story["card"])},
        hide=[part for name, part in hide if name == "opened"],
    )
    shown = {
        name: script.sha256(b"haloop/payload/1", compact({name: opened["parts"][name]})).hex()
        for name in ("draft", "card")
    }
    said = decision(**{"gate": "gate_1", "revision": 1, "person": ANA, **shown, **story["decision"]})
    yes = event(
        story.get("yes kind", "gate.approved"),
        {"fact": compact(story["yes"])} | ({} if story["yes"]["grant"] else {"decision": compact(said)}),
        hide=[part for name, part in hide if name == "yes"],
        **story.get("yes header", {}),
    )
    effects = {
        name: event(
            KINDS[name.partition(" ")[0]],
            {"fact": compact(fact)},
            hide=[part for other, part in hide if other == name],
            actor="kernel",
            **({"ts": story["late"]} if name in story.get("late ones", ()) else {}),
        )
        for name, fact in story.items()
        if name.partition(" ")[0] in KINDS
    }
    events = {"opened": opened, "yes": yes, **effects}
    order = [name for name in story.get("order", events) if name not in drop]
    return file_of(receipt([events[name] for name in order]))


def _put(*route: str, to: object) -> Bend:
    def bend(story: dict[str, Any]) -> None:
        place = story
        for step in route[:-1]:
            place = place[step]
        place[route[-1]] = to

    return bend


STORIES: dict[str, Bend] = {
    "a gate of another name": _put("opened", "gate", to="gate_2"),
    "a gate that says no need": _put("opened", "need", to=7),
    "a gate that needs nobody": _put("opened", "need", to={"count": 0}),
    "a gate that needs two": _put("opened", "need", to={"count": 2}),
    "another draft in the decision": _put("decision", "draft", to="0" * 64),
    "another card in the decision": _put("decision", "card", to="0" * 64),
    "another revision in the decision": _put("decision", "revision", to=2),
    "another person in the decision": _put("decision", "person", to=BEN_TOO),
    "no revision": _put("yes", "revision", to=0),
    "somebody else's yes": _put("yes", "by", to=[f"person:{BEN_TOO}"]),
    "nobody's yes": _put("yes", "by", to=[]),
    "a yes that is no list": _put("yes", "by", to="person"),
    "a yes of another actor": _put("yes header", to={"actor": "kernel"}),
    "a grant that is none": _put("yes", "person", to=None),
    "a time that is none": _put("yes", "valid_until", to="never"),
    "a draft without effects": _put("draft", to={"title": "tea"}),
    "a draft of other effects": _put("draft", "effects", to={}),
    "an effect that is none": _put("draft", "effects", "card", to=7),
    "another operation": _put("intent card", "operation", to="Shop.sell"),
    "another connector": _put("intent card", "connector", to="other"),
    "more money": _put("intent card", "cost_max", to={"currency": "EUR", "minor": 501}),
    "another payee": _put("intent card", "payee", to="Mallory"),
    "something real": _put("intent card", "live", to=True),
    "one for true": _put("intent card", "live", to=0),
    "another argument": _put("intent card", "argument", "item", to="gold"),
    "one size more": _put("intent buy", "argument", "sizes", to=[1, 2, 3]),
    "another size": _put("intent buy", "argument", "sizes", to=[1, 3]),
    "a field more": _put("intent card", "argument", "note", to="hello"),
    "another filling": _put("intent buy", "argument", "with", to={"$filled": {"number": "4712"}}),
    "no filling": _put("intent buy", "argument", "with", to={"number": "4711"}),
    "another grant": _put("intent card", "grant", to="grant_1"),
    "an effect of no name": _put("intent card", "effect", to=""),
    "an effect not in the draft": _put("intent card", "effect", to="other"),
    "no place": _put("intent card", "at", to=None),
    "an intent of another revision": _put("intent card", "revision", to=2),
    "another place": _put("made card", "at", to="/9"),
    "an outcome of another revision": _put("made card", "revision", to=2),
    "an outcome of another effect": _put("made card", "effect", to="other"),
    "an outcome told twice": _put("made buy", "effect", to="card"),
    "too much, not told": _put("made buy", "charged", to={"currency": "EUR", "minor": 501}),
    "another currency, not told": _put("made buy", "charged", to={"currency": "USD", "minor": 1}),
    "exceeded, but not so": _put("made buy", "exceeded", to=True),
    "a float's cousin": _put("made buy", "charged", to={"currency": "EUR", "minor": "5"}),
    "an undo of another thing": _put("intent undo", "argument", to={"order": "2"}),
    "an undo for another purpose": _put("intent undo", "purpose", to="tea"),
    "an undo that nobody named": _put("draft", "effects", "buy", "undo", to=None),
    "a fact that is none": _put("made card", to=7),
    "a fact that is too deep": _put("made card", "result", to=json.loads("[" * 70 + "]" * 70)),
    "an intent before its yes": _put("order", to=["opened", "intent card", "yes", "made card"]),
    "an outcome before its intent": _put("order", to=["opened", "yes", "made card", "intent card"]),
    "a gate after its yes": _put("order", to=["yes", "opened"]),
}


def test_a_story_that_holds_is_told_the_same() -> None:
    """What was approved is what ran; a grant's yes and what is left out are told as what they are."""
    whole = _told(_story())
    by_grant = _story()
    by_grant["yes"] |= {"person": None, "grant": "grant_1", "by": ["grant:grant_1"]}
    by_grant["yes header"] = {"actor": "grant:grant_1"}
    for name in ("intent card", "intent buy", "intent undo"):
        by_grant[name]["grant"] = "grant_1"
    late_undo = {**_story(), "late": 1_767_322_950_000_000, "late ones": ("intent undo", "made undo")}
    hidden = [
        _told(_story(), hide=[(name, part)])
        for name, parts in {
            "opened": ("fact", "draft", "card"),
            "yes": ("fact", "decision"),
            "intent card": ("fact",),
        }.items()
        for part in parts
    ]
    dropped = [_told(_story(), drop=[name]) for name in ("opened", "yes", "intent card", "made card", "made buy")]
    files = [whole, _told(by_grant), _told(late_undo), *hidden, *dropped]

    codes = compared([Case(f"story {number}", data) for number, data in enumerate(files)])

    assert codes[:3] == [PROVED] * 3
    ((_, lines),) = judged([Case("whole", whole)])
    assert [line for line in lines if line.startswith("what was approved")] == [
        f"what was approved is what ran: checked for {name}" for name in ("card", "buy", "buy/undo")
    ]


def test_a_story_that_is_bent_is_refused_in_the_same_words() -> None:
    """Each thing that a log could record, and must not: the app and the script refuse it for one reason."""
    cases = []
    for name, bend in STORIES.items():
        story = _story()
        bend(story)
        cases.append(Case(name, _told(story)))
    too_late = {
        **_story(),
        "late": 1_767_322_950_000_000,
        "late ones": ("intent buy", "made buy", "intent undo", "made undo"),
    }
    twice = {**_story(), "order": ["opened", "yes", "intent card", "intent card"]}
    cases += [Case("too late", _told(too_late)), Case("twice", _told(twice))]

    codes = compared(cases)

    assert {case.name: code for case, code in zip(cases, codes, strict=True) if code != BAD} == {}


async def test_the_receipt_of_a_house_is_proved_with_its_owners_passkey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by Haloop itself: proved with the log's key and the passkey; with any bit of it flipped, refused."""
    monkeypatch.setattr("haloop.store.writer.CHECKPOINT_SECONDS", 0.0)
    async with street(tmp_path, NeitherShop(Provider()), live=True) as house:
        ana = await house.person("Ana")
        await house.enrol(ana)
        run = await house.start(buy.of("tea", 10))
        await house.yes(run, ana)
        data = (await prove(house.ledger, house.account, run, "order")).encode().encode()
        key = str(house.ledger.verifier_key(house.account))
        ((_, passkey),) = house.passkeys.items()
    person = (
        f"{'es256' if passkey.key.algorithm == -7 else 'eddsa'}:{base64.b64encode(passkey.key.public_key).decode()}"
    )
    flipped = [
        Case(f"bit {place}", data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], key, [person])
        for place in range(0, len(data), 53)
    ]

    codes = compared([Case("whole", data, key, [person]), *flipped])

    assert codes[0] == PROVED
    assert set(codes[1:]) <= {BAD, NOT_A_RECEIPT}
