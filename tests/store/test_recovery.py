"""A ledger that went back: it knows, it says so, and nothing irreversible starts until a person has looked."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from haloop.kernel.checkpoint import Checkpoint, open_note, read_unverified
from haloop.kernel.errors import RecoveryOpen
from haloop.kernel.ledger import EFFECT_INTENDED, Chain, Entry, read_origin
from haloop.store import schema
from haloop.store.database import open_for_reading
from haloop.store.reader import Reader
from haloop.store.signing import verify_ed25519
from haloop.store.tree import contains
from haloop.store.witness import read_notes
from tests.store.conftest import Place, history, more, said, witness_file

PROMPTLY = 5.0


async def rolled_back(place: Place) -> Chain:
    """A home put back to what it was before its newest facts; the newer one lies beside it as `lost`."""
    chain = await history(place)
    shutil.copytree(place.home, place.home.with_name("before"))
    await more(place, chain)
    place.home.rename(place.home.with_name("lost"))
    place.home.with_name("before").rename(place.home)
    return chain


def intent() -> Entry:
    return said("send the letter", kind=EFFECT_INTENDED)


async def test_nothing_irreversible_starts_after_a_rollback(place: Place) -> None:
    """A ledger that went back refuses intents by that name; other work is taken, and its facts are readable."""
    chain = await rolled_back(place)
    async with place.opened() as ledger:
        with pytest.raises(RecoveryOpen):
            await ledger.append(chain, await ledger.head(chain), intent())
        with pytest.raises(RecoveryOpen):
            await ledger.append(chain, await ledger.head(chain), said("first"), intent())
        await ledger.append(chain, await ledger.head(chain), said("other work"))
        assert len(await ledger.run(chain)) == 4


async def test_recovery_mode_survives_restarts(place: Place) -> None:
    """Stopping and starting again is no way out of recovery mode."""
    chain = await rolled_back(place)
    for _ in range(3):
        async with place.opened() as ledger:
            assert ledger.recovery is not None
            with pytest.raises(RecoveryOpen):
                await ledger.append(chain, await ledger.head(chain), intent())


async def test_a_person_ends_recovery(place: Place) -> None:
    """Once somebody says that everything was looked at, intents are taken, now and after the next start."""
    chain = await rolled_back(place)
    async with place.opened() as ledger:
        await ledger.end_recovery(actor="person:ana")
        await ledger.append(chain, await ledger.head(chain), intent())
    async with place.opened() as ledger:
        assert ledger.recovery is None
        await ledger.append(chain, await ledger.head(chain), intent())
        own = await ledger.run(Chain.of_account(ledger.system))
    ended = [event.header.actor for event in own if event.header.kind == "recovery.ended"]
    assert ended == ["person:ana"]


async def test_a_second_rollback_is_noticed_too(place: Place) -> None:
    """Going back behind the recovery itself raises the epoch once more."""
    chain = await rolled_back(place)
    shutil.copytree(place.home, place.home.with_name("again"))
    async with place.opened() as ledger:
        assert read_origin(ledger.verifier_key(chain.account).name)[1] == 2
        await ledger.end_recovery(actor="person:ana")
    shutil.rmtree(place.home)
    place.home.with_name("again").rename(place.home)
    async with place.opened() as ledger:
        assert ledger.recovery is not None
        assert read_origin(ledger.verifier_key(chain.account).name)[1] == 3


async def test_after_a_rollback_every_account_is_signed_anew(place: Place) -> None:
    """Before the first new fact, each account's tree is sealed under the new epoch's name."""
    chain = await rolled_back(place)
    async with asyncio.timeout(PROMPTLY), place.opened() as ledger:
        note = await ledger.sealed(chain.account, 3)
        checkpoint = open_note(note, ledger.verifier_key(chain.account), verify_ed25519)
        assert (checkpoint.size, read_origin(checkpoint.origin)) == (4, (chain.account, 2))
        receipt = await ledger.receipt(chain.account, {1: ["words"]})
        assert receipt.origin == checkpoint.origin


async def test_no_two_checkpoints_of_one_name_contradict_each_other(place: Place) -> None:
    """Whatever was signed before and after a rollback, under each name there is one history."""
    chain = await rolled_back(place)
    async with place.opened() as ledger:
        await ledger.append(chain, await ledger.head(chain), said("another four"), said("another five"))
    lost, kept = place.home.with_name("lost"), place.home
    first, second = notes_in(lost), [*notes_in(kept), *notes_witnessed(place)]
    assert not [note for note in first if not begins_with(lost, note)]
    assert not [note for note in second if read_origin(note.origin)[1] == 1 and not begins_with(lost, note)]
    assert not [note for note in second if read_origin(note.origin)[1] == 2 and not begins_with(kept, note)]
    assert {read_origin(note.origin)[1] for note in second} == {1, 2}
    assert place.verify().ok


def reader_of(home: Path) -> Reader:
    connection = open_for_reading(
        home / "ledger.db", application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
    )
    return Reader(connection)


def notes_in(home: Path) -> list[Checkpoint]:
    reader = reader_of(home)
    with closing(reader.connection):
        return [read_unverified(stored.note) for tree in reader.trees() for stored in reader.checkpoints(tree.number)]


def notes_witnessed(place: Place) -> list[Checkpoint]:
    return [read_unverified(note) for note in read_notes(witness_file(place)).values()]


def begins_with(home: Path, checkpoint: Checkpoint) -> bool:
    reader = reader_of(home)
    with closing(reader.connection):
        return contains(reader, reader.tree(read_origin(checkpoint.origin)[0]), checkpoint)


async def test_a_restored_home_opens_in_recovery_mode_once(place: Place) -> None:
    """The marker a restore leaves behind is believed, told as the reason, and removed; the mode stays."""
    chain = await history(place)
    marker = place.home / "restored"
    marker.write_text("Restored from the backup of Monday.\n")
    async with place.opened() as ledger:
        assert ledger.recovery == "Restored from the backup of Monday."
        assert read_origin(ledger.verifier_key(chain.account).name)[1] == 2
    assert not marker.exists()
    async with place.opened() as ledger:
        assert ledger.recovery is not None
        assert read_origin(ledger.verifier_key(chain.account).name)[1] == 2


async def test_an_account_the_ledger_has_forgotten_is_noticed(place: Place) -> None:
    """A copy from before an account was opened is a setback, although nothing in it contradicts anything."""
    async with place.opened():
        pass
    shutil.copytree(place.home, place.home.with_name("before"))
    chain = await history(place)
    shutil.rmtree(place.home)
    place.home.with_name("before").rename(place.home)
    async with place.opened() as ledger:
        assert ledger.recovery is not None
        assert chain.account not in await ledger.accounts()


async def test_ordinary_starts_are_no_setback(place: Place) -> None:
    """Ten starts in a row, each with its facts, keep their epoch and never enter recovery mode."""
    chain = await history(place)
    for _ in range(10):
        await more(place, chain)
    async with place.opened() as ledger:
        assert ledger.recovery is None
        assert read_origin(ledger.verifier_key(chain.account).name)[1] == 1
        assert len(await ledger.run(chain)) == 13
