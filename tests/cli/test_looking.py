"""`haloop key`, `checkpoint`, `receipt`, `export` and `doctor`: what they print and the files they leave."""

import subprocess
import sys
from pathlib import Path

import pytest

from haloop.kernel.ids import AccountId
from tests.cli.conftest import Haloop, running
from tests.store.conftest import REPOSITORY, Place

SCRIPT = REPOSITORY / "tools" / "verify_receipt.py"


def test_a_stranger_checks_a_receipt_with_the_key_that_was_printed(
    haloop: Haloop, account: AccountId, key: str, tmp_path: Path
) -> None:
    """The dependency-free script proves what `haloop receipt` wrote, with what `haloop key` printed."""
    haloop("receipt", account, "1:wish,size", "2", "--out", tmp_path / "receipt")

    found = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "receipt", "--key", key], capture_output=True, text=True, check=False
    )

    assert found.returncode == 0
    assert "PROVED: 2 event(s)" in found.stdout


def test_everything_can_be_looked_at_beside_a_running_process(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path
) -> None:
    """None of the commands that look needs the home for itself."""
    with running(place) as child:
        codes = [
            haloop("key").code,
            haloop("checkpoint").code,
            haloop("receipt", account, "1:wish", "--out", tmp_path / "receipt").code,
            haloop("export", account, "--out", tmp_path / "export").code,
        ]
        doctor = haloop("doctor")

    assert codes == [0, 0, 0, 0]
    assert f"Process {child.pid} has the home." in doctor.out


def test_the_printed_checkpoint_is_the_stored_note(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """What is printed and what is written are the same signed note, byte for byte."""
    printed = haloop("checkpoint", account).out
    haloop("checkpoint", account, "--out", tmp_path / "note")

    assert (tmp_path / "note").read_text() == printed
    assert printed.startswith(f"haloop.local/{account}\n3\n")


@pytest.mark.parametrize("command", [("receipt", "1"), ("export",), ("checkpoint",)])
def test_no_file_is_overwritten(haloop: Haloop, account: AccountId, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A file that exists stays what it was."""
    (tmp_path / "file").write_text("dear to somebody")

    said = haloop(command[0], account, *command[1:], "--out", tmp_path / "file")

    assert said.code == 2
    assert (tmp_path / "file").read_text() == "dear to somebody"
    assert not (tmp_path / "file.part").exists()


def test_files_are_for_their_owner(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """What can be read in an export or a receipt is not for everybody on the machine."""
    haloop("export", account, "--out", tmp_path / "export")
    haloop("receipt", account, "1:wish", "--out", tmp_path / "receipt")

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("export", "receipt")] == [0o600, 0o600]


@pytest.mark.parametrize(
    ("events", "code", "error"),
    [
        (["x"], 2, "receipt.usage"),
        (["-1"], 2, "usage.bad"),
        (["1", "1"], 2, "receipt.usage"),
        (["99"], 4, "ledger.not_found"),
        (["1:nothing"], 4, "ledger.not_found"),
        (["1" * 400], 2, "receipt.usage"),
        ([], 2, "receipt.usage"),
    ],
)
def test_events_that_cannot_be_shown(
    haloop: Haloop, account: AccountId, tmp_path: Path, events: list[str], code: int, error: str
) -> None:
    """A wrong index or part ends in a sentence, and no file is left."""
    said = haloop("receipt", account, *events, "--out", tmp_path / "receipt", "--json")

    assert said.code == code
    assert said.document["error"]["code"] == error
    assert list(tmp_path.glob("receipt*")) == []


def test_whoever_means_a_runs_receipts_is_told_how(haloop: Haloop) -> None:
    """A run where an account and an index are wanted: the command that was meant is named."""
    said = haloop("receipt", "run_12")
    assert (said.code, "haloop receipts run_12 --out FOLDER" in said.err) == (2, True)


async def test_what_was_erased_cannot_be_shown(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path
) -> None:
    """A receipt never discloses an erased part, and an export names it."""
    async with place.opened() as ledger:
        await ledger.erase_part(await ledger.event(account, 1), "wish", actor="person:ana", why="asked for it")

    receipt = haloop("receipt", account, "1:wish", "--out", tmp_path / "receipt", "--json")
    export = haloop("export", account, "--out", tmp_path / "export", "--json")

    assert receipt.document["error"]["code"] == "payload.erased"
    assert export.document["erased"] == 1


@pytest.mark.parametrize("command", ["key", "checkpoint"])
def test_an_account_nobody_knows(haloop: Haloop, account: AccountId, command: str) -> None:
    """An id that is none, and one of nobody, are two answers."""
    assert haloop(command, "ana", "--json").document["error"]["code"] == "id.bad"
    assert haloop(command, "acc_" + "0" * 32, "--json").document["error"]["code"] == "ledger.not_found"


def test_a_folder_that_takes_no_file(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """A path into nowhere is named."""
    said = haloop("export", account, "--out", tmp_path / "nowhere" / "export")

    assert said.code == 5
    assert "nowhere" in said.err


def test_a_damaged_tree_makes_no_receipt(haloop: Haloop, account: AccountId, place: Place, tmp_path: Path) -> None:
    """A receipt that a stranger could not check is not written."""
    place.edit("UPDATE event SET leaf_hash = zeroblob(32) WHERE position = (SELECT max(position) FROM event)")

    said = haloop("receipt", account, "1", "--out", tmp_path / "receipt")

    assert said.code == 1
    assert not (tmp_path / "receipt").exists()


def test_doctor_has_one_line_for_each_check(haloop: Haloop, account: AccountId, place: Place) -> None:
    """Each line begins with its verdict; a failure carries what to do, and the exit code says that there is one."""
    well = haloop("doctor")
    place.home.chmod(0o755)
    ill = haloop("doctor")

    assert (well.code, ill.code) == (0, 1)
    assert all(line.startswith(("ok ", "note")) for line in well.out.splitlines())
    assert "chmod 0700" in next(line for line in ill.out.splitlines() if line.startswith("FAIL"))
