"""A copy of the ledger elsewhere: what it takes, what it refuses, and what remains in it after an erasure."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from haloop.kernel.checkpoint import read_unverified
from haloop.kernel.errors import BadInput, Corrupt, HomeLocked, Refused
from haloop.kernel.ids import AccountId, new_person_id
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store import schema
from haloop.store.backup import back_up
from haloop.store.database import open_for_reading
from haloop.store.home import FileLock
from haloop.store.reader import Reader
from haloop.store.restore import restore_home
from haloop.store.shipping import Shipped, ship_ledger
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import verify_home
from tests.store.conftest import Place, ended, new_chain, said


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy"


def ship(place: Place, folder: Path) -> Shipped:
    with closing(reading(place.home)) as connection:
        return ship_ledger(place.home, Reader(connection), [place.signer.public_key], folder)


def reading(folder: Path) -> apsw.Connection:
    return open_for_reading(folder / "ledger.db", application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION)


@pytest.fixture
def held(copy: Path) -> Iterator[None]:
    """The copy, whatever became of it, still holds at the end of the test."""
    yield
    assert verify_home(copy, bodies=False).ok


async def add(place: Place, account: AccountId, words: str) -> None:
    async with place.opened() as ledger:
        await ledger.append(new_chain(account), START, said(words), ended())


@pytest.mark.usefixtures("held")
async def test_a_copy_follows_a_living_ledger(
    place: Place, ledger: SqliteLedger, account: AccountId, copy: Path
) -> None:
    """Each shipment brings what was signed since, and the copy can be opened with the home's keys."""
    chain = new_chain(account)
    index = (await ledger.append(chain, START, said("first words")))[0]
    await ledger.sealed(account, index)
    first = ship(place, copy)
    index = (await ledger.append(chain, await ledger.head(chain), said("more"), ended()))[1]
    await ledger.sealed(account, index)
    second = ship(place, copy)
    third = ship(place, copy)
    shutil.copy(place.home / "keys.db", copy)
    shutil.copy(place.home / "keys.db-wal", copy)

    assert first.events > 0
    assert second.events >= 2
    assert third.events == 0
    assert verify_home(copy).ok


async def test_what_is_not_signed_yet_waits(place: Place, past: Chain, copy: Path) -> None:
    """Facts that no checkpoint covers are counted, not shipped."""
    place.edit("DELETE FROM checkpoint WHERE tree = 2")

    shipped = ship(place, copy)

    assert shipped.waiting == 3
    assert verify_home(copy, bodies=False).events == shipped.held


@pytest.mark.usefixtures("held")
async def test_a_home_that_went_back_is_refused(place: Place, past: Chain, copy: Path, tmp_path: Path) -> None:
    """A home restored to before what was shipped, even if it grew again since, changes nothing in the copy."""
    shutil.copytree(place.home, tmp_path / "earlier")
    await add(place, past.account, "shipped, then forgotten")
    before = ship(place, copy)
    shutil.rmtree(place.home)
    shutil.rmtree(place.state)
    shutil.copytree(tmp_path / "earlier", place.home)
    await add(place, past.account, "another history")
    await add(place, past.account, "and longer")

    with pytest.raises(Refused) as refused:
        ship(place, copy)

    assert refused.value.code == "ship.diverged"
    assert verify_home(copy, bodies=False).events == before.held


@pytest.mark.usefixtures("held")
async def test_a_home_restored_from_its_copy_goes_on_shipping(place: Place, past: Chain, copy: Path) -> None:
    """After a restore the copy still begins like the home, and takes what comes after, under the new epoch."""
    ship(place, copy)
    await add(place, past.account, "lost with the disk")
    restore_home(place.home, copy, keys=None, force=True, now=1)
    await add(place, past.account, "after the restore")

    assert ship(place, copy).events > 0


@pytest.mark.usefixtures("held")
async def test_another_home_is_refused(place: Place, past: Chain, copy: Path, tmp_path: Path) -> None:
    """The copy of one home never takes the facts of another."""
    ship(place, copy)
    other = Place(tmp_path / "other", tmp_path / "other-state")
    async with other.opened() as ledger:
        await ledger.open_account()

    with pytest.raises(Refused) as refused:
        ship(other, copy)

    assert refused.value.code == "ship.diverged"


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE event SET header = CAST(replace(header, 'agent:sam', 'agent:eve') AS BLOB) WHERE kind = 'step.done'",
        "UPDATE event SET header = CAST('{}' AS BLOB) WHERE kind = 'step.done'",
        "UPDATE event SET parts = CAST('{}' AS BLOB) WHERE kind = 'step.done'",
        "DELETE FROM event WHERE kind = 'run.ended'",
        "DELETE FROM event WHERE kind = 'step.done'",
        "UPDATE checkpoint SET note = replace(note, substr(note, -8, 4), 'AAAA') WHERE tree = 2",
        "UPDATE checkpoint SET note = replace(note, char(10) || '3' || char(10), char(10) || '4' || char(10))",
    ],
)
async def test_a_changed_home_ships_nothing(place: Place, past: Chain, copy: Path, edit: str) -> None:
    """An event or a checkpoint that was changed, dropped or forged stops the whole shipment."""
    place.edit(edit)

    with pytest.raises(Corrupt):
        ship(place, copy)

    assert verify_home(copy, bodies=False).events == 0


