"""Every check of the verifier has a tampered twin: what was changed is noticed, and the first bad event is named."""

import asyncio
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event as Signal
from threading import current_thread, main_thread

import apsw
import pytest

from haloop.kernel.checkpoint import Checkpoint, VerifierKey, sign
from haloop.kernel.errors import KeyMissing
from haloop.kernel.ids import AccountId, new_person_id
from haloop.kernel.ledger import START, Entry, Header, leaf_hash, origin
from haloop.kernel.part import Part
from haloop.store.database import open_for_reading, read_one
from haloop.store.schema import KEYS_APPLICATION_ID, LEDGER_APPLICATION_ID, VERSION, position
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import Report, verify_home
from tests.store.conftest import Place, ended, new_chain, said, until

PROMPTLY = 10.0
SIZE = 318
"""How many events the account of the sample home has."""


@dataclass(frozen=True)
class Sample:
    """A home with a story in it, and what of it was kept outside."""

    folder: Path
    account: AccountId
    early_note: str
    key: VerifierKey


def about(person: str, words: str = "is ill") -> Entry:
    part = Part.of("about", words, subject=person)  # type: ignore[arg-type]  # made by new_person_id
    return Entry(kind="step.done", actor="kernel", parts=(part,))


def silent(kind: str = "step.done") -> Entry:
    return Entry(kind=kind, actor="kernel")


def claiming(name: str) -> Entry:
    return Entry(kind="effect.intended", actor="kernel", claim=sha256(name.encode()).digest())


async def tell_story(place: Place) -> Sample:
    """The numbers are leaf indexes of the account; everything below names events by them."""
    ana, ben, cleo = new_person_id(), new_person_id(), new_person_id()
    async with place.opened() as ledger:
        account = await ledger.open_account()  # 0
        await ledger.append(new_chain(account), START, said("one"), claiming("a"), about(ana), ended())  # 1 to 4
        await ledger.append(new_chain(account), START, silent(), silent())  # 5 and 6: a run without words
        await ledger.append(new_chain(account), START, *[said(str(number)) for number in range(300)])  # 7 to 306
        early_note = await ledger.sealed(account, 306)
        doomed = new_chain(account)
        await ledger.append(doomed, START, said("to be erased"), ended())  # 307 and 308
        await ledger.append(new_chain(account), START, about(ben), claiming("b"), ended())  # 309 to 311
        chosen = new_chain(account)
        two = Entry(kind="step.done", actor="kernel", parts=(*said("kept").parts, Part.of("slip", "erased")))
        await ledger.append(chosen, START, two, about(cleo), ended())  # 312 to 314
        await ledger.erase_run(doomed, actor="kernel", why="asked")  # 315
        await ledger.erase_subject(account, ben, actor="kernel", why="asked")  # 316
        await ledger.erase_part((await ledger.run(chosen))[0], "slip", actor="kernel", why="asked")  # 317
        other = await ledger.open_account()
        await ledger.append(new_chain(other), START, said("elsewhere"), about(ana), ended())
        key = ledger.verifier_key(account)
    return Sample(place.home.parent, account, early_note, key)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    return asyncio.run(tell_story(Place(folder / "home", folder / "state")))


@pytest.fixture
def place(sample: Sample, tmp_path: Path) -> Place:
    """A copy of the sample home, to tamper with."""
    shutil.copytree(sample.folder, tmp_path, dirs_exist_ok=True)
    return Place(tmp_path / "home", tmp_path / "state")


def at(index: int, tree: int = 2) -> int:
    """The place of one of the account's events in the file."""
    return position(tree, index)


def first_bad(report: Report) -> int | None:
    """The index of the one event a report is about; None where it names a table or an account."""
    assert not report.ok, "the tampering was not noticed"
    return report.problems[0].index


def test_a_sound_home_is_found_sound(place: Place, sample: Sample) -> None:
    """Nothing is reported, and everything was looked at."""
    report = place.verify()
    assert report.ok, report.problems
    assert (report.trees, report.events) == (3, SIZE + 4 + system_events(place))
    assert (report.erased_parts, report.checkpoints > 3) == (3, True)


def system_events(place: Place) -> int:
    with place.editing() as connection:
        ((size,),) = connection.execute("SELECT size FROM tree WHERE tree = 1")
    return int(size)


# Events

SWAP_ROWS = (
    "UPDATE event SET position = -1 WHERE position = {one}",
    "UPDATE event SET position = {one} WHERE position = {two}",
    "UPDATE event SET position = {two} WHERE position = -1",
)
SWAP_HEADERS = (
    "UPDATE event SET header = CASE position WHEN {one} THEN (SELECT header FROM event WHERE position = {two})"
    " ELSE (SELECT header FROM event WHERE position = {one}) END WHERE position IN ({one}, {two})"
)
INSERT_COPY = (
    "INSERT INTO event SELECT {to}, run, (SELECT max(run_seq) + 1 FROM event AS e WHERE e.run = event.run), kind, ts,"
    " actor, header, parts, leaf_hash FROM event WHERE position = {of}"
)

