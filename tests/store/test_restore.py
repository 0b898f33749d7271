"""A restore: what it leaves of a home when it is refused, cut off or done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from haloop.kernel.errors import Corrupt, HomeLocked, HomeMissing, RecoveryOpen, Refused
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import EFFECT_INTENDED, START, Chain, Entry
from haloop.store.backup import back_up
from haloop.store.home import FileLock
from haloop.store.restore import restore_home
from haloop.store.sqlite import SqliteLedger
from tests.store.conftest import REPOSITORY, Place, ended, new_chain, said

NOW = 1_800_000_000_000_000
LATER = NOW + 1_000_000


async def add(place: Place, account: AccountId, words: str) -> None:
    async with place.opened() as ledger:
        await ledger.append(new_chain(account), START, said(words), ended())


async def words_in(ledger: SqliteLedger, account: AccountId) -> list[bytes]:
    events = await ledger.events(account)
    return [await ledger.body(event, "words") for event in events if "words" in event.parts]


async def test_a_restored_home_starts_in_recovery_mode(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """A lost home comes back with every word, with the old signing key, and lets nothing irreversible start."""
    key = place.signer.public_key
    back_up(place.home, backup, keys=keys, now=NOW)
    shutil.rmtree(place.home)
    shutil.rmtree(place.state)

    done = restore_home(place.home, backup, keys=keys, force=False, now=LATER)

    assert not done.new_signing_key
    assert place.signer.public_key == key
    async with place.opened() as ledger:
        assert await words_in(ledger, past.account) == [b'"long ago"']
        assert ledger.recovery is not None
        assert "its newest fact is of" in ledger.recovery
        with pytest.raises(RecoveryOpen):
            ledger.append(new_chain(past.account), START, Entry(kind=EFFECT_INTENDED, actor="kernel"))
    assert place.verify().ok


async def test_what_was_there_is_set_aside_whole(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """After a forced restore the newer ledger still exists, and can itself be restored."""
    back_up(place.home, backup, keys=keys, now=NOW)
    await add(place, past.account, "after the backup")

    done = restore_home(place.home, backup, keys=None, force=True, now=LATER)
    assert done.aside is not None
    assert not done.keys_missing
    async with place.opened() as ledger:
        assert await words_in(ledger, past.account) == [b'"long ago"']

    restore_home(place.home, done.aside, keys=None, force=True, now=LATER + 1_000_000)
    async with place.opened() as ledger:
        assert await words_in(ledger, past.account) == [b'"long ago"', b'"after the backup"']


async def test_newer_facts_are_not_set_aside_unasked(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """A home whose ledger can be read and has more than the backup is left alone, and the events are counted."""
    back_up(place.home, backup, keys=keys, now=NOW)
    await add(place, past.account, "after the backup")

    with pytest.raises(Refused, match=r" 3 of its events") as refused:
        restore_home(place.home, backup, keys=None, force=False, now=LATER)

    assert refused.value.code == "restore.would_set_aside"
    assert not (place.home / "restored").exists()
    assert place.verify().ok


def test_a_damaged_ledger_gives_way_without_force(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """A home that cannot be opened is what backups are for."""
    back_up(place.home, backup, keys=keys, now=NOW)
    (place.home / "ledger.db").write_bytes(b"no database at all" * 1000)

    done = restore_home(place.home, backup, keys=None, force=False, now=LATER)

    assert done.aside is not None
    assert (done.aside / "ledger.db").read_bytes().startswith(b"no database")
    assert place.verify().ok


def test_a_running_home_is_not_replaced(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """While a process has the home, a restore is refused and names that process."""
    back_up(place.home, backup, keys=keys, now=NOW)
    running = FileLock(place.home / "lock")
    running.take()

    with pytest.raises(HomeLocked, match=str(os.getpid())):
        restore_home(place.home, backup, keys=None, force=True, now=LATER)

    running.release()


@pytest.mark.parametrize("name", ["ledger.db", "manifest.json"])
def test_a_changed_backup_is_not_restored(past: Chain, place: Place, backup: Path, keys: Path, name: str) -> None:
    """A backup in which one byte was changed is refused before the home is touched."""
    back_up(place.home, backup, keys=keys, now=NOW)
    raw = bytearray((backup / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (backup / name).write_bytes(raw)

    with pytest.raises(Corrupt) as refused:
        restore_home(place.home, backup, keys=keys, force=True, now=LATER)

    assert refused.value.code == "backup.bad"
    assert not (place.home / "restored").exists()
    assert place.verify().ok


async def test_a_backup_whose_manifest_was_rewritten_too_is_verified(
    past: Chain, place: Place, backup: Path, keys: Path
) -> None:
    """Without its manifest, a ledger with a changed event is still refused, by the event's name."""
    back_up(place.home, backup, keys=keys, now=NOW)
    (backup / "manifest.json").unlink()
    Place(backup, place.state).edit("UPDATE event SET actor = 'agent:eve' WHERE kind = 'step.done'")

    with pytest.raises(Corrupt, match=r"event 1 \(step\.done"):
        restore_home(place.home, backup, keys=keys, force=True, now=LATER)


