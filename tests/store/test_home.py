"""The home: private, held by one process, and with room set aside for what must be written on a full disk."""

import os
import stat
from pathlib import Path

import pytest

from haloop.kernel.errors import HomeLocked, HomeReadOnly, NoRoom
from haloop.kernel.ledger import START, Entry
from haloop.store.home import Ballast, FileLock, Home, Room
from tests.store.conftest import Place, new_chain, said

MORE_THAN_ANY_DISK = 10**15
SIZE = 64 * 1024


async def test_a_home_is_for_its_owner_alone(place: Place) -> None:
    """Nobody else on the machine can look into a home that Haloop made."""
    elsewhere = Place(place.home.parent / "deep" / "down", place.state)
    Home(elsewhere.home).make()
    async with elsewhere.opened():
        assert stat.S_IMODE(elsewhere.home.stat().st_mode) == 0o700
        assert stat.S_IMODE((elsewhere.home / "lock").stat().st_mode) == 0o600
        assert stat.S_IMODE((elsewhere.home / "secrets").stat().st_mode) == 0o600


def test_a_home_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """Making a home twice changes nothing in it."""
    Home(tmp_path).make()
    (tmp_path / "config.toml").write_text("x")
    Home(tmp_path).make()
    assert (tmp_path / "config.toml").read_text() == "x"


def test_a_lock_is_held_by_one_and_names_its_holder(tmp_path: Path) -> None:
    """The second taker is told the process; after the first lets go, the second succeeds."""
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.take()
    with pytest.raises(HomeLocked, match=f"process {os.getpid()}"):
        second.take()
    first.release()
    second.take()
    second.release()
    second.release()


def test_a_lock_without_a_name_is_a_lock_all_the_same(tmp_path: Path) -> None:
    """A holder that could not sign, because the disk was full, still keeps others out."""
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.take()
    os.truncate(tmp_path / "lock", 0)
    with pytest.raises(HomeLocked, match="unknown"):
        second.take()
    first.release()


def test_a_stale_name_is_no_lock(tmp_path: Path) -> None:
    """A lock file left behind by a dead process keeps nobody out."""
    (tmp_path / "lock").write_text("1\n")
    lock = FileLock(tmp_path / "lock")
    lock.take()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_lock_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    """A folder in the lock's place is refused with the path."""
    (tmp_path / "lock").mkdir()
    with pytest.raises(HomeReadOnly, match="lock"):
        FileLock(tmp_path / "lock").take()


# Room


def test_ballast_is_laid_down_whole(tmp_path: Path) -> None:
    """With room on the disk the ballast takes its full size, and is kept."""
    ballast = Ballast(tmp_path / "ballast", SIZE)
    assert [ballast.look(), ballast.look()] == [Room.ENOUGH, Room.ENOUGH]
    assert (tmp_path / "ballast").stat().st_size == SIZE
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= SIZE


def test_half_a_ballast_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """What a crash left behind half laid is laid down anew."""
    (tmp_path / "ballast.part").write_bytes(b"half")
    assert Ballast(tmp_path / "ballast", SIZE).look() is Room.ENOUGH
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ballast"]


def test_a_disk_without_room_keeps_no_ballast(tmp_path: Path) -> None:
    """Where even the ballast does not fit, nothing is laid down and only outcomes are taken."""
    assert Ballast(tmp_path / "ballast", MORE_THAN_ANY_DISK).look() is Room.OUTCOMES_ONLY
    assert list(tmp_path.iterdir()) == []


def test_ballast_is_spent_when_the_disk_is_full(tmp_path: Path) -> None:
    """When less than a quarter of the ballast is free beside it, it makes room for outcomes."""
    (tmp_path / "ballast").write_bytes(b"laid down when there was room")
    assert Ballast(tmp_path / "ballast", MORE_THAN_ANY_DISK).look() is Room.OUTCOMES_ONLY
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    ["effect.happened", "effect.not_done", "effect.uncertain", "effect.contradicted", "run.stopped", "run.parked"],
)
async def test_on_a_full_disk_outcomes_are_still_taken(place: Place, kind: str) -> None:
    """A start without room refuses new work by that name, and records how what had begun ended."""
    async with place.opened() as ledger:
        chain = new_chain(await ledger.open_account())
        await ledger.append(chain, START, said("begun", kind="effect.intended"))
    async with place.opened(ballast=MORE_THAN_ANY_DISK) as ledger:
        assert ledger.room is Room.OUTCOMES_ONLY
        for refused in (said("more work"), said("a new intent", kind="effect.intended")):
            with pytest.raises(NoRoom):
                await ledger.append(chain, await ledger.head(chain), refused)
        with pytest.raises(NoRoom):
            await ledger.append(chain, await ledger.head(chain), said("done", kind=kind), said("more work"))
        await ledger.append(chain, await ledger.head(chain), said("done", kind=kind))
        assert [event.header.kind for event in await ledger.run(chain)] == ["effect.intended", kind]
    async with place.opened() as ledger:
        assert ledger.room is Room.ENOUGH
        await ledger.append(chain, await ledger.head(chain), Entry(kind="run.ended", actor="kernel"))


async def test_a_first_start_without_room_is_refused_and_can_be_tried_again(place: Place) -> None:
    """A new home on a full disk is refused by name; with room, the same program makes it."""
    with pytest.raises(NoRoom):
        async with place.opened(ballast=MORE_THAN_ANY_DISK):
            pass
    async with place.opened() as ledger:
        assert ledger.room is Room.ENOUGH
        await ledger.open_account()
    assert place.verify().ok