EVENTS = {
    "kind changed": (3, f"UPDATE event SET kind = 'step.gone' WHERE position = {at(3)}"),
    "actor changed": (20, f"UPDATE event SET actor = 'person:eve' WHERE position = {at(20)}"),
    "time changed": (20, f"UPDATE event SET ts = ts + 1 WHERE position = {at(20)}"),
    "number in its run changed": (306, f"UPDATE event SET run_seq = 999 WHERE position = {at(306)}"),
    "moved to another run": (20, f"UPDATE event SET run = 3, run_seq = 999 WHERE position = {at(20)}"),
    "header changed": (
        20,
        f"UPDATE event SET header = CAST(replace(header, 'agent:sam', 'agent:eve') AS BLOB) WHERE position = {at(20)}",
    ),
    "header cut": (20, f"UPDATE event SET header = substr(header, 1, 40) WHERE position = {at(20)}"),
    "header emptied": (0, f"UPDATE event SET header = x'' WHERE position = {at(0)}"),
    "header of an erasure changed": (
        315,
        f"UPDATE event SET header = CAST(replace(header, 'kernel', 'person') AS BLOB) WHERE position = {at(315)}",
    ),
    "header of an erasure is no header": (316, f"UPDATE event SET header = x'7b7d' WHERE position = {at(316)}"),
    "leaf hash changed": (20, f"UPDATE event SET leaf_hash = zeroblob(32) WHERE position = {at(20)}"),
    "leaf hash cut": (20, f"UPDATE event SET leaf_hash = x'00' WHERE position = {at(20)}"),
    "hashes of its parts changed": (
        20,
        f"UPDATE event SET parts = CAST(replace(parts, '\"words\"', '\"wordz\"') AS BLOB) WHERE position = {at(20)}",
    ),
    "hashes of its parts are no hashes": (20, f"UPDATE event SET parts = x'00' WHERE position = {at(20)}"),
    "hashes of an erasure's parts are no hashes": (315, f"UPDATE event SET parts = x'00' WHERE position = {at(315)}"),
    "dropped at the start": (0, f"DELETE FROM event WHERE position = {at(0)}"),
    "dropped in the middle": (20, f"DELETE FROM event WHERE position = {at(20)}"),
    "dropped at the end": (317, f"DELETE FROM event WHERE position = {at(317)}"),
    "an erasure dropped": (315, f"DELETE FROM event WHERE position = {at(315)}"),
    "the tail cut": (300, f"DELETE FROM event WHERE position BETWEEN {at(300)} AND {at(SIZE)}"),
    "all of them cut": (0, f"DELETE FROM event WHERE position BETWEEN {at(0)} AND {at(SIZE)}"),
    "two of one run swapped": (20, *[step.format(one=at(20), two=at(21)) for step in SWAP_ROWS]),
    "two far apart swapped": (4, *[step.format(one=at(4), two=at(200)) for step in SWAP_ROWS]),
    "two headers swapped": (20, SWAP_HEADERS.format(one=at(20), two=at(30))),
    "duplicated at the end": (SIZE, INSERT_COPY.format(to=at(SIZE), of=at(317))),
    "an old one duplicated at the end": (SIZE, INSERT_COPY.format(to=at(SIZE), of=at(20))),
}


@pytest.mark.parametrize("name", EVENTS)
def test_tampering_with_events_is_noticed(place: Place, name: str) -> None:
    """Whatever is done to an event's row, the report names that event first."""
    index, *statements = EVENTS[name]
    place.edit(*map(str, statements))
    assert first_bad(place.verify()) in (index, ALSO_RIGHT.get(name))


# An erasure that cannot be read leaves what it erased without an explanation, and that event comes first. One event
# too many is named as itself, or as the last that should be there.
ALSO_RIGHT = {
    "header of an erasure changed": 307,
    "header of an erasure is no header": 309,
    "hashes of an erasure's parts are no hashes": 307,
    "dropped at the end": 312,
    "an erasure dropped": 307,
    "duplicated at the end": SIZE - 1,
    "an old one duplicated at the end": SIZE - 1,
}


def forge(place: Place, index: int, change: Callable[[Header], Header], *, deep: bool = False) -> None:
    """Rewrite one event consistently with itself; `deep` writes the rest of its chain anew as well."""
    with place.editing() as connection:
        query = "SELECT position, header FROM event WHERE run = (SELECT run FROM event WHERE position = ?1)"
        chain = list(connection.execute(f"{query} AND position >= ?1 ORDER BY position", (at(index),)))
        header = change(Header.decode(chain[0][1]))
        rewrite(connection, at(index), header)
        for position_of, raw in chain[1:] if deep else []:
            header = remade(Header.decode(raw), prev=leaf_hash(header.encode()))
            rewrite(connection, position_of, header)


def rewrite(connection: apsw.Connection, position_of: int, header: Header) -> None:
    connection.execute(
        "UPDATE event SET header = ?, leaf_hash = ?, actor = ?, kind = ?, ts = ? WHERE position = ?",
        (header.encode(), leaf_hash(header.encode()), header.actor, header.kind, header.ts, position_of),
    )


