"""Files that somebody gives a run: held against their hash, locked on the disk, there while anybody refers to them."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

import apsw
import httpx2
import pytest

from haloop.kernel.errors import Corrupt, LedgerClosed, NoRoom, Refused
from haloop.kernel.fact import ArtifactAdded
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain
from haloop.store.backup import back_up
from haloop.store.restore import restore_home
from haloop.store.verify import verify_home
from tests.api.conftest import Door

WORDS = b"a very particular offer " * 5_000
"""More than one piece."""


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


async def put(
    door: Door, run: str, content: bytes, *, client: httpx2.AsyncClient | None = None, **query: str
) -> httpx2.Response:
    at = f"/api/runs/{run}/artifacts/{digest_of(content)}"
    return await (client or door.client).put(at, content=content, params=query)


def files(door: Door) -> list[Path]:
    return sorted((door.practice.home / "artifacts").glob("*/*"))


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # nobody tells whoever looks at a disk
            await asyncio.sleep(0.01)


async def erased(door: Door, run: RunId) -> None:
    await door.practice.engine.cancel(door.practice.account, run, by="kernel")
    await door.practice.engine.settled()
    await door.practice.engine.erase(door.practice.account, run, by=door.ana, why="asked for it")


async def test_a_file_comes_out_as_it_went_in_and_lies_there_locked(door: Door) -> None:
    """It is a fact of the run; the bytes on the disk say nothing, and neither does their name."""
    run = await door.asked()

    made = await put(door, run, WORDS, name="offer.txt")

    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["name"], told["size"], told["by"]) == ("offer.txt", len(WORDS), f"person:{door.ana}")
    assert await door.got(f"/api/runs/{run}/artifacts") == [told]
    got = await door.client.get(told["file"])
    assert got.content == WORDS
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''offer.txt"
    (file,) = files(door)
    assert WORDS[:24] not in file.read_bytes()
    assert digest_of(WORDS) not in file.name
    trail = (await door.got(f"/api/runs/{run}"))["trail"]
    assert [one["says"] for one in trail if one["kind"] == "artifact.added"] == [
        {"digest": digest_of(WORDS), "media_type": "application/octet-stream", "name": "offer.txt", "size": len(WORDS)}
    ]


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 128 * 1024])
async def test_a_file_of_any_length_comes_back(door: Door, size: int) -> None:
    """Also an empty one, and one that ends where a piece does."""
    run, content = await door.asked(), b"x" * size
    told = (await put(door, run, content)).json()
    assert (await door.client.get(told["file"])).content == content


async def test_a_run_goes_on_whatever_it_was_given(door: Door) -> None:
    """Before and after a restart: the gate still waits, a yes still counts, and its history still replays."""
    run = await door.asked()
    await put(door, run, WORDS)
    await door.practice.restart()
    door.house.identity.engine = door.practice.engine

    gate = await door.practice.view(door.practice.gate_of(run))

    assert gate.gate.status == "open"
    await door.practice.yes(run, door.ana)
    assert (await door.practice.kinds(run))[-1] == "run.ended"
    assert "artifact.added" in await door.practice.kinds(run)


async def test_a_run_has_room_left_to_be_decided(door: Door, monkeypatch: Any) -> None:
    """There is an end to how many files it takes; one that it has may be sent again."""
    monkeypatch.setattr("haloop.api.artifacts.OF_A_RUN_MAX", 1)
    run = await door.asked()
    first = await put(door, run, WORDS)
    more = await put(door, run, b"more")
    again = await put(door, run, WORDS)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (more.status_code, more.json()["code"]) == (409, "artifact.too_many")


async def test_what_is_not_what_its_hash_says_counts_for_nothing(door: Door) -> None:
    """Nothing is recorded, and nothing stays on the disk."""
    run = await door.asked()
    wrong = await door.client.put(f"/api/runs/{run}/artifacts/{'0' * 64}", content=WORDS)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "artifact.digest")
    for name in ("../up", "a\u202eb", "", "x" * 121, ".."):
        assert (await put(door, run, WORDS, name=name)).status_code == 422, name
    assert files(door) == []
    assert await door.got(f"/api/runs/{run}/artifacts") == []


async def test_the_same_twice_is_there_once(door: Door) -> None:
    """In one run, however often and however many at once it is sent; in two runs one file, and each refers to it."""
    first, second = await door.asked(), await door.asked()
    sent = await asyncio.gather(*(put(door, first, WORDS) for _ in range(5)))
    await put(door, second, WORDS)

    assert {answer.status_code for answer in sent} <= {200, 201}
    assert len(await door.got(f"/api/runs/{first}/artifacts")) == 1
    assert len(await door.got(f"/api/runs/{second}/artifacts")) == 1
    assert len(files(door)) == 1


async def test_a_file_goes_with_the_last_run_that_refers_to_it(door: Door) -> None:
    """One of two is erased: the other still reads it; then that one is, and nothing is left."""
    first, second = await door.asked(), await door.asked()
    for run in (first, second):
        await put(door, run, WORDS)

    await erased(door, first)

    assert await door.got(f"/api/runs/{first}/artifacts") == []
    (still,) = await door.got(f"/api/runs/{second}/artifacts")
    assert (await door.client.get(still["file"])).content == WORDS
    await erased(door, second)
    assert files(door) == []
    gone = await door.client.get(still["file"])
    assert (gone.status_code, gone.json()["code"]) == (404, "artifact.unknown")


async def test_a_run_that_ended_takes_no_more(door: Door) -> None:
    """It is said so, and what came is not kept."""
    run = await door.asked()
    await door.decide(await door.gate(run))
    late = await put(door, run, WORDS)
    assert (late.status_code, late.json()["code"]) == (409, "run.over")
    assert files(door) == []


async def test_an_agent_gives_files_to_its_own_runs_alone(door: Door) -> None:
    """Another's is not there for it; a person who may only look gives none at all."""
    theirs = await door.asked()
    async with await door.agent() as agent:
        order = {"order": {"cents": 500, "item": "tea", "shop": "Karl"}}
        body = {"desk": "shop", "procedure": "buy_if_asked", "arguments": order}
        mine = (await agent.post("/api/requests", json=body)).json()["run"]
        assert (await put(door, mine, WORDS, client=agent)).json()["by"] == "agent:shopper"
        assert (await put(door, theirs, WORDS, client=agent)).status_code == 404
        await put(door, theirs, WORDS)
        assert (await agent.get(f"/api/runs/{theirs}/artifacts/{digest_of(WORDS)}")).status_code == 404


