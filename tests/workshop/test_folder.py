"""A mission's folder is a faithful copy of the ledger: it can be thrown away, and nothing in it counts by itself."""

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from haloop.wire.missions import CODE_HEADER, MissionLog
from haloop.workshop.folder import MissionFolder, MissionFolders
from haloop.workshop.tail import TAIL_BYTES
from tests.workshop.conftest import Shop, opened_shop

NOTHING = sha256().hexdigest()
Moment = tuple[str, str]
"""What Python's audit calls a call to the system, and a part of a path that it is given."""
AWAY: Moment = ("os.rename", "/artifacts/structured-text.md")
OUT: Moment = ("open", "/taken")
MOMENTS: list[Moment] = [AWAY, OUT, ("os.link", "/artifacts/structured-text.md"), ("os.remove", "/taken")]
"""Of a file that is put back: before it is taken away, looked at, followed by what stands, and removed."""


class Moments:
    """What is done right before this process does something to a file, once: its audit tells it of that."""

    def __init__(self) -> None:
        self._awaited: dict[Moment, Callable[[], None]] = {}
        sys.addaudithook(self._hear)  # for good: there is no way to take it back

    @contextmanager
    def before(self, moment: Moment, act: Callable[[], None]) -> Iterator[None]:
        self._awaited[moment] = act
        try:
            yield
        finally:
            never_came = self._awaited.pop(moment, None)
        assert never_came is None

    def _hear(self, event: str, told: tuple[object, ...]) -> None:
        for moment in [one for one in self._awaited if one[0] == event and any(one[1] in str(this) for this in told)]:
            self._awaited.pop(moment)()


@pytest.fixture(scope="session")
def moments() -> Moments:
    return Moments()


async def until(is_so: Any) -> None:
    """Wait for the folders, which are written beside everything else."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110  # what is waited for is a file
            await asyncio.sleep(0.02)


def folder_of(shop: Shop, mission: str) -> Path:
    return shop.practice.home / "missions" / mission


def says(folder: Path) -> dict[str, str]:
    """Every file below it, by its path."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in files}


async def written_by_hand(shop: Shop) -> tuple[str, Path]:
    """A mission that waits, and its file that says `by hand`."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(lambda: '"status": "waiting_human"' in meta(file.parent.parent))
    file.write_text("by hand\n", encoding="utf-8")
    return mission, file


def beside(file: Path) -> list[Path]:
    """What else lies there, and is none of the mission's files."""
    return [one for one in file.parent.iterdir() if one.name.startswith(".")]


def shell(line: str, file: Path, **how: Any) -> None:
    """Another process, which is at its end when this returns."""
    subprocess.run(["sh", "-c", line, "sh", file], check=True, timeout=20, **how)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def did(shop: Shop, mission: str, name: str, how: str, *, seen: str | None = None) -> httpx2.Response:
    """Take up what was written by hand, or put it back; as it is now, where nobody says what was seen."""
    digest = seen or (await shop.detail(mission))["by_hand_digests"].get(name, NOTHING)
    return await shop.door.client.post(f"/api/missions/{mission}/artifacts/{name}/{how}", json={"digest": digest})


async def test_a_folder_has_the_plan_s_files_and_comes_back_when_it_was_deleted(
    shop: Shop, folders: MissionFolders
) -> None:
    """mission.json, artifacts/ and runs/ say what the API says; deleted, they are made again from the ledger."""
    mission = await shop.begun()
    await shop.go_on(mission)
    folder = folder_of(shop, mission)
    await until(lambda: '"status": "waiting_human"' in meta(folder))
    told = await shop.detail(mission)
    (run,) = told["runs"]

    before = says(folder)
    assert set(before) == {
        "mission.json",
        "artifacts/raw-input.md",
        "artifacts/structured-text.md",
        f"runs/{run['run_id']}.json",
    }
    assert json.loads(before["mission.json"]) == {name: told[name] for name in json.loads(before["mission.json"])}
    assert json.loads(before[f"runs/{run['run_id']}.json"]) | {"place": None} == run
    assert before["artifacts/structured-text.md"] == told["artifacts"]["structured-text.md"]
    assert folder.stat().st_mode & 0o077 == 0

    shutil.rmtree(folder)
    async with MissionFolders(shop.missions).kept():
        await until((folder / "mission.json").exists)
    assert says(folder) == before