def remade(header: Header, **changes: object) -> Header:
    fields = {name: getattr(header, name) for name in Header.__dataclass_fields__}
    return Header(**(fields | changes))


def test_a_rewritten_event_breaks_the_one_after_it(place: Place) -> None:
    """An event changed together with its own hash is given away by the next one of its run."""
    forge(place, 20, lambda header: remade(header, actor="agent:eve"))
    assert first_bad(place.verify()) == 21


def test_a_rewritten_run_breaks_the_tree(place: Place) -> None:
    """A run rewritten to its end is given away by the tree at the latest where its next stored node ends."""
    forge(place, 20, lambda header: remade(header, actor="agent:eve"), deep=True)
    assert first_bad(place.verify()) == 255


def test_a_rewritten_last_event_breaks_the_checkpoint(place: Place) -> None:
    """The newest event has no successor; the tree's row and its signed checkpoint still know it."""
    forge(place, 317, lambda header: remade(header, actor="person:eve"))
    named = first_bad(place.verify())
    assert named is not None
    assert 306 < named <= 317


def test_time_that_goes_back_is_noticed(place: Place) -> None:
    """An event from before the one ahead of it is named, even if its run is rewritten to fit."""
    forge(place, 5, lambda header: remade(header, ts=1), deep=True)
    assert first_bad(place.verify()) == 5


# Parts

STRAY_PART = "INSERT INTO part SELECT {to}, name, key_id, personal, wrapped, body FROM part WHERE position = {of}"

PARTS = {
    "body changed": (20, f"UPDATE part SET body = randomblob(length(body)) WHERE position = {at(20)}"),
    "body cut": (20, f"UPDATE part SET body = substr(body, 1, 20) WHERE position = {at(20)}"),
    "body emptied": (20, f"UPDATE part SET body = x'' WHERE position = {at(20)}"),
    "body longer": (20, f"UPDATE part SET body = CAST(body || x'00' AS BLOB) WHERE position = {at(20)}"),
    "wrapped key changed": (20, f"UPDATE part SET wrapped = randomblob(length(wrapped)) WHERE position = {at(20)}"),
    "wrapped key emptied": (20, f"UPDATE part SET wrapped = x'' WHERE position = {at(20)}"),
    "renamed": (20, f"UPDATE part SET name = 'wordz' WHERE position = {at(20)}"),
    "renamed in an erased run": (307, f"UPDATE part SET name = 'wordz' WHERE position = {at(307)}"),
    "under another run's key": (
        20,
        f"UPDATE part SET key_id = (SELECT key_id FROM run WHERE run = 3) WHERE position = {at(20)}",
    ),
    "under an erased key": (
        20,
        f"UPDATE part SET key_id = (SELECT min(key_id) FROM erased_key) WHERE position = {at(20)}",
    ),
    "made personal": (20, f"UPDATE part SET personal = 1 WHERE position = {at(20)}"),
    "made impersonal": (3, f"UPDATE part SET personal = 0 WHERE position = {at(3)}"),
    "dropped": (20, f"DELETE FROM part WHERE position = {at(20)}"),
    "the words of an erasure dropped": (312, f"DELETE FROM part WHERE position = {at(317)}"),
    "dropped beside an erased one": (312, f"DELETE FROM part WHERE position = {at(312)}"),
    "dropped in an erased run": (307, f"DELETE FROM part WHERE position = {at(307)}"),
    "all of a run dropped": (7, f"DELETE FROM part WHERE position BETWEEN {at(7)} AND {at(306)}"),
    "two swapped": (
        20,
        "UPDATE part SET (wrapped, body) = (SELECT wrapped, body FROM part AS p WHERE p.position ="
        f" {at(20)} + {at(30)} - part.position) WHERE position IN ({at(20)}, {at(30)})",
    ),
    "duplicated under another name": (
        20,
        "INSERT INTO part SELECT position, 'again', key_id, personal, wrapped, body FROM part"
        f" WHERE position = {at(20)}",
    ),
    "added to an event without words": (5, STRAY_PART.format(to=at(5), of=at(20))),
    "added behind the last event": (None, STRAY_PART.format(to=at(SIZE + 5), of=at(20))),
    "added to no account": (None, STRAY_PART.format(to=at(0, tree=9), of=at(20))),
}


@pytest.mark.parametrize("name", PARTS)
def test_tampering_with_what_was_said_is_noticed(place: Place, name: str) -> None:
    """Whatever is done to a locked part, the report names its event."""
    index, statement = PARTS[name]
    place.edit(statement)
    assert first_bad(place.verify()) == index or index is None


OTHER_TYPES = [
    *[("event", column, at(20)) for column in ("header", "parts", "leaf_hash")],
    *[("event", column, at(315)) for column in ("header", "parts")],
    *[("part", column, at(20)) for column in ("wrapped", "body")],
]


@pytest.mark.parametrize(("table", "column", "position_of"), OTHER_TYPES)
def test_a_column_of_another_type_is_noticed(place: Place, table: str, column: str, position_of: int) -> None:
    """One flipped bit can turn bytes into text; the report names the event instead of stumbling over it."""
    with place.editing() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT, ', ''), 'STRICT', '') WHERE name = ?",
            (table,),
        )
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute(f"UPDATE {table} SET {column} = CAST({column} AS TEXT) WHERE position = ?", (position_of,))
    assert first_bad(place.verify()) in (position_of - at(0), 307, 309)


