"""Proofs at the command line: of an event, of a checkpoint kept elsewhere, and everything as one file."""

import json
from pathlib import Path

import pytest

from haloop.client import Client
from haloop.kernel.checkpoint import Checkpoint, sign
from haloop.kernel.ledger import origin
from tests.api.conftest import TOKEN
from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, asked, neighbour
from tests.store.conftest import Place

__all__ = ["neighbour"]


def _note(neighbour: Neighbour) -> str:
    async def fetch() -> str:
        async with Client(neighbour.door.address, TOKEN) as client:
            return await client.checkpoint()

    return neighbour.do(fetch())


def _key(neighbour: Neighbour) -> str:
    return str(neighbour.door.house.ledger.verifier_key(neighbour.door.practice.account))


def test_an_event_is_proved_here_with_hashes_from_there(haloop: Haloop, neighbour: Neighbour, tmp_path: Path) -> None:
    """The exit code tells whether it is known who signed; the proof's file is the published form."""
    asked(haloop)
    file = tmp_path / "event.proof"

    known = haloop("proof", "1", "--key", _key(neighbour), "--out", file)

    assert (known.code, known.out.splitlines()[-1]) == (0, "OK: signed by the key given")
    assert file.read_text().startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    assert haloop("proof", "1").code == 3
    assert haloop("proof", "99999").code == 4
    assert haloop("proof").code == 2
    assert haloop("proof", "1", "--since", file).code == 2


def test_whoever_kept_a_checkpoint_sees_that_nothing_before_it_was_changed(
    haloop: Haloop, neighbour: Neighbour, tmp_path: Path
) -> None:
    """A checkpoint that this ledger did grow from holds; a forged one, with another root, does not."""
    kept, forged = tmp_path / "kept.note", tmp_path / "forged.note"
    kept.write_text(_note(neighbour))
    asked(haloop)
    name = origin(neighbour.door.practice.account, 1)
    signer = neighbour.door.house.ledger._signer
    forged.write_text(sign(Checkpoint(origin=name, size=2, root=b"\1" * 32), signer))

    holds = haloop("proof", "--since", kept, "--key", _key(neighbour))

    assert (holds.code, holds.out.splitlines()[-1]) == (0, "OK: signed by the key given")
    assert haloop("proof", "--since", kept).code == 3
    lies = haloop("proof", "--since", forged, "--key", _key(neighbour), "--json")
    assert (lies.code, lies.document["error"]["code"]) == (1, "proof.bad")


def test_everything_is_fetched_and_verified(haloop: Haloop, neighbour: Neighbour, tmp_path: Path) -> None:
    """Without a home to read, the file comes over HTTP, and its next line verifies it."""
    asked(haloop)
    file = tmp_path / "ledger.jsonl"

    said = haloop("export", "--out", file)

    assert said.code == 0
    assert f"haloop verify {file} --key" in said.out
    assert haloop("verify", file, "--key", _key(neighbour)).out.splitlines()[-1] == "OK"
    assert json.loads(file.read_bytes().splitlines()[0])["account"] == neighbour.door.practice.account
    assert haloop("export", "--out", file).code == 2
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


def test_an_export_has_an_address_or_an_account(
    haloop: Haloop, neighbour: Neighbour, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address may be given; a home that no process serves is read by its account alone."""
    (place.home / "runtime" / "haloop.pid").unlink()
    monkeypatch.setenv("HALOOP_TOKEN", TOKEN)
    file = tmp_path / "there.jsonl"

    there = haloop("export", "--address", neighbour.door.address, "--out", file, "--json")
    both = haloop("export", "acc_1", "--address", neighbour.door.address, "--out", tmp_path / "both")
    nowhere = haloop("export", "--address", "http://127.0.0.1:1", "--out", tmp_path / "none")

    assert there.document["key"] == _key(neighbour)
    assert (both.code, nowhere.code) == (2, 5)
    assert not (tmp_path / "none").exists()


def test_files_are_given_to_a_run_and_fetched_from_it(haloop: Haloop, neighbour: Neighbour, tmp_path: Path) -> None:
    """What comes back is what was given, under a name that no shell obeys; nothing is overwritten."""
    run, _ = asked(haloop)
    offer = tmp_path / "an offer; rm -rf.txt"
    offer.write_bytes(b"twelve euros fifty")

    added = haloop("artifacts", run, "--add", offer)
    fetched = haloop("artifacts", run, "--out", tmp_path / "kept", "--json")

    assert (added.code, "an offer; rm -rf.txt  18 bytes" in added.out) == (0, True)
    (one,) = fetched.document["artifacts"]
    assert Path(one["file"]).name.endswith("-an-offer--rm--rf.txt")
    assert Path(one["file"]).read_bytes() == b"twelve euros fifty"
    assert haloop("artifacts", run, "--out", tmp_path / "kept").code == 2
    assert haloop("artifacts", asked(haloop)[0]).out == "It refers to no files.\n"
