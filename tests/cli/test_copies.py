"""`haloop backup`, `ship` and `restore` as a person meets them."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from haloop.kernel.ids import AccountId
from haloop.store.verify import verify_home
from tests.cli.conftest import Haloop, ending, running, start
from tests.store.conftest import Place, until


def test_a_lost_home_comes_back(haloop: Haloop, account: AccountId, place: Place, tmp_path: Path) -> None:
    """Backup, loss, restore: the home verifies, and doctor says that recovery waits for somebody."""
    haloop("backup", tmp_path / "backup", "--keys", tmp_path / "keys")
    shutil.rmtree(place.home)

    restored = haloop("restore", tmp_path / "backup", "--keys", tmp_path / "keys")

    assert restored.code == 0
    assert "recovery mode" in restored.out
    assert haloop("verify").code == 0
    assert haloop("doctor").code == 1


def test_a_backup_says_why_the_keys_go_elsewhere(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """Whoever keeps the two apart learns why; whoever leaves the keys out learns what that means."""
    with_keys = haloop("backup", tmp_path / "one", "--keys", tmp_path / "keys")
    without = haloop("backup", tmp_path / "two")

    assert "erasing means forgetting a key" in with_keys.out
    assert "nothing said can be read" in without.out


def test_a_running_home_is_backed_up_and_shipped_but_not_replaced(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path
) -> None:
    """Beside a process that records without pause, backup and ship succeed, and restore is refused by its number."""
    with running(place) as child:
        backup = haloop("backup", tmp_path / "backup", "--keys", tmp_path / "keys", "--json")
        shipped = haloop("ship", tmp_path / "copy", "--json")
        refused = haloop("restore", tmp_path / "backup", "--force", "--json")

    assert (backup.code, shipped.code, refused.code) == (0, 0, 5)
    assert shipped.document["held"] > 0
    assert refused.document["error"]["code"] == "home.locked"
    assert str(child.pid) in refused.document["error"]["sentence"]
    assert haloop("verify", tmp_path / "copy").code == 0


async def test_ship_follows_until_it_is_stopped(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path
) -> None:
    """With `--follow`, what is recorded later arrives by itself, and the keyboard ends it in order."""
    before = haloop("ship", tmp_path / "copy", "--json").document["held"]
    follow = ("ship", tmp_path / "copy", "--follow", "0.05", "--json")
    with running(place), ending(start(*follow)) as shipping:
        await until(lambda: verify_home(tmp_path / "copy", bodies=False).events > before + 10)
        assert shipping.stderr is not None
        assert "shipped" in shipping.stderr.readline()  # so it follows by now
        shipping.send_signal(signal.SIGINT)
        out, _ = shipping.communicate(timeout=20)

    assert shipping.returncode == 0
    assert '"events":' in out
    assert verify_home(tmp_path / "copy", bodies=False).ok


def test_a_shipped_copy_can_be_restored(haloop: Haloop, account: AccountId, place: Place, tmp_path: Path) -> None:
    """What was shipped, with a backup of the keys, is a home again."""
    haloop("ship", tmp_path / "copy")
    haloop("backup", tmp_path / "backup", "--keys", tmp_path / "keys")
    shutil.rmtree(place.home)

    assert haloop("restore", tmp_path / "copy", "--keys", tmp_path / "keys").code == 0
    assert haloop("verify").code == 0


def test_a_backup_is_made_once(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """The same folder a second time is refused."""
    haloop("backup", tmp_path / "backup")

    said = haloop("backup", tmp_path / "backup", "--json")

    assert said.code == 2
    assert said.document["error"]["code"] == "output.exists"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk this small")
@pytest.mark.parametrize(
    "words", [["backup", "DISK/backup"], ["ship", "DISK/copy"], ["export", "ACCOUNT", "--out", "DISK/x"]]
)
def test_a_full_disk_leaves_nothing_half(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path, words: list[str]
) -> None:
    """Where a copy does not fit, it says so, leaves no half of it behind, and the home is as it was."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", disk], check=True)
    (disk / "filler").write_bytes(bytes(16 * 1024))
    try:
        said = haloop(*[word.replace("DISK", str(disk)).replace("ACCOUNT", account) for word in words], "--json")
        left = {path.name for path in disk.rglob("*") if path.is_file() and path.stat().st_size}
    finally:
        subprocess.run(["umount", disk], check=True)

    assert said.document["error"]["code"] == "disk.full"
    assert left - {"lock", "ledger.db", "ledger.db-wal", "ledger.db-shm"} == {"filler"}
    assert haloop("verify").code == 0