async def test_no_agent_reads_what_the_house_kept_itself(door: Door) -> None:
    """What a failed visit to a shop saw may hold a person's session there; people read it, agents do not."""
    async with await door.agent() as agent:
        order = {"order": {"cents": 500, "item": "tea", "shop": "Karl"}}
        body = {"desk": "shop", "procedure": "buy_if_asked", "arguments": order}
        run = RunId((await agent.post("/api/requests", json=body)).json()["run"])
        fact = ArtifactAdded(digest=digest_of(WORDS), size=len(WORDS), name="trace.zip", media_type="", key=b"k" * 32)
        await door.practice.engine.add_artifact(door.practice.account, run, fact, by="kernel")

        assert (await agent.get(f"/api/runs/{run}/artifacts")).json() == []
        assert (await agent.get(f"/api/runs/{run}/artifacts/{digest_of(WORDS)}")).status_code == 404
        assert [one["name"] for one in await door.got(f"/api/runs/{run}/artifacts")] == ["trace.zip"]


async def test_more_than_the_limit_is_not_taken(door: Door) -> None:
    """A large file is; one larger than the setting says is not, and no other route takes so much."""
    run = await door.asked()
    large = b"x" * (3 << 20)
    assert (await put(door, run, large)).status_code == 201
    door.app.state.house = replace(door.house, artifact_bytes_max=2 << 20)
    refused = [await put(door, run, large), await door.client.post("/api/requests", content=large)]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(413, "request.too_large")] * 2


async def test_what_breaks_off_leaves_nothing(door: Door) -> None:
    """Somebody goes away in the middle of sending."""
    run = await door.asked()
    host, _, port = door.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT /api/runs/{run}/artifacts/{'0' * 64} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 999999\r\n"
    token = door.client.headers["authorization"]
    writer.write(f"{head}Authorization: {token}\r\n\r\n".encode() + b"x" * 200_000)
    await writer.drain()
    await _until(lambda: len(files(door)) == 1)
    writer.close()
    await _until(lambda: files(door) == [])
    assert await reader.read() == b""