def run_of(place: Place, index: int) -> str:
    """The run of one of the account's events, before anybody tampers with it."""
    with place.editing() as connection:
        (run_id,) = read_one(connection, "SELECT run_id FROM event JOIN run USING (run) WHERE position = ?", at(index))
    return str(run_id)


def test_a_damaged_header_does_not_lend_its_name_to_another_run(place: Place) -> None:
    """Whatever run a tampered header speaks of, the report names the one its row belongs to."""
    run_id = run_of(place, 20)
    place.edit(
        f"UPDATE event SET header = CAST(replace(header, '{run_id}', '{'run_' + '0' * 32}') AS BLOB)"
        f" WHERE position = {at(20)}"
    )
    assert [(problem.index, problem.run_id) for problem in place.verify().problems] == [(20, run_id)]


@pytest.mark.parametrize(
    "number", ["999", "(SELECT run FROM run WHERE ended = 4)"], ids=["of no run", "of another run"]
)
def test_a_row_moved_elsewhere_is_named_by_its_sound_header(place: Place, number: str) -> None:
    """Whatever run a tampered row points at, even none, the report names the one its sound header speaks of."""
    run_id = run_of(place, 20)
    place.edit(f"UPDATE event SET run = {number}, run_seq = 999 WHERE position = {at(20)}")
    assert [(problem.index, problem.run_id) for problem in place.verify().problems] == [(20, run_id)]


# The tree and its signed checkpoints

NODES = {
    "a node changed": (255, "UPDATE node SET hash = zeroblob(32) WHERE tree = 2 AND level = 1 AND node_index = 0"),
    "a node dropped": (255, "DELETE FROM node WHERE tree = 2 AND level = 1 AND node_index = 0"),
    "a node added": (None, "INSERT INTO node VALUES (2, 1, 1, zeroblob(32))"),
    "a node added on high": (None, "INSERT INTO node VALUES (2, 4, 0, zeroblob(32))"),
    "a node of no account": (None, "INSERT INTO node VALUES (9, 1, 0, zeroblob(32))"),
    "larger": (None, "UPDATE tree SET size = size + 1 WHERE tree = 2"),
    "smaller": (None, "UPDATE tree SET size = size - 1 WHERE tree = 2"),
    "empty": (None, "UPDATE tree SET size = 0, range = x'' WHERE tree = 2"),
    "another time": (None, "UPDATE tree SET ts = ts + 1 WHERE tree = 2"),
    "another edge": (None, "UPDATE tree SET range = zeroblob(length(range)) WHERE tree = 2"),
    "edge cut": (None, "UPDATE tree SET range = substr(range, 33) WHERE tree = 2"),
    "another account": (0, "UPDATE tree SET account = 'acc_' || hex(zeroblob(16)) WHERE tree = 2"),
    "two accounts swapped": (
        0,
        "UPDATE tree SET account = account || '.' WHERE tree = 2",
        "UPDATE tree SET account = (SELECT substr(account, 1, 36) FROM tree WHERE tree = 2) || ',' WHERE tree = 3",
        "UPDATE tree SET account = substr(account, 1, 35) || 'f' WHERE tree = 2",
    ),
    "dropped": (None, "DELETE FROM tree WHERE tree = 2"),
    "added": (None, "INSERT INTO tree VALUES (9, 'acc_00000000000000000000000000000000', 0, 0, x'')"),
}


@pytest.mark.parametrize("name", NODES)
def test_tampering_with_the_tree_is_noticed(place: Place, name: str) -> None:
    """The stored nodes and each tree's row are what its events add up to, or the report says which is not."""
    index, *statements = NODES[name]
    place.edit(*map(str, statements))
    assert first_bad(place.verify()) == index or index is None


ADD_CHECKPOINT = "INSERT INTO checkpoint SELECT {tree}, 1, {size}, note FROM checkpoint WHERE tree = 2 AND size = 307"
NEWEST = "(SELECT max(size) FROM checkpoint WHERE tree = 2)"
OLDEST = "(SELECT min(size) FROM checkpoint WHERE tree = 2)"
SIGNATURE_CHANGED = "substr(note, 1, length(note) - 12) || 'AAAA' || substr(note, length(note) - 7)"

