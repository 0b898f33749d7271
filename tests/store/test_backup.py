"""A backup: what it holds, and what it refuses to be put beside or over."""

import stat
from pathlib import Path

import pytest

from haloop.kernel.errors import BadInput, Corrupt, HomeMissing, Refused
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START, Chain
from haloop.store.backup import back_up
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import verify_home
from tests.store.conftest import Place, ended, new_chain, said

NOW = 1_800_000_000_000_000


async def test_a_backup_beside_a_writing_ledger_holds(
    place: Place, ledger: SqliteLedger, account: AccountId, backup: Path, keys: Path
) -> None:
    """A backup made while facts are being recorded is whole, and its pair of folders opens every word."""
    pending = [ledger.append(new_chain(account), START, said(f"word {n}"), ended()) for n in range(200)]
    made = back_up(place.home, backup, keys=keys, now=NOW)
    for each in pending:
        await each

    (keys / "ledger.db").symlink_to(backup / "ledger.db")
    report = verify_home(keys)

    assert report.ok
    assert report.events == made.events


def test_the_ledger_and_the_keys_lie_apart(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """The ledger's folder has no key in it, and only the owner can read either folder."""
    back_up(place.home, backup, keys=keys, now=NOW)

    assert sorted(path.name for path in backup.iterdir()) == ["ledger.db", "manifest.json"]
    assert sorted(path.name for path in keys.iterdir()) == ["keys.db", "secrets"]
    assert {path.stat().st_mode & 0o077 for folder in (backup, keys) for path in (folder, *folder.iterdir())} == {0}


@pytest.mark.parametrize(
    ("ledger_at", "keys_at"),
    [("backup", "backup"), ("backup", "backup/keys"), ("home/backup", "keys"), ("backup", "home/keys"), (".", "keys")],
)
def test_what_protects_is_not_kept_with_what_it_protects(
    past: Chain, place: Place, tmp_path: Path, ledger_at: str, keys_at: str
) -> None:
    """A backup inside the home, or with its keys beside it, is refused and nothing is written."""
    with pytest.raises(BadInput) as refused:
        back_up(place.home, tmp_path / ledger_at, keys=tmp_path / keys_at, now=NOW)

    assert refused.value.code == "backup.same_place"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "state"]


@pytest.mark.parametrize("name", ["ledger.db", "manifest.json", "unfinished"])
def test_nothing_is_overwritten(past: Chain, place: Place, backup: Path, name: str) -> None:
    """A folder that has a backup, finished or not, is left as it is."""
    backup.mkdir()
    (backup / name).write_text("dear to somebody")

    with pytest.raises(BadInput) as refused:
        back_up(place.home, backup, keys=None, now=NOW)

    assert refused.value.code == "output.exists"
    assert (backup / name).read_text() == "dear to somebody"


def test_a_damaged_home_makes_no_backup(past: Chain, place: Place, backup: Path, keys: Path) -> None:
    """A copy that does not hold is not called a backup, and says which event is bad."""
    place.edit("UPDATE part SET body = zeroblob(64) WHERE name = 'words'")

    with pytest.raises(Corrupt, match=r"event 1 .*words") as refused:
        back_up(place.home, backup, keys=keys, now=NOW)

    assert refused.value.code == "backup.bad"
    assert list(backup.iterdir()) == list(keys.iterdir()) == []


def test_a_home_that_is_not_there_makes_no_backup(tmp_path: Path, backup: Path) -> None:
    """An empty folder is no home to back up."""
    with pytest.raises(HomeMissing):
        back_up(tmp_path / "nothing", backup, keys=None, now=NOW)


async def test_a_copy_by_the_writer_itself_is_its_owners_alone_and_overwrites_nothing(
    place: Place, tmp_path: Path
) -> None:
    """A live ledger copies itself and its keys into files that nobody else may read; what is there stays."""
    ledger_copy, keys_copy = tmp_path / "ledger.db", tmp_path / "keys.db"
    async with place.opened() as ledger:
        await ledger.open_account()
        await ledger.back_up(ledger_copy, keys=keys_copy)
        assert [stat.S_IMODE(copy.stat().st_mode) for copy in (ledger_copy, keys_copy)] == [0o600, 0o600]
        with pytest.raises(Refused):
            await ledger.back_up(ledger_copy)
    assert verify_home(tmp_path).ok