async def test_the_keys_of_another_home_are_refused(
    past: Chain, place: Place, backup: Path, keys: Path, tmp_path: Path
) -> None:
    """Keys that have the right numbers but open nothing are not put into the home."""
    other = Place(tmp_path / "other", tmp_path / "other-state")
    async with other.opened() as ledger:
        await ledger.open_account()
    back_up(place.home, backup, keys=None, now=NOW)
    back_up(other.home, tmp_path / "other-backup", keys=keys, now=NOW)

    with pytest.raises(Corrupt) as refused:
        restore_home(place.home, backup, keys=keys, force=True, now=LATER)

    assert refused.value.code == "backup.bad"
    assert place.verify().ok


def test_words_are_not_given_up_unasked(past: Chain, place: Place, backup: Path) -> None:
    """A ledger whose keys nobody has is restored only by force, because its words stay unreadable."""
    back_up(place.home, backup, keys=None, now=NOW)
    shutil.rmtree(place.home)

    with pytest.raises(Refused) as refused:
        restore_home(place.home, backup, keys=None, force=False, now=LATER)
    done = restore_home(place.home, backup, keys=None, force=True, now=LATER)

    assert refused.value.code == "restore.keys_missing"
    assert done.keys_missing > 0
    assert done.new_signing_key


async def test_an_erasure_outlives_the_restore_of_an_older_backup(
    past: Chain, place: Place, backup: Path, keys: Path
) -> None:
    """What was erased after the backup stays unreadable when the ledger comes back and the keys stay."""
    back_up(place.home, backup, keys=keys, now=NOW)
    async with place.opened() as ledger:
        await ledger.erase_run(past, actor="person:ana", why="asked for it")

    done = restore_home(place.home, backup, keys=None, force=True, now=LATER)

    assert done.keys_missing == 1
    async with place.opened():
        pass
    report = place.verify()
    assert report.ok
    assert report.erased_parts == 1


def test_a_folder_without_a_ledger_is_no_backup(past: Chain, place: Place, tmp_path: Path) -> None:
    """An empty folder is refused, and the home stays as it is."""
    with pytest.raises(HomeMissing):
        restore_home(place.home, tmp_path, keys=None, force=True, now=LATER)

    assert place.verify().ok


RESTORE = """
import sys
from pathlib import Path
from haloop.store.restore import restore_home
home, backup, keys = map(Path, sys.argv[1:])
restore_home(home, backup, keys=keys, force=True, now=1_800_000_001_000_000)
"""


@pytest.mark.skipif(shutil.which("strace") is None and "CI" not in os.environ, reason="strace is not installed")
@pytest.mark.parametrize("home_has_keys", [True, False])
async def test_a_restore_cut_off_anywhere_leaves_a_home_that_starts(
    past: Chain, place: Place, backup: Path, keys: Path, tmp_path: Path, *, home_has_keys: bool
) -> None:
    """Killed at any of its renames and links, a restore leaves the old home or the new one, in recovery mode."""
    back_up(place.home, backup, keys=keys, now=NOW)
    await add(place, past.account, "after the backup")
    if not home_has_keys:
        (place.home / "keys.db").unlink()
        (place.home / "ledger.db").unlink()
    shutil.rmtree(place.state)  # nothing but the marker may be needed to notice
    found = set()

    for call in ("link,linkat", "rename,renameat,renameat2"):
        for nth in range(1, 20):
            twin = Place(tmp_path / f"{call}-{nth}", tmp_path / f"{call}-{nth}-state")
            shutil.copytree(place.home, twin.home)
            code = restore_until_killed(call, nth, twin.home, backup, keys)
            if (twin.home / "ledger.db").exists():
                async with twin.opened() as ledger:
                    words = await words_in(ledger, past.account)
                    assert ledger.recovery is not None or words[-1] == b'"after the backup"'
                    found.add(len(words))
                assert twin.verify().ok
            if code == 0:
                break
        assert nth < 19

    assert found == ({1, 2} if home_has_keys else {1})


def restore_until_killed(call: str, nth: int, home: Path, backup: Path, keys: Path) -> int:
    kill = [
        "strace",
        "-f",
        "-qq",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:signal=KILL:when={nth}",
        "-o",
        os.devnull,
    ]
    script = [sys.executable, "-B", "-c", RESTORE, str(home), str(backup), str(keys)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run([*kill, *script], env=environment, check=False, capture_output=True).returncode