CHECKPOINTS = {
    "its signature changed": f"UPDATE checkpoint SET note = {SIGNATURE_CHANGED} WHERE tree = 2 AND size = {NEWEST}",
    "its words changed": (
        "UPDATE checkpoint SET note = replace(note, char(10) || size || char(10), char(10) || (size - 1) || char(10))"
        f" WHERE tree = 2 AND size = {NEWEST}"
    ),
    "no note at all": f"UPDATE checkpoint SET note = 'nothing' WHERE tree = 2 AND size = {OLDEST}",
    "its size changed": f"UPDATE checkpoint SET size = size - 1 WHERE tree = 2 AND size = {NEWEST}",
    "its epoch changed": f"UPDATE checkpoint SET epoch = 2 WHERE tree = 2 AND size = {NEWEST}",
    "an older note in its place": (
        f"UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE tree = 2 AND size = {OLDEST})"
        f" WHERE tree = 2 AND size = {NEWEST}"
    ),
    "another account's note in its place": (
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE tree = 3) WHERE tree = 2"
    ),
    "one of more events than there are": ADD_CHECKPOINT.format(tree=2, size=SIZE + 9),
    "one of no events": ADD_CHECKPOINT.format(tree=2, size=0),
    "one of no account": ADD_CHECKPOINT.format(tree=9, size=3),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_tampering_with_checkpoints_is_noticed(place: Place, name: str) -> None:
    """Each stored checkpoint is this home's signature over this very history."""
    place.edit(CHECKPOINTS[name])
    first_bad(place.verify())


def test_a_checkpoint_signed_by_somebody_else_is_noticed(place: Place, sample: Sample, tmp_path: Path) -> None:
    """A right size and root under a stranger's key is not this home's checkpoint."""
    stranger = Place(tmp_path / "stranger", tmp_path / "elsewhere").signer
    with place.editing() as connection:
        ((size, note),) = connection.execute(f"SELECT size, note FROM checkpoint WHERE tree = 2 AND size = {NEWEST}")
        text = Checkpoint.parse_text(note.rpartition("\n\n")[0] + "\n")
        forged = sign(text, stranger)
        connection.execute("UPDATE checkpoint SET note = ? WHERE tree = 2 AND size = ?", (forged, size))
    assert "signature" in str(place.verify().problems[0])


# Projections

RUNS = {
    "renamed": (5, "UPDATE run SET run_id = 'run_' || substr(run_id, 6) || '0' WHERE run = {silent}"),
    "given to another account": (5, "UPDATE run SET tree = 3 WHERE run = {silent}"),
    "under another key": (
        7,
        "UPDATE run SET key_id = (SELECT key_id FROM run WHERE run = {silent}) WHERE run = {long}",
    ),
    "under another key, without words": (
        None,
        "UPDATE run SET key_id = (SELECT key_id FROM run WHERE run = {long}) WHERE run = {silent}",
    ),
    "its end forgotten": (4, "UPDATE run SET ended = NULL WHERE run = {first}"),
    "its end invented": (None, "UPDATE run SET ended = 6 WHERE run = {silent}"),
    "its end invented elsewhere": (None, "UPDATE run SET ended = 4 WHERE run = {silent}"),
    "its end later": (4, "UPDATE run SET ended = 9 WHERE run = {first}"),
    "its end earlier": (3, "UPDATE run SET ended = 3 WHERE run = {first}"),
    "its end in another run": (None, "UPDATE run SET ended = 313 WHERE run = {erased}"),
    "its end earlier, in another run": (None, "UPDATE run SET ended = 300 WHERE run = {erased}"),
    "its end before the start": (None, "UPDATE run SET ended = -1 WHERE run = {first}"),
    "dropped": (5, "DELETE FROM run WHERE run = {silent}"),
    "added": (None, "INSERT INTO run VALUES (999, 'run_00000000000000000000000000000000', 2, 999, NULL)"),
    "added to no account": (None, "INSERT INTO run VALUES (999, 'run_00000000000000000000000000000000', 9, 999, NULL)"),
}


@pytest.mark.parametrize("name", RUNS)
def test_tampering_with_the_table_of_runs_is_noticed(place: Place, name: str) -> None:
    """The table that says which run is whose, under which key, and whether it ended, is what the events say."""
    index, statement = RUNS[name]
    numbers = {"first": 1, "silent": 5, "long": 7, "erased": 307}
    found = {word: f"(SELECT run FROM event WHERE position = {at(number)})" for word, number in numbers.items()}
    place.edit(statement.format(**found))
    assert first_bad(place.verify()) == index or index is None


