"""Checkpoints that somebody kept elsewhere: a start holds the ledger against them, and believes no stranger's."""

import shutil
from pathlib import Path

import pytest

from haloop.kernel.errors import HomeUnusable
from tests.store.conftest import Place, history, more


@pytest.mark.parametrize("name", ["checkpoint.txt", "mail 3", "ü.note"])
async def test_a_ledger_that_lost_what_a_kept_checkpoint_saw_opens_in_recovery_mode(
    place: Place, tmp_path: Path, name: str
) -> None:
    """The home was rolled back and its witness with it; a checkpoint in somebody's mail still knows."""
    chain = await history(place)
    old, kept = Place(tmp_path / "old", tmp_path / "new state"), tmp_path / "kept"
    shutil.copytree(place.home, old.home)
    kept.mkdir()
    await more(place, chain)
    async with place.opened() as ledger:
        note = await ledger.sealed(chain.account, len(await ledger.events(chain.account)) - 1)
    kept.joinpath(name).write_text(note)

    async with old.opened(checkpoints=kept) as ledger:
        assert ledger.recovery is not None
        assert chain.account in ledger.recovery


async def test_an_up_to_date_ledger_opens_in_peace(place: Place, tmp_path: Path) -> None:
    """Whatever it was that was kept, this ledger begins with it."""
    chain = await history(place)
    kept = tmp_path / "kept"
    kept.mkdir()
    async with place.opened() as ledger:
        both = [await ledger.sealed(account, 0) for account in (chain.account, ledger.system)]
        kept.joinpath("both").write_text("".join(both))
    async with place.opened(checkpoints=kept) as ledger:
        assert ledger.recovery is None


async def test_what_this_home_did_not_sign_is_left_alone(place: Place, tmp_path: Path) -> None:
    """Another home's checkpoint, a forged one, a picture: none of them is a reason to stop."""
    await history(place)
    stranger = Place(tmp_path / "stranger", tmp_path / "their state")
    theirs = await history(stranger)
    kept = tmp_path / "kept"
    kept.mkdir()
    async with stranger.opened() as ledger:
        note = await ledger.sealed(theirs.account, 0)
    kept.joinpath("theirs").write_text(note)
    kept.joinpath("picture").write_bytes(b"\x89PNG\xff")
    kept.joinpath("cut short").write_text(note[:-10])
    kept.joinpath("folder").mkdir()

    async with place.opened(checkpoints=kept) as ledger:
        assert ledger.recovery is None


async def test_a_folder_that_is_not_there_stops_the_start(place: Place, tmp_path: Path) -> None:
    """Whoever asked for a comparison is not told that all is well without one."""
    with pytest.raises(HomeUnusable) as refused:
        async with place.opened(checkpoints=tmp_path / "nowhere"):
            pass
    assert refused.value.code == "checkpoints.unreadable"