async def test_a_crash_before_the_fact_leaves_what_the_next_start_clears(door: Door) -> None:
    """The file was durable and the process died: nobody refers to it, and half a file is no better."""
    run = await door.asked()
    kept = (await put(door, run, b"kept")).json()
    half = door.practice.home / "artifacts" / door.practice.account / f"{'0' * 64}.part"
    half.write_bytes(b"haloop/artifact/1\n")
    incoming = await door.practice.ledger.artifacts.receive(door.practice.account, 10)
    incoming.add(b"never told")
    incoming.settle()
    assert len(files(door)) == 3

    await door.practice.restart()

    await _until(lambda: len(files(door)) == 1)
    (fact,) = [one for one in await door.practice.facts(run) if isinstance(one, ArtifactAdded)]
    read = door.practice.ledger.artifacts.read(door.practice.account, fact.key)
    assert (b"".join(read), kept["size"]) == (b"kept", 4)


async def test_a_fact_that_is_refused_leaves_no_file(door: Door) -> None:
    """The ledger says no at the last moment: what was written goes, and what others refer to stays."""
    run, other = await door.asked(), await door.asked()
    await put(door, other, WORDS)
    chain = Chain(account=door.practice.account, run_id=run)

    async def refuse(_: bytes) -> None:
        raise LedgerClosed("No more.")

    for content in (b"new", WORDS):
        incoming = await door.practice.ledger.artifacts.receive(door.practice.account, len(content))
        incoming.add(content)
        with pytest.raises(LedgerClosed):
            await door.practice.ledger.artifacts.keep(chain, incoming, refuse)

    assert len(files(door)) == 1
    assert (await door.client.get(f"/api/runs/{other}/artifacts/{digest_of(WORDS)}")).content == WORDS


async def test_the_ledgers_room_is_not_given_away(door: Door) -> None:
    """What effects did must still be written, so what would fill the disk is refused by name."""
    with pytest.raises(NoRoom):
        await door.practice.ledger.artifacts.receive(door.practice.account, 1 << 60)


async def test_verify_names_the_event_whose_file_is_gone_or_changed(door: Door) -> None:
    """One bit, one missing file, one that holds something else under the same key: each is found."""
    run = await door.asked()
    told = (await put(door, run, WORDS)).json()
    (file,) = files(door)
    home, whole = door.practice.home, file.read_bytes()
    well = verify_home(home)
    assert (well.problems, well.artifacts) == ([], 1)

    for bent in (
        bytes([whole[0] ^ 1]) + whole[1:],
        whole[:-1] + bytes([whole[-1] ^ 1]),
        whole[: len(whole) // 2],
        None,
    ):
        if bent is None:
            file.unlink()
        else:
            file.write_bytes(bent)
        (problem,) = verify_home(home).problems
        assert (problem.kind, problem.run_id) == ("artifact.added", run)
        answer = await _read(door, told["file"])
        assert answer != WORDS


async def _read(door: Door, at: str) -> Any:
    """What somebody gets who asks for a file that is not as it was."""
    try:
        answer = await door.client.get(at)
    except httpx2.RemoteProtocolError:
        return None
    assert answer.status_code == 500
    return answer.json()["code"]


async def test_a_backup_takes_the_files_along(door: Door, tmp_path: Path) -> None:
    """Locked as they are; restored elsewhere, every reference leads to its file again."""
    run = await door.asked()
    await put(door, run, WORDS)
    copy, keys, elsewhere = tmp_path / "copy", tmp_path / "keys", tmp_path / "elsewhere"

    await asyncio.to_thread(back_up, door.practice.home, copy, keys=keys, now=0)

    assert [path.name for path in (copy / "artifacts").glob("*/*")] == [path.name for path in files(door)]
    assert verify_home(copy, keys=keys).artifacts == 1
    await asyncio.to_thread(restore_home, elsewhere, copy, keys=keys, force=False, now=0)
    report = verify_home(elsewhere)
    assert (report.problems, report.artifacts) == ([], 1)
    next((copy / "artifacts").glob("*/*")).unlink()
    assert len(verify_home(copy, keys=keys).problems) == 1


@pytest.mark.parametrize("harm", ["no folder", "no file", "another byte"])
async def test_a_backup_that_lost_its_files_is_not_restored(door: Door, tmp_path: Path, harm: str) -> None:
    """It is refused by name and nothing was touched; by force the rest comes back, and what is lost is counted."""
    await put(door, await door.asked(), WORDS)
    copy, keys, elsewhere = tmp_path / "copy", tmp_path / "keys", tmp_path / "elsewhere"
    await asyncio.to_thread(back_up, door.practice.home, copy, keys=keys, now=0)
    (file,) = (copy / "artifacts").glob("*/*")
    if harm == "no folder":
        rmtree(copy / "artifacts")
    elif harm == "no file":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"!")

    with pytest.raises(Refused, match="1 artifact") as refused:
        restore_home(elsewhere, copy, keys=keys, force=False, now=0)

    assert refused.value.code == "restore.artifacts_missing"
    assert [path.name for path in elsewhere.iterdir()] == ["lock"]
    assert restore_home(elsewhere, copy, keys=keys, force=True, now=0).artifacts_missing == 1


