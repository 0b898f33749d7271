"""An account's export: what is in it, and that no byte of it can be changed unseen."""

import io
import random
from base64 import b64decode
from contextlib import closing
from pathlib import Path

import pytest

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import VerifierKey
from haloop.kernel.errors import BadNote, BadProof, HaloopError, KeyMissing, NotFound
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START, origin
from haloop.store import schema
from haloop.store.bodies import Bodies
from haloop.store.database import open_for_reading
from haloop.store.export import Exported, ExportFindings, export_account, verify_export
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader
from haloop.store.sqlite import SqliteLedger
from tests.store.conftest import Place, ended, new_chain, said


@pytest.fixture
async def account(place: Place) -> AccountId:
    """An account of a closed home, with two runs; the words of the first are erased."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        first, second = new_chain(account), new_chain(account)
        await ledger.append(first, START, said("to be forgotten"), ended())
        await ledger.append(second, START, said("to be kept"), ended())
        await ledger.erase_run(first, actor="person:ana", why="asked for it")
    return account


def export(place: Place, account: AccountId) -> tuple[Exported, list[bytes]]:
    lines: list[bytes] = []
    connection = open_for_reading(
        place.home / "ledger.db", application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
    )
    with closing(connection), closing(KeyRing.open_read_only(place.home / "keys.db")) as keys:
        reader = Reader(connection)
        made = export_account(reader, Bodies(reader, keys), account, lines.append)
    return made, b"".join(lines).splitlines(keepends=True)


def check(lines: list[bytes], *keys: VerifierKey) -> ExportFindings:
    return verify_export(io.BytesIO(b"".join(lines)), {key.name: key for key in keys})


def read(line: bytes) -> dict[str, Canonical]:
    fields = canonical.decode(line.rstrip(b"\n"))
    assert isinstance(fields, dict)
    return dict(fields)


def write(fields: dict[str, Canonical]) -> bytes:
    return canonical.encode(fields) + b"\n"


def key_of(place: Place, account: AccountId) -> VerifierKey:
    return VerifierKey.of(origin(account, 1), place.signer.public_key)


def test_everything_readable_is_in_the_file(place: Place, account: AccountId) -> None:
    """Each event has a line; what can be read stands there in plain, what was erased is named as erased."""
    made, lines = export(place, account)

    spoken = [event["spoken"] for event in map(read, lines[1:-1])]
    bodies = [b64decode(str(part["words"]["body"])) for part in spoken if isinstance(part, dict) and "words" in part]
    assert (made.events, made.parts, made.erased, made.unsealed) == (6, 2, 1, 0)
    assert bodies == [b'"to be kept"']
    assert read(lines[2])["erased"] == ["words"]


def test_an_export_is_checked_without_the_home(place: Place, account: AccountId) -> None:
    """From the lines and the key alone: all events hold, and who signed them is known."""
    _, lines = export(place, account)

    found = check(lines, key_of(place, account))

    assert (found.events, found.parts, found.erased) == (6, 2, 1)
    assert found.signer is not None
    assert check(lines).signer is None


def test_no_byte_can_be_changed_unseen(place: Place, account: AccountId) -> None:
    """Whichever byte of the file is changed, the check with the key refuses the file and names a line."""
    _, lines = export(place, account)
    raw = b"".join(lines)
    dice = random.Random(7)

    for at in dice.sample(range(len(raw)), 400):
        changed = raw[:at] + bytes([raw[at] ^ (1 << dice.randrange(8))]) + raw[at + 1 :]
        with pytest.raises(HaloopError, match=r"Line \d+ does not hold"):
            verify_export(io.BytesIO(changed), {"": key_of(place, account)})


def test_the_first_bad_line_is_named(place: Place, account: AccountId) -> None:
    """A changed word is found at its own line, not at the end."""
    _, lines = export(place, account)
    fields = read(lines[4])
    fields["spoken"] = {"words": {"body": "b3RoZXI=", "salt": "AAAA"}}
    lines[4] = write(fields)

    with pytest.raises(BadProof, match="Line 5 does not hold: part 'words'"):
        check(lines)


@pytest.mark.parametrize("line", [0, 1, 3, 6, 7])
@pytest.mark.parametrize("what", ["drop", "double", "swap"])
def test_lines_cannot_be_dropped_doubled_or_swapped(place: Place, account: AccountId, line: int, what: str) -> None:
    """The lines are exactly those that were signed, in their order."""
    _, lines = export(place, account)
    neighbour = line - 1 if line else 1
    if what == "drop":
        del lines[line]
    elif what == "double":
        lines.insert(line, lines[line])
    else:
        lines[line], lines[neighbour] = lines[neighbour], lines[line]

    with pytest.raises(BadProof, match=r"Line \d+ does not hold"):
        check(lines)


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -100])
def test_a_truncated_export_is_refused(place: Place, account: AccountId, cut: int) -> None:
    """A file that lacks its end, or everything, is not taken for a shorter export."""
    _, lines = export(place, account)

    with pytest.raises(BadProof, match=r"Line \d+ does not hold"):
        verify_export(io.BytesIO(b"".join(lines)[:cut]), {})


def test_events_cannot_be_added_after_the_signature(place: Place, account: AccountId) -> None:
    """A shorter history under the old checkpoint, or a longer one, is not what was signed."""
    _, lines = export(place, account)
    heading = read(lines[0])
    heading["events"] = 5
    shorter = [write(heading), *lines[1:6], lines[-1]]

    with pytest.raises(BadProof, match="Line 7 does not hold: the checkpoint saw other events"):
        check(shorter)
    with pytest.raises(BadProof, match="Line 9 does not hold: something follows"):
        check([*lines, b"\n"])


def test_a_wrong_key_is_refused(place: Place, account: AccountId) -> None:
    """A key that did not sign the checkpoint is told so at its line."""
    _, lines = export(place, account)
    wrong = VerifierKey.of(origin(account, 1), bytes(32))

    with pytest.raises(BadProof, match="Line 8 does not hold"):
        check(lines, wrong)


async def test_events_without_a_checkpoint_stay_out(place: Place, account: AccountId) -> None:
    """What nobody has signed yet is counted and left for the next export."""
    async with place.opened() as ledger:
        await ledger.append(new_chain(account), START, said("too new"), ended())
    place.edit("DELETE FROM checkpoint WHERE tree = 2 AND size > 6")

    made, lines = export(place, account)

    assert (made.events, made.unsealed) == (6, 2)
    assert check(lines).events == 6


def test_a_missing_key_is_no_erasure(place: Place, account: AccountId) -> None:
    """An export does not call erased what was lost: it stops."""
    with place.editing("keys.db") as connection:
        list(connection.execute("DELETE FROM key"))

    with pytest.raises(KeyMissing):
        export(place, account)


async def test_an_export_beside_a_living_ledger_holds(place: Place, ledger: SqliteLedger) -> None:
    """While facts are recorded, an export has those under the newest checkpoint."""
    account = await ledger.open_account()
    (_, index) = await ledger.append(new_chain(account), START, said("one"), ended())
    await ledger.sealed(account, index)
    pending = [ledger.append(new_chain(account), START, said(f"{n}"), ended()) for n in range(50)]

    made, lines = export(place, account)

    for each in pending:
        await each
    assert made.events >= 3
    assert check(lines, ledger.verifier_key(account)).events == made.events


def test_an_account_nobody_knows_has_no_export(place: Place, account: AccountId) -> None:
    """A wrong account is refused by name."""
    with pytest.raises(NotFound):
        export(place, AccountId(account[:-1] + ("0" if account[-1] != "0" else "1")))


def test_a_note_of_another_account_is_refused(place: Place, account: AccountId, tmp_path: Path) -> None:
    """The checkpoint of another log does not vouch for these events."""
    _, lines = export(place, account)
    connection = open_for_reading(
        place.home / "ledger.db", application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
    )
    with closing(connection):
        foreign = Reader(connection).newest_checkpoint(1)
    assert foreign is not None

    with pytest.raises((BadProof, BadNote), match="Line 8 does not hold"):
        check([*lines[:-1], write({"checkpoint": foreign.note})])