CLAIMS = {
    "dropped": (2, f"DELETE FROM claim WHERE position = {at(2)}"),
    "changed": (2, f"UPDATE claim SET claim = zeroblob(32) WHERE position = {at(2)}"),
    "moved to another event": (2, f"UPDATE claim SET position = {at(3)} WHERE position = {at(2)}"),
    "given to another account": (2, f"UPDATE claim SET tree = 3 WHERE position = {at(2)}"),
    "two swapped": (2, f"UPDATE claim SET position = {at(2)} + {at(310)} - position WHERE tree = 2"),
    "added": (None, f"INSERT INTO claim VALUES (2, zeroblob(32), {at(20)})"),
    "added to no account": (None, f"INSERT INTO claim VALUES (9, zeroblob(32), {at(20)})"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_tampering_with_claims_is_noticed(place: Place, name: str) -> None:
    """What may happen once is exactly what the events claimed: no claim forgotten, none invented."""
    index, statement = CLAIMS[name]
    place.edit(statement)
    assert first_bad(place.verify()) == index or index is None


ANAS_KEY = f"(SELECT key_id FROM part WHERE position = {at(3)})"
CLEOS_KEY = f"(SELECT key_id FROM part WHERE position = {at(313)})"

SUBJECTS = {
    "renamed": (3, f"UPDATE subject SET person = 'per_' || hex(zeroblob(16)) WHERE key_id = {ANAS_KEY}"),
    "given to another account": (None, f"UPDATE subject SET tree = 3 WHERE key_id = {ANAS_KEY}"),
    "dropped": (3, f"DELETE FROM subject WHERE key_id = {ANAS_KEY}"),
    "two swapped": (
        3,
        f"UPDATE subject SET person = (SELECT person FROM subject AS s WHERE s.key_id ="
        f" {ANAS_KEY} + {CLEOS_KEY} - subject.key_id) WHERE key_id IN ({ANAS_KEY}, {CLEOS_KEY})",
    ),
    "added": (None, "INSERT INTO subject VALUES (999, 2, 'per_00000000000000000000000000000000')"),
    "added for a run's key": (
        None,
        "INSERT INTO subject SELECT key_id, 2, 'per_00000000000000000000000000000000' FROM run"
        f" WHERE run = (SELECT run FROM event WHERE position = {at(7)})",
    ),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_tampering_with_the_table_of_persons_is_noticed(place: Place, name: str) -> None:
    """Whose a personal key is decides what an erasure takes: the table must be what the parts say."""
    index, statement = SUBJECTS[name]
    place.edit(statement)
    assert first_bad(place.verify()) == index or index is None


ERASURES = {
    "a key that was not erased": f"INSERT INTO erased_key VALUES ({ANAS_KEY}, {at(315)})",
    "a key erased by another event": f"UPDATE erased_key SET position = {at(20)}",
    "a part that was not erased": f"INSERT INTO erased_part VALUES ({at(20)}, 'words', {at(317)})",
    "a part erased by another event": f"UPDATE erased_part SET position = {at(20)}",
}


@pytest.mark.parametrize("name", ERASURES)
def test_an_invented_erasure_is_noticed(place: Place, name: str) -> None:
    """The tables of erasures never say more than the recorded erasures."""
    place.edit(ERASURES[name])
    first_bad(place.verify())


@pytest.mark.parametrize("table", ["erased_key", "erased_part"])
async def test_a_forgotten_erasure_is_mended_by_the_next_start(place: Place, table: str) -> None:
    """A crash may come between the fact and the table: that is no tampering, and the next start completes it."""
    with place.editing() as connection:
        before = list(connection.execute(f"SELECT * FROM {table}"))
    place.edit(f"DELETE FROM {table}")
    assert place.verify().ok
    async with place.opened():
        pass
    with place.editing() as connection:
        assert list(connection.execute(f"SELECT * FROM {table}")) == before


# Keys


def forget_keys(place: Place, which: str) -> None:
    with place.editing() as connection:
        keys = [row[0] for row in connection.execute(which)]
    assert keys
    with place.editing("keys.db") as connection:
        connection.executemany("DELETE FROM key WHERE key_id = ?", [(key,) for key in keys])
        assert connection.changes() > 0


@pytest.mark.parametrize(
    ("which", "index"),
    [
        (f"SELECT key_id FROM part WHERE position = {at(20)}", 7),
        (f"SELECT key_id FROM part WHERE position = {at(3)}", 3),
        ("SELECT key_id FROM run JOIN tree USING (tree) WHERE tree = 2 AND run_id = account", 307),
    ],
    ids=["a run's", "a person's", "the account's own"],
)
def test_a_missing_key_is_noticed(place: Place, which: str, index: int) -> None:
    """A key gone without an erasure is corruption of its own name, and the first event it leaves unreadable or
    unexplained is named."""
    forget_keys(place, which)
    report = place.verify()
    assert (first_bad(report), report.problems[0].code) == (index, KeyMissing.code)


def test_a_key_changed_is_noticed(place: Place) -> None:
    """A key of other bytes opens nothing."""
    with place.editing() as connection:
        ((key,),) = connection.execute(f"SELECT key_id FROM part WHERE position = {at(20)}")
    with place.editing("keys.db") as connection:
        connection.execute("UPDATE key SET key = zeroblob(32) WHERE key_id = ?", (key,))
    assert first_bad(place.verify()) == 7


@pytest.mark.parametrize("size", [0, 5, 33])
def test_a_key_of_the_wrong_length_is_noticed(place: Place, size: int) -> None:
    """A key that is no key is a finding, never a crash of the verifier."""
    with place.editing() as connection:
        ((key,),) = connection.execute(f"SELECT key_id FROM part WHERE position = {at(20)}")
    with place.editing("keys.db") as connection:
        connection.execute("UPDATE key SET key = zeroblob(?) WHERE key_id = ?", (size, key))
    assert first_bad(place.verify()) == 7


def test_two_keys_swapped_are_noticed(place: Place) -> None:
    """Keys under each other's numbers open nothing."""
    with place.editing() as connection:
        ((one,),) = connection.execute(f"SELECT key_id FROM part WHERE position = {at(1)}")
        ((two,),) = connection.execute(f"SELECT key_id FROM part WHERE position = {at(7)}")
    with place.editing("keys.db") as connection:
        connection.execute(
            "UPDATE key SET key = (SELECT key FROM key AS k WHERE k.key_id = ?1 + ?2 - key.key_id)"
            " WHERE key_id IN (?1, ?2)",
            (one, two),
        )
    assert first_bad(place.verify()) == 1


# Other kinds of damage


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE claim", "DROP TABLE erased_key", "ALTER TABLE event DROP COLUMN actor", "DROP TABLE tree"],
)
def test_a_database_that_lost_its_shape_is_a_finding(place: Place, statement: str) -> None:
    """A missing table or column is reported, never a crash of the verifier."""
    with place.editing() as connection:
        connection.execute(statement)
    assert not place.verify().ok


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.1])
def test_a_truncated_file_is_a_finding(place: Place, keep: float) -> None:
    """A file that lost its end is reported, never a crash of the verifier."""
    ledger = place.home / "ledger.db"
    raw = ledger.read_bytes()
    ledger.write_bytes(raw[: int(len(raw) * keep)])
    assert not place.verify().ok


