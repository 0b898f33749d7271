"""The examination: each ailment is found, says what to do, and nothing is changed by looking."""

import os
import shutil
from pathlib import Path

import pytest

from haloop.kernel.clock import Reading, SystemClock, boot_id
from haloop.kernel.errors import HomeUnusable
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import Chain
from haloop.store.doctor import Check, Verdict, examine
from haloop.store.home import FileLock
from haloop.store.sqlite import SqliteLedger
from haloop.store.witness import read_notes, witness_path
from tests.store.conftest import Place

SECOND = 1_000_000


class MovedClock:
    """This machine's clocks, with the wall clock moved."""

    def __init__(self, seconds: int) -> None:
        self._moved = seconds * SECOND

    def read(self) -> Reading:
        now = SystemClock().read()
        return Reading(wall=now.wall + self._moved, boot=now.boot)


def look(place: Place, *, moved: int = 0, sqlite: str | None = None) -> dict[str, Check]:
    return {check.name: check for check in examine(place.home, place.state, MovedClock(moved), sqlite=sqlite)}


def failed(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.verdict is Verdict.FAILED]


def test_a_well_home_has_nothing_to_do(place: Place, past: Chain) -> None:
    """A home that was closed in order passes every check."""
    checks = look(place)

    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert {check.next_step for check in checks.values()} == {""}


def test_looking_changes_nothing(place: Place, past: Chain) -> None:
    """Every file that the home had is byte for byte the same afterwards, the lock included."""
    before = {path: path.read_bytes() for path in place.home.iterdir() if not path.name.endswith(("-shm", "-wal"))}

    look(place)

    assert {path: path.read_bytes() for path in before} == before


async def test_a_living_ledger_is_well(place: Place, ledger: SqliteLedger, account: AccountId) -> None:
    """Beside a running process nothing fails, and the process that has the home is named."""
    await ledger.sealed(account, 0)

    checks = look(place)

    assert failed(checks) == []
    assert checks["lock"].sentence == f"Process {os.getpid()} has the home."


def test_a_lock_that_nobody_holds_is_no_process(place: Place, past: Chain) -> None:
    """The number left in the lock file by a process that ended is not called its holder."""
    lock = FileLock(place.home / "lock")
    lock.take()
    lock.release()

    assert look(place)["lock"].sentence == "No process has the home."


def test_a_home_that_is_not_there_says_so(place: Place) -> None:
    """Without a home the machine is still examined."""
    checks = look(place)

    assert failed(checks) == ["home"]
    assert "sqlite" in checks


def test_an_old_sqlite_fails(place: Place, past: Chain) -> None:
    """A library with the corruption bug is named, with how to replace it."""
    check = look(place, sqlite="3.50.4")["sqlite"]

    assert check.verdict is Verdict.FAILED
    assert "uv sync" in check.next_step


@pytest.mark.parametrize(("name", "command"), [("", "chmod 0700"), ("secrets", "chmod 0600")])
def test_what_others_can_reach_fails(place: Place, past: Chain, name: str, command: str) -> None:
    """A home or a signing key that others may read is named, with the command that closes it."""
    (place.home / name).chmod(0o755)

    check = look(place)["permissions"]

    assert check.verdict is Verdict.FAILED
    assert check.next_step.startswith(command)


def test_a_missing_keys_file_fails(place: Place, past: Chain) -> None:
    """Without keys.db the home says what is lost, before a start makes a new one."""
    (place.home / "keys.db").unlink()

    check = look(place)["keys"]

    assert check.verdict is Verdict.FAILED
    assert "before the next start" in check.next_step


def test_a_key_lost_without_an_erasure_fails(place: Place, past: Chain) -> None:
    """Keys that are gone without a reason are counted."""
    place.home.joinpath("keys.db").chmod(0o600)
    with place.editing("keys.db") as connection:
        list(connection.execute("DELETE FROM key WHERE key_id = 3"))

    assert look(place)["keys"].sentence.startswith("1 of ")


def test_a_clock_behind_the_ledger_fails(place: Place, past: Chain) -> None:
    """A wall clock that is earlier than the newest fact is wrong."""
    check = look(place, moved=-3600)["clock"]

    assert check.verdict is Verdict.FAILED
    assert "behind the newest event" in check.sentence