def meta(folder: Path) -> str:
    file = folder / "mission.json"
    return file.read_text(encoding="utf-8") if file.exists() else ""


async def test_what_was_written_by_hand_is_told_and_neither_used_nor_overwritten(
    shop: Shop, folders: MissionFolders
) -> None:
    """It is shown beside what stands; the next agent is given what was approved, and the hand's file is still there."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_text("by hand\n", encoding="utf-8")

    told = await shop.detail(mission)
    assert told["by_hand"] == {"structured-text.md": "by hand\n"}
    assert told["artifacts"]["structured-text.md"] != "by hand\n"
    await shop.go_on(mission)
    await until(lambda: '"current_step": 3' in meta(file.parent.parent))

    task = shop.agent.told[-1]
    assert await shop.missions.files.read(task.account, task.run, task.given.digest) != b"by hand\n"
    assert file.read_text(encoding="utf-8") == "by hand\n"


async def test_much_that_was_written_by_hand_is_kept_as_well(shop: Shop, folders: MissionFolders) -> None:
    """A megabyte of it is told, and all of it stays where it is; a pipe in a file's place holds nobody up."""
    mission = await shop.begun()
    raw = folder_of(shop, mission) / "artifacts" / "raw-input.md"
    await until(raw.exists)
    raw.write_text("by hand\n" * 200_000, encoding="utf-8")
    os.mkfifo(raw.with_name("structured-text.md"))

    await shop.go_on(mission)
    await until(lambda: '"current_step": 1' in meta(raw.parent.parent))

    told = (await shop.detail(mission))["by_hand"]
    assert len(told["raw-input.md"]) == 1 << 20
    assert raw.stat().st_size == len("by hand\n") * 200_000


async def test_what_was_written_by_hand_is_taken_up_by_saving_it(shop: Shop, folders: MissionFolders) -> None:
    """Once a person saved it at the gate, it is the draft, and nothing is by hand any more."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_text("by hand\n", encoding="utf-8")

    told = await shop.detail(mission)
    await shop.save(mission, "structured-text.md", told["by_hand"]["structured-text.md"])

    now = await shop.detail(mission)
    assert (now["artifacts"]["structured-text.md"], now["by_hand"]) == ("by hand\n", {})


async def test_what_was_written_by_hand_is_taken_up_from_the_folder_itself(shop: Shop, folders: MissionFolders) -> None:
    """At its gate that is a change of the draft, however long it is; one that is at no gate is refused, and stays."""
    mission = await shop.begun()
    await shop.go_on(mission)
    folder = folder_of(shop, mission) / "artifacts"
    await until((folder / "structured-text.md").exists)
    long = "by hand\n" * 200_000
    for name in ("structured-text.md", "raw-input.md"):
        (folder / name).write_text(long, encoding="utf-8")

    await shop.detail(mission)
    taken, refused = [await did(shop, mission, name, "take") for name in ("structured-text.md", "raw-input.md")]

    now = await shop.detail(mission)
    assert (taken.status_code, refused.status_code) == (200, 409)
    assert (now["gate"]["revision"], now["artifacts"]["structured-text.md"]) == (2, long)
    assert list(now["by_hand"]) == ["raw-input.md"]


async def test_what_was_taken_up_is_read_before_a_yes_counts(shop: Shop, folders: MissionFolders) -> None:
    """Of a long file a page shows the beginning alone: nobody says yes to what they never saw."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_text("shown\n", encoding="utf-8")

    taken = await did(shop, mission, "structured-text.md", "take")
    unread = await shop.say_yes(mission)
    read = await shop.go_on(mission)

    assert (taken.status_code, unread.status_code, read.status_code) == (200, 409, 200)
    assert unread.json()["data"] == {"artifact": "structured-text.md", "now": "shown\n"}