def test_a_home_without_keys_cannot_be_opened_word_by_word(place: Place) -> None:
    """Without keys.db the verifier says so by name, and checks headers if that is all that is wanted."""
    (place.home / "keys.db").unlink()
    assert [problem.code for problem in place.verify().problems] == [KeyMissing.code]
    assert verify_home(place.home, bodies=False).ok


# Headers only


@pytest.mark.parametrize("name", ["body changed", "wrapped key changed", "dropped"])
def test_headers_alone_say_nothing_about_words(place: Place, name: str) -> None:
    """The fast check looks at headers and trees, and does not claim to have opened anything."""
    place.edit(str(PARTS[name][1]))
    report = verify_home(place.home, bodies=False)
    assert (report.ok, report.bodies, report.parts) == (True, False, 0)


@pytest.mark.parametrize("name", ["header changed", "dropped in the middle", "dropped at the end", "leaf hash changed"])
def test_headers_alone_still_give_away_a_changed_event(place: Place, name: str) -> None:
    """The fast check notices whatever is done to the events themselves."""
    index, *statements = EVENTS[name]
    place.edit(*map(str, statements))
    assert first_bad(verify_home(place.home, bodies=False)) == index


# Checkpoints kept elsewhere


def test_a_checkpoint_kept_elsewhere_agrees(place: Place, sample: Sample) -> None:
    """A ledger that only grew contains what was seen of it before."""
    for key in (None, sample.key):
        assert verify_home(place.home, outside=[sample.early_note], key=key).ok


def other_root(sample: Sample, place: Place, *, size: int) -> str:
    return sign(Checkpoint(origin=origin(sample.account, 1), size=size, root=bytes(32)), place.signer)


@pytest.mark.parametrize("size", [1, 307, SIZE])
def test_a_checkpoint_of_another_history_is_noticed(place: Place, sample: Sample, size: int) -> None:
    """A note of the same size with another root gives away a rewritten ledger, and the account is named."""
    report = verify_home(place.home, outside=[other_root(sample, place, size=size)], key=sample.key)
    assert first_bad(report) is None
    assert sample.account in str(report.problems[0])


def test_a_checkpoint_ahead_of_the_ledger_is_noticed(place: Place, sample: Sample) -> None:
    """A note of more events than there are gives away a ledger that was rolled back."""
    report = verify_home(place.home, outside=[other_root(sample, place, size=SIZE + 1)], key=sample.key)
    assert f"{SIZE + 1} events" in str(report.problems[0])


def test_a_checkpoint_of_an_account_the_ledger_lacks_is_noticed(place: Place) -> None:
    """A note about an account that is not there is not passed over."""
    lost = AccountId("acc_" + "0" * 32)
    note = sign(Checkpoint(origin=origin(lost, 1), size=1, root=bytes(32)), place.signer)
    assert not verify_home(place.home, outside=[note]).ok


@pytest.mark.parametrize(
    "note", ["", "nothing", "elsewhere.example/log\n1\n" + "A" * 43 + "=\n\n— elsewhere AAAAAAA=\n"]
)
def test_a_checkpoint_that_cannot_be_read_is_a_finding(place: Place, note: str) -> None:
    """What is no note, or of no ledger of ours, is reported, never passed over."""
    assert not verify_home(place.home, outside=[note]).ok


def test_a_checkpoint_under_another_key_is_a_finding(place: Place, sample: Sample, tmp_path: Path) -> None:
    """With a key given, a note that this key did not sign proves nothing and is reported."""
    stranger = Place(tmp_path / "stranger", tmp_path / "elsewhere").signer
    key = VerifierKey.of(sample.key.name, stranger.public_key)
    assert not verify_home(place.home, outside=[sample.early_note], key=key).ok


# Many and large


async def test_many_runs_are_all_looked_at(tmp_path: Path) -> None:
    """With two thousand runs that take turns, one bad event in the last is found."""
    place = Place(tmp_path / "home", tmp_path / "state")
    async with place.opened() as ledger:
        account = await ledger.open_account()
        chains = [new_chain(account) for _ in range(2_000)]
        firsts = [ledger.append(chain, START, said("one")) for chain in chains]
        for chain, first in zip(chains, firsts, strict=True):
            ledger.append(chain, first.head, said("two"), ended())
    assert (place.verify().ok, place.verify().events > 6_000) == (True, True)
    place.edit(f"UPDATE part SET body = zeroblob(40) WHERE position = {at(5_999)}")
    assert first_bad(place.verify()) == 5_999