@pytest.mark.skipif(not boot_id(), reason="this system does not name its boots")
@pytest.mark.parametrize(("moved", "verdict"), [(59, Verdict.OK), (61, Verdict.FAILED)])
async def test_a_clock_moved_since_the_start_fails(place: Place, past: Chain, moved: int, verdict: Verdict) -> None:
    """The wall clock is held against boot time since the last start, whatever the time of day."""
    async with place.opened():
        pass

    assert look(place, moved=moved)["clock"].verdict is verdict


def test_a_ledger_behind_its_witness_fails(place: Place, past: Chain) -> None:
    """A home that lacks what the witness saw is said to have gone back."""
    place.edit("DELETE FROM event WHERE kind = 'run.ended'", "UPDATE tree SET size = size - 1 WHERE tree = 2")

    assert "witness" in failed(look(place))


def test_a_home_without_a_witness_is_told_what_that_means(place: Place, past: Chain) -> None:
    """That nothing outside remembers a home is worth a note, not a failure."""
    shutil.rmtree(place.state)

    check = look(place)["witness"]

    assert check.verdict is Verdict.NOTE
    assert "going back would not be noticed" in check.sentence


async def test_a_damaged_witness_fails_by_name(place: Place, past: Chain) -> None:
    """A witness file that cannot be read is named with its path."""
    (file,) = [path for path in place.state.rglob("sys_*") if path.suffix != ".lock"]
    file.write_text("{")

    assert str(file) in look(place)["witness"].sentence
    with pytest.raises(HomeUnusable):
        read_notes(witness_path(place.state, AccountId(file.name)))


def test_unsigned_events_are_noted(place: Place, past: Chain) -> None:
    """Facts that no checkpoint covers are counted."""
    place.edit("DELETE FROM checkpoint WHERE tree = 2")

    check = look(place)["checkpoint"]

    assert check.verdict is Verdict.NOTE
    assert "3 event(s) are newer" in check.sentence


def test_a_restored_home_waits_for_somebody(place: Place, past: Chain) -> None:
    """A home that a backup was put into says so, with the reason that was left."""
    (place.home / "restored").write_text("A backup of Tuesday was restored.\n")

    check = look(place)["recovery"]

    assert check.verdict is Verdict.FAILED
    assert check.sentence == "A backup of Tuesday was restored."


async def test_recovery_mode_fails_until_it_is_ended(place: Place, past: Chain) -> None:
    """While recovery mode is on somebody has something to do; afterwards nobody has."""
    (place.home / "restored").write_text("A backup of Tuesday was restored.")
    async with place.opened():
        pass
    during = failed(look(place))
    async with place.opened() as ledger:
        await ledger.end_recovery(actor="person:ana")

    assert during == ["recovery"]
    assert failed(look(place)) == []


async def test_an_erasure_that_was_cut_off_fails(place: Place, past: Chain, tmp_path: Path) -> None:
    """A recorded erasure whose key is still there is counted."""
    shutil.copy(place.home / "keys.db", tmp_path / "keys.db")
    async with place.opened() as ledger:
        await ledger.erase_run(past, actor="person:ana", why="asked for it")
    for log in ("keys.db-wal", "keys.db-shm"):
        (place.home / log).unlink(missing_ok=True)
    shutil.copy(tmp_path / "keys.db", place.home / "keys.db")

    assert failed(look(place)) == ["erasures"]


def test_a_ledger_that_is_no_database_fails(place: Place, past: Chain) -> None:
    """A damaged file ends the examination with its name, not with a stack of calls."""
    (place.home / "ledger.db").write_bytes(b"not a database" * 1000)

    check = look(place)["ledger"]

    assert check.verdict is Verdict.FAILED
    assert "ledger.db" in check.sentence


def test_a_cut_off_restore_is_noted(place: Place, past: Chain) -> None:
    """What a killed restore left behind is named, with how it goes away."""
    (place.home / "restore.unfinished").mkdir()

    assert look(place)["restore"].verdict is Verdict.NOTE


def test_a_spent_ballast_is_noted(place: Place, past: Chain) -> None:
    """A home without its reserve says so."""
    (place.home / "ballast").unlink()

    assert look(place)["disk"].verdict is Verdict.NOTE