@pytest.mark.parametrize("how", ["take", "put-back"])
async def test_what_was_written_after_somebody_looked_is_neither_taken_up_nor_lost(
    shop: Shop, folders: MissionFolders, how: str
) -> None:
    """Whoever asks names what they saw: where the folder says something newer, that is told, and stays there."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_text("shown\n", encoding="utf-8")
    seen = (await shop.detail(mission))["by_hand_digests"]["structured-text.md"]
    file.write_text("never shown\n", encoding="utf-8")

    refused = await did(shop, mission, "structured-text.md", how, seen=seen)

    now = sha256(b"never shown\n").hexdigest()
    assert (refused.status_code, refused.headers[CODE_HEADER]) == (409, "mission.written_since")
    assert refused.json()["data"] == {"artifact": "structured-text.md", "now": "never shown\n", "digest": now}
    told = await shop.detail(mission)
    assert (told["by_hand"], told["gate"]["revision"]) == ({"structured-text.md": "never shown\n"}, 1)
    assert [one.name for one in file.parent.iterdir() if one.name.startswith(".")] == []
    assert (await did(shop, mission, "structured-text.md", how, seen=now)).status_code == 200


@pytest.mark.parametrize("how", ['> "$1"', '>> "$1"', '> "$1.new" && mv "$1.new" "$1"'])
@pytest.mark.parametrize("moment", MOMENTS, ids=[what for what, _ in MOMENTS])
async def test_what_is_written_while_it_is_put_back_is_not_lost(
    shop: Shop, folders: MissionFolders, moments: Moments, moment: Moment, how: str
) -> None:
    """Another process writes at the last moment, whichever that is and however it writes: that is told, and stays."""
    mission, file = await written_by_hand(shop)

    with moments.before(moment, lambda: shell(f"printf newer {how}", file)):
        refused = await did(shop, mission, file.name, "put-back")

    now = file.read_text(encoding="utf-8")
    assert (refused.status_code, refused.headers[CODE_HEADER]) == (409, "mission.written_since")
    assert (now.endswith("newer"), refused.json()["data"]["now"]) == (True, now)
    assert (await shop.detail(mission))["by_hand"] == {file.name: now}
    assert beside(file) == []


async def test_what_a_program_writes_into_a_file_it_has_open_is_not_lost(
    shop: Shop, folders: MissionFolders, moments: Moments
) -> None:
    """It opened the file long before, and writes when that is out of its place already."""
    mission, file = await written_by_hand(shop)

    with (
        file.open("a", encoding="utf-8") as held,
        moments.before(OUT, lambda: shell("printf newer >&0", file, stdin=held)),
    ):
        refused = await did(shop, mission, file.name, "put-back")

    assert (refused.status_code, refused.json()["data"]["now"]) == (409, "by hand\nnewer")
    assert (file.read_text(encoding="utf-8"), beside(file)) == ("by hand\nnewer", [])


async def test_of_two_that_are_written_at_once_neither_is_lost(
    shop: Shop, folders: MissionFolders, moments: Moments
) -> None:
    """The later is in its place; the earlier, which was out of it by then, is kept beside it."""
    mission, file = await written_by_hand(shop)

    with (
        moments.before(AWAY, lambda: shell('printf one >> "$1"', file)),
        moments.before(OUT, lambda: shell('printf two >> "$1"', file)),
    ):
        refused = await did(shop, mission, file.name, "put-back")

    assert (refused.status_code, refused.json()["data"]["now"]) == (409, "two")
    (kept,) = beside(file)
    assert (file.read_text(encoding="utf-8"), (kept / "taken").read_text(encoding="utf-8")) == ("two", "by hand\none")


async def test_a_folder_that_comes_into_its_place_meanwhile_stays(
    shop: Shop, folders: MissionFolders, moments: Moments
) -> None:
    """It is no file that anybody saw, so it goes back to where it was, with all that is in it."""
    mission, file = await written_by_hand(shop)

    with moments.before(AWAY, lambda: shell('rm "$1" && mkdir "$1" && touch "$1/in it"', file)):
        refused = await did(shop, mission, file.name, "put-back")

    assert (refused.status_code, [one.name for one in file.iterdir()], beside(file)) == (409, ["in it"], [])


async def test_a_file_that_is_removed_meanwhile_is_put_back_too(
    shop: Shop, folders: MissionFolders, moments: Moments
) -> None:
    """Nothing is lost by that: it says what stands."""
    mission, file = await written_by_hand(shop)

    with moments.before(AWAY, lambda: shell('rm "$1"', file)):
        put_back = await did(shop, mission, file.name, "put-back")

    stands = (await shop.detail(mission))["artifacts"][file.name]
    assert (put_back.status_code, file.read_text(encoding="utf-8"), beside(file)) == (200, stands, [])


async def test_what_was_written_by_hand_is_put_back_to_what_the_ledger_says(
    shop: Shop, folders: MissionFolders
) -> None:
    """The file says again what was approved, its gate is as it was; where nothing is by hand there is nothing to do."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    stands = file.read_text(encoding="utf-8")
    file.write_text("by hand\n", encoding="utf-8")

    put_back = await did(shop, mission, "structured-text.md", "put-back")
    again = [await did(shop, mission, "structured-text.md", how) for how in ("put-back", "take")]

    now = await shop.detail(mission)
    assert (put_back.status_code, [one.status_code for one in again]) == (200, [404, 404])
    assert (file.read_text(encoding="utf-8"), now["by_hand"], now["gate"]["revision"]) == (stands, {}, 1)


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
async def test_what_is_no_file_is_neither_taken_up_nor_put_back(
    shop: Shop, folders: MissionFolders, put: Callable[[Path], None]
) -> None:
    """A pipe or a folder in a file's place holds nobody up: it is told, refused by name, and left where it is."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.unlink()
    put(file)

    assert (await shop.detail(mission))["by_hand"] == {"structured-text.md": ""}
    async with asyncio.timeout(20):
        refused = [await did(shop, mission, "structured-text.md", how) for how in ("take", "put-back")]

    assert [one.status_code for one in refused] == [409, 409]
    assert all("is no file" in one.json()["error"] for one in refused)
    assert not file.is_file()
    assert (await shop.detail(mission))["gate"]["revision"] == 1


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
async def test_a_folder_is_kept_up_to_date_past_what_is_no_file(
    shop: Shop, folders: MissionFolders, put: Callable[[Path], None]
) -> None:
    """One file of a mission cannot be written; the others, and what the mission is, are."""
    mission = await shop.begun()
    raw = folder_of(shop, mission) / "artifacts" / "raw-input.md"
    await until(raw.exists)
    raw.unlink()
    put(raw)

    await shop.go_on(mission)

    await until(lambda: '"current_step": 1' in meta(raw.parent.parent))
    assert (raw.parent / "structured-text.md").is_file()


async def test_what_is_put_back_is_what_stands_by_then(shop: Shop, folders: MissionFolders) -> None:
    """While the folder is written nobody else writes into it; meanwhile the mission moves on."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_text("by hand\n", encoding="utf-8")
    await shop.detail(mission)

    async with shop.missions.writing:
        putting = asyncio.create_task(did(shop, mission, "structured-text.md", "put-back"))
        saved = await shop.save(mission, "structured-text.md", "newer\n")
        assert file.read_text(encoding="utf-8") == "by hand\n"

    assert (saved.status_code, (await putting).status_code) == (200, 200)
    assert file.read_text(encoding="utf-8") == "newer\n"


