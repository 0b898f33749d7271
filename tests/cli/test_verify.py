"""`haloop verify` for everything it takes: what it says of what holds, and of each thing that does not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from haloop.kernel.checkpoint import read_unverified, sign
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START
from haloop.store.signing import FileSigner
from tests.cli.conftest import Haloop, running
from tests.store.conftest import Place, new_chain
from tests.store.conftest import said as said_in

# A home


def test_a_home_that_holds(haloop: Haloop, account: AccountId, place: Place) -> None:
    """A home is told as one, counted, and called OK."""
    said = haloop("verify")

    assert said.code == 0
    assert f"{place.home}: taken for a home" in said.out
    assert "6 event(s) in 2 tree(s); 4 part(s) opened, 0 erased" in said.out
    assert said.out.endswith("OK\n")


def test_a_home_beside_the_process_that_runs_it(haloop: Haloop, account: AccountId, place: Place) -> None:
    """While another process records facts, verify reads along and finds nothing wrong."""
    with running(place):
        said = haloop("verify", "--json")

    assert said.code == 0
    assert said.document["ok"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a folder read-only")
def test_a_home_on_a_disk_that_cannot_be_written(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path
) -> None:
    """A read-only home is verified as it lies."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    subprocess.run(["mount", "--bind", "-o", "ro", place.home, mounted], check=True)
    try:
        said = haloop("verify", mounted)
    finally:
        subprocess.run(["umount", mounted], check=True)

    assert said.code == 0


def test_the_first_bad_event_is_named(haloop: Haloop, account: AccountId, place: Place) -> None:
    """A changed word is found and told by index, kind, run and account."""
    place.edit("UPDATE part SET body = zeroblob(64) WHERE name = 'wish'")

    said = haloop("verify")

    assert said.code == 1
    assert "BAD: event 1 (run.started, run_" in said.out
    assert account in said.out
    assert "OK" not in said.out


async def test_a_home_that_went_back_is_noticed_by_the_witness(
    haloop: Haloop, account: AccountId, place: Place, tmp_path: Path
) -> None:
    """A home that lacks what its witness saw holds in itself, and is still bad."""
    await go_back(place, account, tmp_path)

    said = haloop("verify")

    assert said.code == 1
    assert "does not begin with them" in said.out


def test_a_home_is_held_against_a_checkpoint_kept_elsewhere(
    haloop: Haloop, account: AccountId, tmp_path: Path, place: Place
) -> None:
    """A checkpoint from before a rewrite is not in the ledger any more; without it nobody could know."""
    haloop("checkpoint", account, "--out", tmp_path / "kept")
    (tmp_path / "forged").write_text((tmp_path / "kept").read_text().replace("\n3\n", "\n2\n"))

    assert haloop("verify", "--checkpoint", tmp_path / "kept").code == 0
    said = haloop("verify", "--checkpoint", tmp_path / "kept", "--checkpoint", tmp_path / "forged")
    assert said.code == 1
    assert "does not begin with them" in said.out


def test_headers_only_needs_no_keys(haloop: Haloop, account: AccountId, place: Place) -> None:
    """Without keys.db the hashes can still be checked; what is said cannot, and that is an answer of its own."""
    (place.home / "keys.db").unlink()

    assert haloop("verify", "--headers-only").code == 0
    said = haloop("verify", "--json")
    assert said.code == 1
    assert said.document["problems"][0]["code"] == "key.missing"


def test_the_key_of_a_home_is_held_against_its_signatures(haloop: Haloop, account: AccountId, key: str) -> None:
    """The right key changes nothing; a key that signed nothing here makes the home bad."""
    wrong = haloop("key").out.splitlines()[0].replace("sys_", "acc_")

    assert haloop("verify", "--key", key).code == 0
    assert haloop("verify", "--key", key.replace(account, "acc_" + "0" * 32)).code == 1
    assert haloop("verify", "--key", wrong).code == 1


def test_a_home_signed_anew_fails_under_the_old_key(haloop: Haloop, account: AccountId, key: str, place: Place) -> None:
    """A checkpoint that somebody else signed over the same tree is found by whoever has the old key."""
    old = "\n".join(haloop("checkpoint", account).out.splitlines()) + "\n"
    new = sign(read_unverified(old), FileSigner(Ed25519PrivateKey.generate()))
    place.edit(f"UPDATE checkpoint SET note = '{new}' WHERE tree = 2")

    assert haloop("verify", "--headers-only").code == 0
    assert haloop("verify", "--headers-only", "--key", key).code == 1


