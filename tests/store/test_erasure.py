"""Erasing against the disk: the bytes are gone, a crash in between is made good, and backups bring nothing back."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from haloop.kernel.errors import Erased, HaloopError
from haloop.kernel.ids import AccountId, PersonId, new_person_id
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.database import open_for_reading
from haloop.store.schema import LEDGER_APPLICATION_ID, VERSION
from haloop.store.sqlite import SqliteLedger
from tests.store.conftest import Place, always_read, ended, new_chain


async def told(ledger: SqliteLedger, chain: Chain, person: PersonId | None = None) -> Chain:
    """A run that said something, about somebody or not, and ended."""
    part = Part.of("words", "remember the milk", subject=person)
    await ledger.append(chain, START, Entry(kind="step.done", actor="kernel", parts=(part,)), ended())
    return chain


async def words(ledger: SqliteLedger, chain: Chain) -> bytes | None:
    """What the run said; None where it was erased."""
    try:
        return await ledger.body((await ledger.run(chain))[0], "words")
    except Erased:
        return None


async def erase(ledger: SqliteLedger, chain: Chain, person: PersonId, what: str) -> None:
    if what == "part":
        await ledger.erase_part((await ledger.run(chain))[0], "words", actor="kernel", why="asked")
    elif what == "run":
        await ledger.erase_run(chain, actor="kernel", why="asked")
    else:
        await ledger.erase_subject(chain.account, person, actor="kernel", why="asked")


def secrets_of(place: Place, chain: Chain) -> list[bytes]:
    """The very bytes that an erasure must destroy: the key, or the wrapped key and the locked words."""
    with place.editing() as connection:
        rows = list(
            connection.execute(
                "SELECT part.key_id, wrapped, body FROM part JOIN event USING (position) JOIN run USING (run)"
                " WHERE run_id = ? AND name = 'words'",
                (chain.run_id,),
            )
        )
    ((key_id, wrapped, body),) = rows
    with place.editing("keys.db") as connection:
        ((key,),) = connection.execute("SELECT key FROM key WHERE key_id = ?", (key_id,))
    return [key, wrapped, body]


def found_in(home: Path, secret: bytes) -> list[str]:
    return [path.name for path in home.iterdir() if path.is_file() and secret in path.read_bytes()]


@pytest.mark.parametrize("what", ["part", "run", "person"])
async def test_the_erased_bytes_are_in_no_file(place: Place, what: str) -> None:
    """When the erasure is acknowledged, what opened the words is on no page and in no log, while we still run."""
    person = new_person_id() if what == "person" else None
    async with place.opened() as ledger:
        chain = await told(ledger, new_chain(await ledger.open_account()), person)
    key, wrapped, body = secrets_of(place, chain)
    doomed = [wrapped, body] if what == "part" else [key]
    async with place.opened() as ledger:
        assert await words(ledger, chain) == b'"remember the milk"'
        assert all(found_in(place.home, secret) for secret in doomed)
        await erase(ledger, chain, person or new_person_id(), what)
        assert [found_in(place.home, secret) for secret in doomed] == [[]] * len(doomed)
    assert place.verify().ok


def reader_of(place: Place) -> apsw.Connection:
    """Somebody else who reads the ledger while it runs."""
    return open_for_reading(place.home / "ledger.db", application_id=LEDGER_APPLICATION_ID, version=VERSION)


async def test_an_erasure_waits_for_who_still_reads(place: Place) -> None:
    """While somebody reads an old state the erasure is not acknowledged; as soon as they are done, it is."""
    async with place.opened() as ledger:
        chain = await told(ledger, new_chain(await ledger.open_account()))
        with closing(reader_of(place)) as reader:
            reading = reader.execute("SELECT * FROM event")
            next(reading)
            erasing = asyncio.create_task(ledger.erase_run(chain, actor="kernel", why="asked"))
            done, _ = await asyncio.wait([erasing], timeout=0.3)
            assert not done
            assert await words(ledger, chain) is None
            reading.close()
            async with asyncio.timeout(5):
                await erasing


async def test_an_erasure_outlasts_readers_who_come_one_after_another(place: Place) -> None:
    """Though somebody reads at every moment and others go on recording, the erasure is acknowledged before long."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        chain = await told(ledger, new_chain(account))
        with (
            closing(reader_of(place)) as one,
            closing(reader_of(place)) as other,
            always_read(one, other, "SELECT position FROM event"),
        ):
            erasing = asyncio.create_task(ledger.erase_run(chain, actor="kernel", why="asked"))
            async with asyncio.timeout(15):
                while not erasing.done():
                    await told(ledger, new_chain(account))
            await erasing
        assert await words(ledger, chain) is None


@pytest.mark.parametrize("what", ["run", "person"])
async def test_keys_from_a_backup_bring_nothing_back(place: Place, tmp_path: Path, what: str) -> None:
    """When keys.db is put back from a backup, the next start forgets the erased keys again."""
    person = new_person_id() if what == "person" else None
    async with place.opened() as ledger:
        account = await ledger.open_account()
        gone, kept = await told(ledger, new_chain(account), person), await told(ledger, new_chain(account))
        await ledger.back_up(tmp_path / "ledger.db", keys=tmp_path / "keys.db")
        await erase(ledger, gone, person or new_person_id(), what)
    put_back(place, tmp_path / "keys.db")
    (key, _, _) = secrets_of(place, gone)
    async with place.opened() as ledger:
        assert await words(ledger, gone) is None
        assert await words(ledger, kept) == b'"remember the milk"'
        assert found_in(place.home, key) == []
    assert place.verify().ok