@pytest.mark.parametrize("moment", [("open", "/stands."), AWAY], ids=["beside", "away"])
async def test_what_cannot_be_put_back_is_said(
    shop: Shop, folders: MissionFolders, moments: Moments, moment: Moment
) -> None:
    """The disk is full on the way: the answer says so, and what somebody wrote is still there."""
    mission, file = await written_by_hand(shop)

    with moments.before(moment, full):
        refused = await did(shop, mission, file.name, "put-back")

    assert (refused.status_code, refused.json()["success"]) == (500, False)
    assert "cannot be put back: No space left on device" in refused.json()["error"]
    assert (await shop.detail(mission))["by_hand"] == {file.name: "by hand\n"}
    assert beside(file) == []


async def test_a_text_that_is_too_long_is_refused_as_that(shop: Shop, folders: MissionFolders) -> None:
    """Six megabytes of good text: not called anything else, however its letters fall."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_text("é" * (3 << 20), encoding="utf-8")

    await shop.detail(mission)
    refused = await did(shop, mission, "structured-text.md", "take")

    assert refused.status_code == 422
    assert "bytes at most" in refused.json()["error"]


async def test_bytes_that_are_no_text_are_not_taken_up(shop: Shop, folders: MissionFolders) -> None:
    """The file in the folder stays as somebody left it, and so does the draft."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = folder_of(shop, mission) / "artifacts" / "structured-text.md"
    await until(file.exists)
    file.write_bytes(b"\xff\xfe")

    await shop.detail(mission)
    refused = await did(shop, mission, "structured-text.md", "take")

    assert (refused.status_code, "no text in UTF-8" in refused.json()["error"]) == (422, True)
    assert (file.read_bytes(), (await shop.detail(mission))["gate"]["revision"]) == (b"\xff\xfe", 1)