def test_a_backup_is_verified_as_a_copy(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """A backup has no keys and may be behind the witness; it is told as a copy and holds."""
    haloop("backup", tmp_path / "backup")

    said = haloop("verify", tmp_path / "backup")

    assert said.code == 0
    assert "taken for a copy of a ledger" in said.out
    assert "nothing said was opened" in said.out


@pytest.mark.parametrize("what", ["missing", "empty", "not a database", "another database"])
def test_what_is_no_home_is_refused_by_name(haloop: Haloop, place: Place, tmp_path: Path, what: str) -> None:
    """A folder without a ledger, or with something else under its name, ends in a sentence."""
    folder = tmp_path / "folder"
    if what != "missing":
        folder.mkdir()
    if what == "not a database":
        (folder / "ledger.db").write_bytes(b"some text that is no database\n" * 100)
    if what == "another database":
        Place(folder, tmp_path).home.mkdir(exist_ok=True)
        with Place(folder, tmp_path).editing() as connection:
            list(connection.execute("CREATE TABLE mine (x)"))

    said = haloop("--home", folder, "verify", "--json")

    expected = {"missing": 5, "empty": 5, "not a database": 1, "another database": 5}
    assert said.code == expected[what]
    assert said.document["error"]["next_step"]


def test_a_table_that_was_dropped_is_found(haloop: Haloop, account: AccountId, place: Place) -> None:
    """A ledger that lost a whole table is bad, not a crash."""
    with place.editing() as connection:
        list(connection.execute("DROP TABLE checkpoint"))

    assert haloop("verify").code == 1


# A receipt


@pytest.fixture
def receipt(haloop: Haloop, account: AccountId, tmp_path: Path) -> Path:
    haloop("receipt", account, "1:wish", "2", "--out", tmp_path / "receipt.json")
    return tmp_path / "receipt.json"


def test_a_receipt_says_who_signed_only_with_the_key(haloop: Haloop, receipt: Path, key: str) -> None:
    """With the key a receipt is proved; without it, consistent from a signer nobody knows, with its own exit code."""
    with_key, without = haloop("verify", receipt, "--key", key), haloop("verify", receipt)

    assert (with_key.code, without.code) == (0, 3)
    assert "taken for a receipt" in with_key.out
    assert without.out.endswith("CONSISTENT, SIGNER UNKNOWN: give --key\n")


def test_what_a_receipt_says_cannot_steer_the_terminal(haloop: Haloop, receipt: Path) -> None:
    """A control character in a disclosed word is spelled out, on paper and in JSON."""
    assert r"wish: a table for two\u001b[2J" in haloop("verify", receipt).out
    said = haloop("verify", receipt, "--json")
    assert "\x1b" not in said.out
    assert said.document["events"][0]["parts"] == {"size": None, "wish": "a table for two\x1b[2J"}


def test_a_changed_receipt_names_its_bad_event(haloop: Haloop, receipt: Path) -> None:
    """A changed word is refused, and the event that does not hold is named."""
    receipt.write_text(receipt.read_text().replace("run.ended", "run.endet"))

    said = haloop("verify", receipt)

    assert said.code == 1
    assert "event 2 (run.endet" in said.err


@pytest.mark.parametrize("cut", [2, 100, -2])
def test_a_truncated_receipt_is_refused(haloop: Haloop, receipt: Path, cut: int) -> None:
    """A receipt that lost its end is not read at all."""
    receipt.write_bytes(receipt.read_bytes()[:cut])

    said = haloop("verify", receipt, "--json")

    assert said.code == 1
    assert said.document["error"]["code"] == "receipt.malformed"


def test_a_wrong_key_is_no_unknown_signer(haloop: Haloop, receipt: Path, key: str) -> None:
    """A key that did not sign makes a receipt bad; it never falls back to 'signer unknown'."""
    system = haloop("key").out.splitlines()[0]

    assert haloop("verify", receipt, "--key", system).code == 1
    assert haloop("verify", receipt, "--key", "nonsense").code == 1


# An exported checkpoint


def test_a_checkpoint_is_held_against_key_and_home(
    haloop: Haloop, account: AccountId, key: str, tmp_path: Path
) -> None:
    """An exported checkpoint holds if its signature does and the home begins with what it saw."""
    haloop("checkpoint", account, "--out", tmp_path / "note")

    assert haloop("verify", tmp_path / "note", "--key", key).code == 0
    assert haloop("verify", tmp_path / "note").code == 3


def test_all_checkpoints_of_a_home_fit_in_one_file(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """One file for the whole home is verified with all of its keys, and not called known with one of them missing."""
    haloop("checkpoint", "--out", tmp_path / "notes")
    system, mine = haloop("key").out.splitlines()

    assert haloop("verify", tmp_path / "notes", "--key", system, "--key", mine).code == 0
    assert haloop("verify", tmp_path / "notes", "--key", mine).code == 1
    assert haloop("verify", tmp_path / "notes").code == 3


def test_a_foreign_checkpoint_is_refused(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """A checkpoint of another log is not in this home."""
    haloop("checkpoint", account, "--out", tmp_path / "note")
    (tmp_path / "note").write_text((tmp_path / "note").read_text().replace(account, "acc_" + "0" * 32))

    assert haloop("verify", tmp_path / "note").code == 1


def test_a_forged_signature_is_refused(haloop: Haloop, account: AccountId, key: str, tmp_path: Path) -> None:
    """A checkpoint whose signature was changed does not hold under the key."""
    haloop("checkpoint", account, "--out", tmp_path / "note")
    text = (tmp_path / "note").read_text()
    (tmp_path / "note").write_text(text[:-10] + ("A" if text[-10] != "A" else "B") + text[-9:])

    said = haloop("verify", tmp_path / "note", "--key", key, "--json")

    assert said.code == 1
    assert said.document["error"]["code"] == "note.bad_signature"


async def test_a_checkpoint_of_what_the_home_forgot_is_refused(
    haloop: Haloop, account: AccountId, key: str, tmp_path: Path, place: Place
) -> None:
    """A good signature over more than the home has means that the home went back."""
    await go_back(place, account, tmp_path)

    said = haloop("verify", tmp_path / "kept", "--key", key)

    assert said.code == 1
    assert "does not begin with them" in said.out


async def go_back(place: Place, account: AccountId, tmp_path: Path) -> None:
    """Record one more fact, keep the checkpoint over it, and put the home back to where it was before."""
    shutil.copytree(place.home, tmp_path / "before")
    async with place.opened() as ledger:
        (index,) = await ledger.append(new_chain(account), START, said_in("forgotten"))
        (tmp_path / "kept").write_text(await ledger.sealed(account, index))
    shutil.rmtree(place.home)
    shutil.copytree(tmp_path / "before", place.home)


# An export file, and what is none of these


def test_an_export_is_verified_without_the_home(
    haloop: Haloop, account: AccountId, key: str, tmp_path: Path, place: Place
) -> None:
    """An export holds after its home is gone."""
    haloop("export", account, "--out", tmp_path / "export")
    shutil.rmtree(place.home)

    assert haloop("verify", tmp_path / "export", "--key", key).code == 0
    assert haloop("verify", tmp_path / "export").code == 3


def test_a_changed_export_names_its_line(haloop: Haloop, account: AccountId, tmp_path: Path) -> None:
    """The first line that does not hold is named."""
    haloop("export", account, "--out", tmp_path / "export")
    (tmp_path / "export").write_text((tmp_path / "export").read_text().replace("run.started", "run.starved"))

    said = haloop("verify", tmp_path / "export")

    assert said.code == 1
    assert "Line 3 does not hold" in said.err


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff\xfe\x00", b"SQLite format 3\x00" + bytes(100)])
def test_what_is_nothing_of_haloops_is_said_to_be_so(haloop: Haloop, tmp_path: Path, content: bytes) -> None:
    """A file of another kind is not called bad: it is called unknown."""
    (tmp_path / "file").write_bytes(content)

    said = haloop("verify", tmp_path / "file", "--json")

    assert said.code == 2
    assert said.document["error"]["code"] == "verify.unknown"


def test_a_file_that_is_not_there(haloop: Haloop, tmp_path: Path) -> None:
    """A wrong path ends in a sentence that names it."""
    said = haloop("verify", tmp_path / "nowhere")

    assert said.code == 5
    assert str(tmp_path / "nowhere") in said.err
    assert "next:" in said.err


@pytest.mark.parametrize("option", [["--checkpoint", "x"], ["--headers-only"]])
def test_an_option_that_would_be_ignored_is_refused(haloop: Haloop, receipt: Path, option: list[str]) -> None:
    """Nothing that was asked for is passed over as if it had been checked."""
    assert haloop("verify", receipt, *option).code == 2
