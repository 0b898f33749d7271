"""The ledger from outside: every checkpoint, proofs that a stranger checks by themselves, and all of it as one file."""

import asyncio
import io
import sys
from base64 import b64decode
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from haloop.kernel.checkpoint import Proof, VerifierKey, open_note, read_unverified
from haloop.kernel.ledger import Header, leaf_hash
from haloop.kernel.merkle import verify_consistency, verify_inclusion
from haloop.store.export import verify_export
from haloop.store.signing import verify_ed25519
from tests.api.conftest import Door, client_of


async def _key(door: Door) -> VerifierKey:
    return VerifierKey.parse((await door.got("/api/ledger/key"))["key"])


async def test_an_event_is_proved_under_any_checkpoint_that_saw_it(door: Door) -> None:
    """From the leaf's own bytes to a signed root, with nothing else but the key; an older checkpoint does too."""
    await door.decide(await door.gate(await door.asked()))
    early = open_note((await door.got("/api/ledger/checkpoint"))["note"], await _key(door), verify_ed25519)
    await door.decide(await door.gate(await door.asked()))
    newest = read_unverified((await door.got("/api/ledger/checkpoint"))["note"])

    for how, size in (({}, newest.size), ({"size": early.size}, early.size)):
        for index in (0, early.size - 1):
            given = await door.got(f"/api/ledger/events/{index}/proof", params=how)
            path = Proof.parse(given["proof"])
            signed = open_note(path.note, await _key(door), verify_ed25519)
            verify_inclusion(leaf_hash(given["header"].encode()), index, signed.size, path.hashes, signed.root)
            assert (path.index, Header.decode(given["header"].encode()).account) == (index, door.practice.account)
            assert signed.size == size
    assert newest.size > early.size


async def test_the_ledger_is_shown_to_begin_with_what_a_witness_kept(door: Door) -> None:
    """The root that somebody wrote down long ago is led to by the hashes; another one is not."""
    kept = read_unverified((await door.got("/api/ledger/checkpoint"))["note"])
    for _ in range(3):
        await door.decide(await door.gate(await door.asked()))

    given = await door.got("/api/ledger/consistency", params={"since": kept.size})

    now = open_note(given["note"], await _key(door), verify_ed25519)
    assert (given["since"], given["size"]) == (kept.size, now.size)
    assert now.size > kept.size
    verify_consistency(kept.size, kept.root, now.size, now.root, [b64decode(one) for one in given["hashes"]])


async def test_every_checkpoint_is_listed_once(door: Door) -> None:
    """Page by page, the newest first; each is signed, and each size of an account only grows."""
    for _ in range(3):
        await door.asked()
        await door.got("/api/ledger/checkpoint")
    whole = (await door.got("/api/ledger/checkpoints"))["checkpoints"]
    found: list[dict[str, Any]] = []
    before = None
    while True:
        page = await door.got("/api/ledger/checkpoints", params={"limit": 1, **({"before": before} if before else {})})
        found += page["checkpoints"]
        before = page["before"]
        if before is None:
            break

    assert found == whole
    assert len(found) >= 3
    key = await _key(door)
    sizes = [open_note(one["note"], key, verify_ed25519).size for one in found]
    assert sizes == sorted({one["size"] for one in found}, reverse=True)


async def test_what_nobody_signed_is_not_proved(door: Door) -> None:
    """An event that is not there, a size that no checkpoint has, a beginning longer than the whole: each is named."""
    await door.asked()
    for path, query, code in (
        ("/api/ledger/events/99999/proof", {}, "ledger.not_found"),
        ("/api/ledger/events/1/proof", {"size": 99_999}, "checkpoint.unknown"),
        ("/api/ledger/consistency", {"since": 99_999}, "ledger.not_found"),
        ("/api/ledger/consistency", {"since": 1, "size": 99_999}, "checkpoint.unknown"),
    ):
        answer = await door.client.get(path, params=query)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
    assert (await door.client.get("/api/ledger/consistency")).status_code == 422


async def test_a_stranger_checks_the_downloaded_file(door: Door, tmp_path: Path) -> None:
    """All that was recorded until now is in it, and `haloop verify` proves it with the key and without the home."""
    await door.decide(await door.gate(await door.asked()))
    size = await door.house.ledger.size(door.practice.account)

    answer = await door.client.get("/api/ledger/export")

    file = tmp_path / "ledger.jsonl"
    file.write_bytes(answer.content)
    key = await _key(door)
    found = verify_export(io.BytesIO(answer.content), {key.name: key})
    assert (found.events, found.signer) == (size, key)
    assert answer.headers["content-disposition"].endswith(f'"ledger-{door.practice.account}.jsonl"')
    program = "import sys; from haloop.cli import main; sys.exit(main())"
    elsewhere = {"HALOOP_HOME": str(tmp_path / "nowhere"), "PATH": "/usr/bin:/bin"}
    checking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "verify", str(file), "--key", str(key)),
        env=elsewhere,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await checking.communicate()
    assert (checking.returncode, out.splitlines()[-1]) == (0, b"OK")


async def test_an_erasure_goes_on_while_somebody_downloads_slowly(door: Door) -> None:
    """Whoever stopped reading in the middle keeps no old words alive, and holds up nobody."""
    run = await door.asked()
    await door.decide(await door.gate(run))
    async with AsyncExitStack() as stack:
        slow = await stack.enter_async_context(door.client.stream("GET", "/api/ledger/export"))
        assert slow.status_code == 200
        async with asyncio.timeout(10):
            await door.practice.engine.erase(door.practice.account, run, by=door.ana, why="asked for it")


async def test_only_so_many_exports_are_made_at_a_time(door: Door) -> None:
    """One more is told to wait, and is taken once a place is free."""
    turns = door.app.state.exports
    while not turns.locked():
        await turns.acquire()
    refused = await door.client.get("/api/ledger/export")
    turns.release()
    taken = await door.client.get("/api/ledger/export")

    assert (refused.status_code, refused.json()["code"]) == (429, "request.too_many")
    assert taken.status_code == 200
    assert not turns.locked()


async def test_the_servers_own_opinion_is_named_as_that(door: Door) -> None:
    """It says that it is its own, by what each yes is proved, and where the file is; an agent hears of its own runs."""
    run = await door.asked()
    await door.decide(await door.gate(run))

    opinion = await door.got(f"/api/runs/{run}/opinions/buy")

    assert (opinion["holds"], opinion["said_yes"]) == (True, ["the ledger alone says who it was"])
    assert opinion["opinion_of"] == "this Haloop, of its own receipt"
    assert (await door.client.get(opinion["file"])).status_code == 200
    assert opinion["key"] == str(await _key(door))
    nothing = await door.client.get(f"/api/runs/{run}/opinions/sell")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "receipt.nothing")
    async with await door.agent() as agent, client_of(door.address, None) as stranger:
        assert (await agent.get(f"/api/runs/{run}/opinions/buy")).status_code == 404
        assert (await stranger.get(f"/api/runs/{run}/opinions/buy")).status_code == 401