async def test_a_link_in_the_folder_is_neither_read_nor_followed(
    shop: Shop, folders: MissionFolders, tmp_path: Path
) -> None:
    """Somebody puts a link to a secret in a file's place: it is told to nobody, and replaced, not written through."""
    secret = tmp_path / "secret"
    secret.write_text("hush", encoding="utf-8")
    mission = await shop.begun()
    file = folder_of(shop, mission) / "artifacts" / "raw-input.md"
    await until(file.exists)
    file.unlink()
    file.symlink_to(secret)

    assert (await shop.detail(mission))["by_hand"] == {}
    await shop.go_on(mission)
    await until(lambda: not file.is_symlink())
    assert (secret.read_text(encoding="utf-8"), file.read_text(encoding="utf-8")) == ("hush", "make it dark\n")


async def test_erasing_a_mission_takes_its_folder(shop: Shop, folders: MissionFolders) -> None:
    """What was erased is not left behind as a copy."""
    mission = await shop.begun()
    await until((folder_of(shop, mission) / "mission.json").exists)
    await shop.door.client.post(f"/api/missions/{mission}/mark-completed")
    run = (await shop.detail(mission))["run"]

    await shop.practice.engine.erase(shop.practice.account, run, by=shop.door.ana, why="asked")

    await until(lambda: not folder_of(shop, mission).exists())
    assert (await shop.door.client.get(f"/api/missions/{mission}")).status_code == 404
    assert (await shop.door.got("/api/missions"))["data"] == []


async def test_the_log_s_tail_is_words_alone_and_there_while_an_agent_works(shop: Shop) -> None:
    """A hundred lines and 8 KB at most; nothing in it moves a cursor, colours, or renames a window. By itself it can be
    read when the agent has ended too."""
    shop.agent.instead.append("wait")
    mission = await shop.begun()
    assert (await shop.detail(mission))["current_log_tail"] is None
    assert (await shop.door.got(f"/api/missions/{mission}/log"))["data"] == MissionLog().model_dump()
    await shop.door.client.post(f"/api/missions/{mission}/continue")
    log = folder_of(shop, mission) / "logs" / f"{shop.agent.told[-1].attempt}.log"
    log.parent.mkdir(parents=True)
    evil = "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m \x08\u009b5n"
    log.write_text("".join(f"line {n}\n" for n in range(100_000)) + f"{evil}done\n", encoding="utf-8")

    tail = (await shop.detail(mission))["current_log_tail"]
    alone = (await shop.door.got(f"/api/missions/{mission}/log"))["data"]

    assert tail.endswith("line 99999\nred done")
    assert len(tail.splitlines()) == 100
    assert len(tail.encode()) <= TAIL_BYTES
    before = log.read_bytes()[: alone["bytes_before"]]
    assert (alone["tail"], before.endswith(b"line 99900\n")) == (tail, True)
    shop.agent.goes_on.set()
    await shop.practice.engine.settled()
    assert (await shop.detail(mission))["current_log_tail"] is None
    over = (await shop.door.got(f"/api/missions/{mission}/log"))["data"]
    assert (over["tail"], over["bytes_before"]) == (alone["tail"], alone["bytes_before"])


async def test_of_a_short_log_nothing_stands_before_its_lines(shop: Shop) -> None:
    """All of it is the tail; a line that is not yet at its end is there too."""
    shop.agent.instead.append("wait")
    mission = await shop.begun()
    await shop.door.client.post(f"/api/missions/{mission}/continue")
    log = folder_of(shop, mission) / "logs" / f"{shop.agent.told[-1].attempt}.log"
    log.parent.mkdir(parents=True)

    for written in ("one\ntwo", "one\ntwo\n"):
        log.write_text(written, encoding="utf-8")
        said = (await shop.door.got(f"/api/missions/{mission}/log"))["data"]
        assert (said["tail"], said["bytes_before"]) == ("one\ntwo", 0)
    shop.agent.goes_on.set()


async def test_a_folder_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    """The copy is behind, and the mission goes on."""
    async with opened_shop(tmp_path) as shop:
        (shop.practice.home / "missions").write_text("in the way", encoding="utf-8")
        async with MissionFolders(shop.missions).kept():
            mission = await shop.begun()
            await shop.go_on(mission)
            assert (await shop.detail(mission))["status"] == "waiting_human"
        assert (
            MissionFolder(shop.practice.home, mission).by_hand(
                await shop.missions.known.of_run(shop.practice.account, (await shop.detail(mission))["run"])  # type: ignore[arg-type]
            )
            == {}
        )