async def test_a_home_that_lost_a_file_makes_no_backup(door: Door, tmp_path: Path) -> None:
    """Also where the whole folder is gone; what is made is nothing that looks like a backup."""
    await put(door, await door.asked(), WORDS)
    rmtree(door.practice.home / "artifacts")

    with pytest.raises(Corrupt, match="1 artifact"):
        await asyncio.to_thread(back_up, door.practice.home, tmp_path / "copy", keys=tmp_path / "keys", now=0)

    assert [*(tmp_path / "copy").iterdir()] == []


@pytest.mark.parametrize("damaged", ["home", "copy"])
async def test_a_restore_takes_each_file_from_where_it_is_whole(door: Door, tmp_path: Path, damaged: str) -> None:
    """The home's own was changed, or the backup's was: afterwards it is as it was."""
    await put(door, await door.asked(), WORDS)
    copy, keys, home = tmp_path / "copy", tmp_path / "keys", door.practice.home
    await asyncio.to_thread(back_up, home, copy, keys=keys, now=0)
    await door.practice.stop()
    (file,) = ({"home": home, "copy": copy}[damaged] / "artifacts").glob("*/*")
    file.write_bytes(b"haloop/artifact/1\nnothing that opens")

    done = restore_home(home, copy, keys=keys, force=True, now=0)

    report = verify_home(home)
    assert (done.artifacts_missing, report.problems, report.artifacts) == (0, [], 1)
    await door.practice.restart()


async def test_a_reader_of_an_old_log_keeps_no_file(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log could not be cut, and whoever asked hears so: the file is gone all the same, and so are words in memory.

    They are forgotten once more after the keys went: somebody may have read them in between.
    """
    monkeypatch.setattr("haloop.store.eraser._WIPE_SECONDS_MAX", 0.0)
    forgotten: list[str] = []
    door.practice.engine.watch_erasures(lambda _account, run: forgotten.append(run))
    run = await door.asked()
    await put(door, run, WORDS)
    await door.decide(await door.gate(run))
    with closing(apsw.Connection(str(door.practice.home / "ledger.db"))) as reader:
        reading = reader.execute("SELECT * FROM event")
        next(reading)
        with pytest.raises(Refused) as refused:
            await door.practice.engine.erase(door.practice.account, run, by=door.ana, why="asked for it")
        reading.close()

    assert refused.value.code == "erase.reader_open"
    assert files(door) == []
    assert forgotten == [run, run]


async def test_a_start_after_going_back_clears_nothing(door: Door, tmp_path: Path) -> None:
    """An older backup has forgotten what refers to a file: it stays until recovery is over."""
    run = await door.asked()
    copy, keys = tmp_path / "copy", tmp_path / "keys"
    await asyncio.to_thread(back_up, door.practice.home, copy, keys=keys, now=0)
    await put(door, run, WORDS)
    await door.practice.stop()
    await asyncio.to_thread(restore_home, door.practice.home, copy, keys=keys, force=True, now=0)

    await door.practice.restart()

    await door.practice.ledger.artifacts.let_go(Chain(account=door.practice.account, run_id=run))
    assert len(files(door)) == 1
