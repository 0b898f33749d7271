"""Opening a home: who may, and what must hold before anything new is accepted.

The folder is locked before anything in it is opened, and space is set aside for how things ended. The newest
leaves must lead to the roots their trees claim. The ledger is held against the witness outside the home, and
recorded erasures are carried out again. Only then does the writer start. What was opened is let go of in the
opposite order: the writer first, once everything is signed and the logs are cut, and the lock last.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apsw

from haloop.kernel.checkpoint import Signer, VerifierKey, open_note
from haloop.kernel.errors import BadNote, Corrupt, DiskFault, LedgerClosed, Poisoned
from haloop.kernel.ids import AccountId, new_system_id
from haloop.kernel.ledger import Chain, origin
from haloop.store.batch import Index
from haloop.store.database import require_library
from haloop.store.eraser import redo_erasures
from haloop.store.erasure import wipe
from haloop.store.files import Files, open_files
from haloop.store.home import Ballast, FileLock, Home, Room
from haloop.store.reader import Reader, StoredCheckpoint
from haloop.store.recovery import Setback, find_setback, read_epoch
from haloop.store.seals import Seals
from haloop.store.signing import verify_ed25519
from haloop.store.tree import check_tail
from haloop.store.witness import Witness
from haloop.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHome:
    """A home that this process has to itself, found whole and ours."""

    place: Home
    ballast: Ballast
    room: Room
    """How much there was when the home was opened."""
    files: Files
    system: AccountId
    """The account that holds facts about the home itself."""
    witness: Witness
    setback: Setback | None
    epoch: int
    """Under which the trees are signed from now on."""


def open_home(
    place: Home, opened: ExitStack, *, witness_folder: Path, ballast: Ballast, kept: Iterable[str] = ()
) -> OpenHome:
    """Lock a home, open its files, and see that they are whole, ours, and have what checkpoints kept elsewhere saw."""
    require_library()
    place.make()
    _lock(place, opened)
    room = ballast.look()
    files = open_files(place, opened)
    check_tail(files.reader)
    system = _system(files.reader)
    witness = _take_witness(Witness(witness_folder, system), opened)
    epoch = read_epoch(files, system)
    setback = find_setback(files.reader, [*witness.notes.values(), *kept], epoch=epoch, restored=place.restored)
    redo_erasures(files)
    return OpenHome(
        place=place,
        ballast=ballast,
        room=room,
        files=files,
        system=system,
        witness=witness,
        setback=setback,
        epoch=setback.epoch if setback else epoch,
    )


def start_writer(
    home: OpenHome,
    opened: ExitStack,
    *,
    signer: Signer,
    seals: Seals,
    on_refusal: Callable[[Chain], None],
    on_death: Callable[[Poisoned], None],
) -> Writer:
    """Start the one thread that writes, which begins by signing and having witnessed what is not yet."""
    witnessed = _witnessed(home, signer)
    for account, newest in witnessed.items():
        seals.remember(account, newest.note)
    sizes = {account: newest.size for account, newest in witnessed.items()}
    writer = Writer(
        home.files.connection,
        Index(home.files.connection, epoch=home.epoch),
        unsigned=[tree.account for tree in home.files.reader.trees() if sizes.get(tree.account) != tree.size],
        signer=signer,
        keeper=home.witness,
        on_checkpoint=seals.note,
        on_refusal=on_refusal,
        on_death=partial(_die, seals, on_death),
    )
    writer.start()
    opened.callback(_stop, home, writer, seals)
    return writer


@contextmanager
def faults_named(place: Home) -> Iterator[None]:
    """While a home is opened, whatever its disk or its databases do wrong is said by the home's name."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise Corrupt(f"A database in {place.path} is damaged: {error}.") from error
    except (apsw.Error, OSError) as error:
        raise DiskFault(f"{place.path} cannot be opened: {type(error).__name__}: {error}.") from error


def _lock(place: Home, opened: ExitStack) -> None:
    lock = FileLock(place.lock)
    lock.take()
    opened.callback(lock.release)


def _system(reader: Reader) -> AccountId:
    systems = [tree.account for tree in reader.trees() if tree.account.startswith("sys_")]
    return systems[0] if systems else new_system_id()


def _take_witness(witness: Witness, opened: ExitStack) -> Witness:
    witness.take()
    opened.callback(witness.release)
    return witness


def _witnessed(home: OpenHome, signer: Signer) -> dict[AccountId, StoredCheckpoint]:
    """The newest checkpoints that may be shown: in this epoch's name, by the key that signs now, kept outside.

    The last process may have ended, or its disk been full, after it stored one and before the witness had it.
    """
    reader = home.files.reader
    newest = {tree.account: reader.newest_checkpoint(tree.number) for tree in reader.trees()}
    return {
        account: stored
        for account, stored in newest.items()
        if stored is not None
        and stored.note == home.witness.notes.get(account)
        and _opens(stored.note, VerifierKey.of(origin(account, home.epoch), signer.public_key))
    }


def _opens(note: str, key: VerifierKey) -> bool:
    try:
        open_note(note, key, verify_ed25519)
    except BadNote:
        return False
    return True


def _die(seals: Seals, on_death: Callable[[Poisoned], None], poison: Poisoned) -> None:
    seals.fail(poison)
    on_death(poison)


def _stop(home: OpenHome, writer: Writer, seals: Seals) -> None:
    writer.stop()
    seals.fail(LedgerClosed("This ledger has been closed."))
    if not isinstance(writer.dead, Poisoned):
        try:
            wipe(home.files.connection, home.files.keys)
        except apsw.Error as error:
            raise DiskFault(f"{home.place.path} could not be tidied up: {error}. Nothing recorded is lost.") from error