async def fill(place: Place, events: int) -> None:
    """That many events in runs of five hundred, each with something said."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        for _ in range(events // 500):
            await ledger.append(new_chain(account), START, *[said(str(number)) for number in range(500)])


def peak_memory(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the events take less than two megabytes more to verify."""
    small, large = (Place(tmp_path / name / "home", tmp_path / name / "state") for name in ("small", "large"))
    await fill(small, 2_000)
    await fill(large, 20_000)
    peaks = [peak_memory(place.verify) for place in (small, large)]
    assert peaks[1] - peaks[0] < 2 * 1024 * 1024


# Beside a live process


async def test_verifying_beside_a_live_writer_raises_no_alarm(tmp_path: Path) -> None:
    """While facts are appended and sealed, one look after another finds a sound ledger."""
    place = Place(tmp_path / "home", tmp_path / "state")
    async with place.opened() as ledger:
        account = await ledger.open_account()
        stop = Signal()

        async def work() -> None:
            while not stop.is_set():
                chain = new_chain(account)
                await ledger.append(chain, START, said("one"), about(new_person_id()), ended())

        working = [asyncio.create_task(work()) for _ in range(8)]
        reports = [await asyncio.to_thread(place.verify) for _ in range(8)]
        stop.set()
        await asyncio.gather(*working)
    assert [report.problems for report in reports] == [[]] * 8
    sizes = [report.events for report in reports]
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


@dataclass
class Pause:
    """Holds the verifier at the first statement of a kind, until it is let go."""

    words: str
    reached: Signal
    go_on: Signal

    def watch(self, connection: apsw.Connection) -> None:
        """Called by apsw for every connection that is opened; those of this thread are the ledger's own."""
        if current_thread() is not main_thread():
            connection.exec_trace = self._trace

    def _trace(self, _cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        if self.words in sql and not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(PROMPTLY)
        return True


@pytest.fixture
def pause(request: pytest.FixtureRequest) -> Iterator[Pause]:
    paused = Pause(request.param, Signal(), Signal())
    apsw.connection_hooks.append(paused.watch)
    yield paused
    apsw.connection_hooks.remove(paused.watch)


MOMENTS = pytest.mark.parametrize(
    "pause",
    ["FROM tree", "FROM event WHERE kind", "FROM part WHERE position >=", "FROM event WHERE position >=", "FROM run"],
    ids=["at the start", "at the erasures", "at the parts", "at the events", "at the runs"],
    indirect=True,
)


async def doomed_story(ledger: SqliteLedger) -> Callable[[str], "asyncio.Task[None]"]:
    """Something of each kind to erase, in the first of two accounts."""
    account, person = await ledger.open_account(), new_person_id()
    chain = new_chain(account)
    await ledger.append(chain, START, said("words"), about(person), ended())
    (event, *_) = await ledger.run(chain)
    other = await ledger.open_account()
    await ledger.append(new_chain(other), START, said("elsewhere"), ended())

    def erase(what: str) -> "asyncio.Task[None]":
        if what == "part":
            return asyncio.create_task(ledger.erase_part(event, "words", actor="kernel", why="asked"))
        if what == "run":
            return asyncio.create_task(ledger.erase_run(chain, actor="kernel", why="asked"))
        return asyncio.create_task(ledger.erase_subject(account, person, actor="kernel", why="asked"))

    return erase


def erasures_done(place: Place) -> int:
    """How many erasures have been carried out."""
    ledger = open_for_reading(place.home / "ledger.db", application_id=LEDGER_APPLICATION_ID, version=VERSION)
    keys = open_for_reading(place.home / "keys.db", application_id=KEYS_APPLICATION_ID, version=VERSION)
    erased = [row[0] for row in ledger.execute("SELECT key_id FROM erased_key")]
    ((parts,),) = ledger.execute("SELECT count(*) FROM erased_part")
    ((there,),) = keys.execute(f"SELECT count(*) FROM key WHERE key_id IN ({','.join(map(str, erased)) or 0})")
    ledger.close()
    keys.close()
    return int(parts) + len(erased) - int(there)


@MOMENTS
@pytest.mark.parametrize("what", ["part", "run", "person"])
async def test_an_erasure_while_we_look_raises_no_alarm(tmp_path: Path, pause: Pause, what: str) -> None:
    """Whatever is erased between two looks of the verifier is not taken for corruption."""
    place = Place(tmp_path / "home", tmp_path / "state")
    async with place.opened() as ledger:
        erase = await doomed_story(ledger)
        looking = asyncio.create_task(asyncio.to_thread(place.verify))
        await until(lambda: pause.reached.is_set() or looking.done())
        erasing = erase(what)
        await until(lambda: erasures_done(place) > 0)
        pause.go_on.set()
        report = await looking
        await erasing
    assert report.problems == []
