"""The witness: the newest checkpoint of each account, outside the home, never half written and never taken back."""

import asyncio
import stat
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest

from haloop.kernel.checkpoint import Checkpoint, read_unverified, sign
from haloop.kernel.errors import HomeCloned
from haloop.kernel.ids import AccountId, new_account_id, new_system_id
from haloop.kernel.ledger import START, origin
from haloop.store.signing import read_or_make_signer
from haloop.store.witness import Witness, read_notes
from tests.store.conftest import Place, new_chain, said, until, witness_file

PROMPTLY = 5.0
SYSTEM = new_system_id()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def note(account: AccountId, size: int, state: Path) -> str:
    signer = read_or_make_signer(state.with_name("secrets"))
    return sign(Checkpoint(origin=origin(account, 1), size=size, root=bytes(32)), signer)


def taken(state: Path) -> Witness:
    witness = Witness(state, SYSTEM)
    witness.take()
    return witness


def test_a_new_home_has_no_witness_yet(state: Path) -> None:
    """On the first start nothing was seen; the folder is made, for its owner alone."""
    witness = taken(state)
    assert dict(witness.notes) == {}
    assert stat.S_IMODE(witness.path.parent.stat().st_mode) == 0o700
    witness.release()


def test_what_was_seen_is_remembered(state: Path) -> None:
    """Newer checkpoints replace older ones of their account; other accounts' stay."""
    ana, ben = new_account_id(), new_account_id()
    witness = taken(state)
    witness.advance({ana: note(ana, 1, state), ben: note(ben, 5, state)})
    witness.advance({ana: note(ana, 2, state)})
    witness.release()
    again = taken(state)
    assert dict(again.notes) == {ana: note(ana, 2, state), ben: note(ben, 5, state)}
    again.release()


def test_a_half_written_witness_is_not_read(state: Path) -> None:
    """A crash while writing leaves the older, whole file in its place."""
    ana = new_account_id()
    witness = taken(state)
    witness.advance({ana: note(ana, 1, state)})
    witness.path.with_name(witness.path.name + ".part").write_bytes(b'{"format":"haloop/wit')
    witness.release()
    again = taken(state)
    assert dict(again.notes) == {ana: note(ana, 1, state)}
    again.advance({ana: note(ana, 2, state)})
    again.release()
    assert [path.name for path in again.path.parent.iterdir() if path.name.endswith(".part")] == []


def test_one_identity_runs_once(state: Path) -> None:
    """A second copy of a home finds its witness held; another home on the same machine does not."""
    witness = taken(state)
    with pytest.raises(HomeCloned):
        taken(state)
    other = Witness(state, new_system_id())
    other.take()
    other.release()
    witness.release()
    taken(state).release()


async def test_the_witness_advances_with_each_checkpoint(place: Place) -> None:
    """Before anybody is shown a checkpoint, the witness has it."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        (index,) = await ledger.append(new_chain(account), START, said("words"))
        shown = await ledger.sealed(account, index)
        (path,) = [path for path in place.state.rglob("sys_*") if not path.suffix]
        assert shown.split("\n")[2] in path.read_text()
    async with place.opened() as ledger:
        witnessed = ledger._home.witness.notes[account]
    assert read_unverified(witnessed).size == index + 1


@contextmanager
def full_disk(place: Place) -> Iterator[None]:
    """While the block lasts, every write to the witness finds its disk full."""
    path = witness_file(place)
    part = path.with_name(path.name + ".part")
    part.symlink_to("/dev/full")
    try:
        yield
    finally:
        part.unlink()


async def test_a_full_witness_disk_stops_no_work_and_is_told(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """Facts are taken while the witness has no room; a person hears of it once, and it catches up by itself."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        await ledger.sealed(account, 0)
        with full_disk(place):
            (index,) = await ledger.append(new_chain(account), START, said("words"))
            told = await heard(capfd)
            waiting = asyncio.ensure_future(ledger.sealed(account, index))
        async with asyncio.timeout(PROMPTLY):
            shown = await waiting
        assert read_notes(witness_file(place))[account] == shown
    assert str(witness_file(place)) in told
    assert (told.count("The witness"), capfd.readouterr().err.strip(), place.deaths) == (1, "", [])


async def heard(capfd: pytest.CaptureFixture[str]) -> str:
    """What is said on stderr, as soon as it is said."""
    words: list[str] = []

    def listen() -> bool:
        words.append(capfd.readouterr().err)
        return any(words)

    await until(listen)
    return "".join(words)


async def test_what_a_full_disk_kept_from_the_witness_at_the_end_is_told(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    """A ledger closes well though its last checkpoint cannot be kept outside, and does not do so silently."""
    async with AsyncExitStack() as full, place.opened() as ledger:
        account = await ledger.open_account()
        await ledger.sealed(account, 0)
        full.enter_context(full_disk(place))
        await ledger.append(new_chain(account), START, said("words"))
    assert "The witness" in capfd.readouterr().err
    assert place.deaths == []


@pytest.mark.parametrize("left", ["older", "none"])
async def test_a_witness_that_fell_behind_catches_up_before_anything_is_shown(place: Place, left: str) -> None:
    """A checkpoint that was signed and kept nowhere outside reaches the witness at the next start, by itself."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        await ledger.sealed(account, 0)
        older = witness_file(place).read_bytes()
        (index,) = await ledger.append(new_chain(account), START, said("words"))
    if left == "older":
        witness_file(place).write_bytes(older)
    else:
        witness_file(place).unlink()
    async with place.opened() as ledger:
        async with asyncio.timeout(PROMPTLY):
            shown = await ledger.sealed(account, index)
        assert read_notes(witness_file(place))[account] == shown