async def test_what_was_erased_leaves_the_copy(place: Place, past: Chain, copy: Path) -> None:
    """A part that is erased in the home is deleted from the copy with the next shipment, down to its bytes."""
    ship(place, copy)
    body = locked_body(copy)
    async with place.opened() as ledger:
        (event,) = [event for event in await ledger.events(past.account) if "words" in event.parts]
        await ledger.erase_part(event, "words", actor="person:ana", why="asked for it")

    ship(place, copy)
    shutil.copy(place.home / "keys.db", copy)

    assert body not in (copy / "ledger.db").read_bytes()
    assert body not in (copy / "ledger.db-wal").read_bytes()
    report = verify_home(copy)
    assert report.ok
    assert report.erased_parts == 1


async def test_an_erasure_waits_for_its_checkpoint(place: Place, past: Chain, copy: Path) -> None:
    """A part that is gone before its erasure is signed does not arrive in the copy as a hole without a reason."""
    async with place.opened() as ledger:
        (event,) = [event for event in await ledger.events(past.account) if "words" in event.parts]
        await ledger.erase_part(event, "words", actor="person:ana", why="asked for it")
    place.edit("DELETE FROM checkpoint WHERE tree = 2 AND size > 3")

    shipped = ship(place, copy)

    assert shipped.waiting == 4
    assert verify_home(copy, bodies=False).ok


async def test_words_about_a_person_arrive_with_whose_they_are(place: Place, past: Chain, copy: Path) -> None:
    """Parts under a person's key can be opened from the copy, with the home's keys."""
    about = Part(name="note", body=b"likes the window seat", subject=new_person_id())
    async with place.opened() as ledger:
        entry = Entry(kind="note.made", actor="agent:sam", parts=(about,), claim=bytes(32))
        await ledger.append(new_chain(past.account), START, entry, ended())

    ship(place, copy)
    shutil.copy(place.home / "keys.db", copy / "keys.db")

    assert verify_home(copy).ok


def test_a_signer_nobody_enrolled_is_refused(place: Place, past: Chain, copy: Path) -> None:
    """A tree signed by a key that is not this home's does not arrive."""
    with closing(reading(place.home)) as connection, pytest.raises(Corrupt, match="no signature"):
        ship_ledger(place.home, Reader(connection), [bytes(32)], copy)


def test_one_shipment_at_a_time(place: Place, past: Chain, copy: Path) -> None:
    """While one process ships into a folder, another is refused."""
    copy.mkdir()
    other = FileLock(copy / "lock")
    other.take()

    with pytest.raises(HomeLocked):
        ship(place, copy)

    other.release()


def test_a_copy_is_never_kept_in_what_it_copies(place: Place, past: Chain) -> None:
    """A folder inside the home is refused."""
    with pytest.raises(BadInput):
        ship(place, place.home / "copy")


def test_another_home_is_not_grown(place: Place, past: Chain, tmp_path: Path) -> None:
    """A clone of the home is not taken for its copy."""
    shutil.copytree(place.home, tmp_path / "clone")

    with pytest.raises(BadInput):
        ship(place, tmp_path / "clone")


def test_a_backup_is_not_grown(place: Place, past: Chain, copy: Path) -> None:
    """A finished backup stays as it was made."""
    back_up(place.home, copy, keys=None, now=1)

    with pytest.raises(BadInput) as refused:
        ship(place, copy)

    assert refused.value.code == "output.exists"


async def test_many_pages_arrive_as_one_tree(place: Place, copy: Path) -> None:
    """A shipment far larger than a page, with many runs, has the very tree that was signed."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        pending = [ledger.append(new_chain(account), START, said(f"word {n}"), ended()) for n in range(6_000)]
        for each in pending:
            await each

    shipped = ship(place, copy)

    with closing(reading(copy)) as connection:
        stored = Reader(connection).newest_checkpoint(2)
    assert stored is not None
    assert read_unverified(stored.note).size == 12_001
    assert shipped.held == verify_home(copy, bodies=False).events == 12_001 + 3


def locked_body(folder: Path) -> bytes:
    with closing(reading(folder)) as connection:
        stored = Reader(connection).part(2, 1, "words")
    assert stored is not None
    return stored.body