def put_back(place: Place, backup: Path) -> None:
    """A file of the closed home replaced by its backup."""
    for name in (backup.name, f"{backup.name}-wal", f"{backup.name}-shm"):
        (place.home / name).unlink(missing_ok=True)
    shutil.copy(backup, place.home / backup.name)


async def test_keys_from_a_backup_take_nothing_new_away(place: Place, tmp_path: Path) -> None:
    """After keys.db is put back from a backup, a new run's words are not lost with a key erased long before."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        await ledger.back_up(tmp_path / "ledger.db", keys=tmp_path / "keys.db")
    async with place.opened() as ledger:
        gone = await told(ledger, new_chain(account))
        await ledger.erase_run(gone, actor="kernel", why="asked")
    put_back(place, tmp_path / "keys.db")
    async with place.opened() as ledger:
        later = [await told(ledger, new_chain(account)) for _ in range(3)]
        assert [await words(ledger, chain) for chain in later] == [b'"remember the milk"'] * 3
    async with place.opened() as ledger:
        assert [await words(ledger, chain) for chain in later] == [b'"remember the milk"'] * 3
        assert await words(ledger, gone) is None
    assert place.verify().ok


async def test_a_ledger_from_a_backup_brings_nothing_back(place: Place, tmp_path: Path) -> None:
    """When ledger.db is put back to before an erasure, what was erased stays unreadable, and says so."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        gone, kept = await told(ledger, new_chain(account)), await told(ledger, new_chain(account))
        await ledger.back_up(tmp_path / "ledger.db")
        await ledger.erase_run(gone, actor="kernel", why="asked")
    put_back(place, tmp_path / "ledger.db")
    async with place.opened() as ledger:
        assert ledger.recovery is not None
        assert await words(ledger, gone) is None
        assert await words(ledger, kept) == b'"remember the milk"'
    assert place.verify().ok


@pytest.mark.parametrize("what", ["part", "run", "person"])
async def test_a_crash_between_the_fact_and_the_deletion_is_made_good(place: Place, tmp_path: Path, what: str) -> None:
    """If only the fact of an erasure survived a crash, the next start carries the erasure out."""
    person = new_person_id() if what == "person" else None
    async with place.opened() as ledger:
        chain = await told(ledger, new_chain(await ledger.open_account()), person)
        await ledger.back_up(tmp_path / "ledger.db", keys=tmp_path / "keys.db")
        await erase(ledger, chain, person or new_person_id(), what)
    put_back(place, tmp_path / "keys.db")
    with place.editing() as connection:
        connection.execute("ATTACH ? AS before", (str(tmp_path / "ledger.db"),))
        connection.execute("INSERT OR IGNORE INTO part SELECT * FROM before.part")
        connection.execute("DELETE FROM erased_key")
        connection.execute("DELETE FROM erased_part")
    assert place.verify().ok
    async with place.opened() as ledger:
        assert await words(ledger, chain) is None
    assert place.verify().ok


async def test_an_erasure_draws_a_clear_line(place: Place) -> None:
    """While a person is erased, others go on speaking of them: all before the erasure is gone, nothing after it."""
    person = new_person_id()
    async with place.opened() as ledger:
        account = await ledger.open_account()
        chains = [await told(ledger, new_chain(account), person)]
        erasing = asyncio.create_task(ledger.erase_subject(account, person, actor="kernel", why="asked"))
        while not erasing.done():
            chains.append(await told(ledger, new_chain(account), person))
        await erasing
        assert len(chains) > 2
        line = await line_of_erasure(ledger, account)
        for chain in chains:
            before = (await ledger.run(chain))[0].index < line
            assert await words(ledger, chain) == (None if before else b'"remember the milk"')


async def line_of_erasure(ledger: SqliteLedger, account: AccountId) -> int:
    own = await ledger.run(Chain.of_account(account))
    (index,) = [event.index for event in own if event.header.kind == "payload.erased"]
    return index


@pytest.mark.parametrize("kind", ["payload.erased", "signer.enrolled", "recovery.entered", "recovery.ended"])
async def test_what_the_home_acts_upon_is_recorded_by_the_home_alone(place: Place, kind: str) -> None:
    """A fact that the next start acts upon cannot be written from outside, and so cannot lead it astray."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        chain = await told(ledger, new_chain(account))
        invented = Part.of("erasure", {"keys": list(range(100)), "why": "mischief"})
        for recorded_in in (account, ledger.system):
            for parts in ((), (invented,)):
                with pytest.raises(HaloopError):
                    await ledger.record(recorded_in, Entry(kind=kind, actor="agent:sam", parts=parts))
    async with place.opened() as ledger:
        assert await words(ledger, chain) == b'"remember the milk"'
