"""Numbers 11, 15, 16 and 17: what a served home keeps of an eventful hour, and what it never keeps."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest

from haloop.cli import main
from haloop.logs import FILE
from tests.api.conftest import tea
from tests.test_served_logs import serving

WISH = "Nowhere canary-7f3d"
CANARIES = (WISH, "canary-in-a-query", "canary-in-a-header", "canary-in-a-body", "hunter2-canary", "ana@canary.example")
FORGED = '\n{"time":"2026-01-01T00:00:00.000Z","level":"info","logger":"haloop.api","event":"session begun"}\n'
WAIT = 30


@dataclass(kw_only=True)
class Hour:
    """A home that was served, used, abused and ended in order."""

    folder: Path
    secrets: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    said: str = ""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.home / "logs" / FILE).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Hour:
    """One for all tests here; each works on what it left behind."""
    hour = Hour(folder=tmp_path_factory.mktemp("hour"))
    asyncio.run(_live(hour))
    return hour


async def _live(hour: Hour) -> None:
    process = await serving(hour.folder)
    assert process.stdout is not None
    address, _, key = (await process.stdout.readline()).decode().strip().partition("/?key=")
    token = (hour.home / "token").read_text()
    hour.secrets = [token, key]
    async with httpx2.AsyncClient(base_url=address) as stranger:
        owner = httpx2.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"})
        async with owner:
            await _behave(hour, owner)
        await _misbehave(hour, stranger, key)
    process.send_signal(signal.SIGTERM)
    out, err = await process.communicate()
    hour.said = (out + err).decode()
    assert process.returncode == 0


async def _behave(hour: Hour, owner: httpx2.AsyncClient) -> None:
    """A table is asked for, and nobody says no to it."""
    wish = {"place": WISH, "party": 2, "at": "2027-03-05T19:00:00+01:00"}
    asked = {"desk": "errands", "procedure": "book_table", "arguments": {"wish": wish}}
    run = (await owner.post("/api/requests", json=asked)).json()["run"]
    async with asyncio.timeout(WAIT):
        while (await owner.get(f"/api/runs/{run}")).json()["state"] != "ended":  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process goes on with it
    made = (await owner.post("/api/tokens", json={"agent": "shopper"})).json()
    hour.secrets.append(made["token"])
    async with httpx2.AsyncClient(base_url=owner.base_url) as agent:
        agent.headers["Authorization"] = f"Bearer {made['token']}"
        hour.answers.append((await agent.get("/api/people")).text)


async def _misbehave(hour: Hour, stranger: httpx2.AsyncClient, key: str) -> None:
    """Whatever a stranger can send, canaries and forged lines in all of it."""
    path = "/api/" + FORGED.replace("\n", "%0A").replace("{", "%7B").replace("}", "%7D").replace('"', "%22")
    known = {"Authorization": f"Bearer {hour.secrets[0]}"}
    odd = {"X-Request-Id": "canary-in-a-header", "User-Agent": "canary-in-a-header", "Cookie": "a=canary-in-a-header"}
    sent = [
        await stranger.get("/api/me?next=canary-in-a-query", headers=odd),
        await stranger.get("/api/me", headers={"Authorization": "Bearer hunter2-canary"}),
        await stranger.get(f"{path}?{path}"),
        await stranger.post("/api/session", json={"key": "hunter2-canary"}),
        await stranger.post("/api/session", json={"key": FORGED}),
        await stranger.post("/api/requests", json={**tea(), "password": "ana@canary.example"}, headers=known),
        await stranger.post("/api/requests", content=b'{"desk":"canary-in-a-body', headers=known),
        await stranger.post("/api/requests", json={**tea(), "desk": FORGED}, headers=known),
        await stranger.post("/api/requests", content=b"canary-in-a-body" * 70_000, headers=known),
        await stranger.get("/api/me", headers={"Host": "canary-in-a-header.example"}),
        *[await stranger.post("/api/session", json={"key": f"guess {number}"}) for number in range(20)],
    ]
    hour.answers += [answer.text for answer in sent]
    assert sent[-1].status_code == 429


def test_11_no_canary_and_no_secret_is_in_any_file_or_answer(hour: Hour) -> None:
    """Logs, both streams, every answer to a stranger; and what was wished for is in sealed bodies alone."""
    log = (hour.home / "logs" / FILE).read_text(encoding="utf-8")
    said = hour.said.replace(hour.secrets[1], "", 1)  # the one address that a start prints, with its key, once
    refusals = [answer for answer in hour.answers if FORGED not in json.loads(answer)["title"]]
    for text in (log, said, *refusals):
        assert [canary for canary in (*CANARIES, *hour.secrets) if canary in text] == []
    kept = [file for file in hour.folder.rglob("*") if file.is_file()]
    assert len(kept) > 5
    holding = {
        file.name for file in kept for one in (*CANARIES, *hour.secrets[1:]) if one.encode() in file.read_bytes()
    }
    assert holding == set()
    assert [file.name for file in kept if hour.secrets[0].encode() in file.read_bytes()] == ["token"]


def test_16_each_line_says_who_what_when_where_and_how_it_ended(hour: Hour) -> None:
    """No line is forged: each is JSON with a time of this hour, and each request has method, status and its id."""
    assert "session begun" not in [line["event"] for line in hour.log]
    assert {line["time"] for line in hour.log}.isdisjoint({"2026-01-01T00:00:00.000Z"})
    for line in hour.log:
        assert {"time", "level", "logger", "event"} <= line.keys()
    requests = [line for line in hour.log if line["event"] == "request"]
    for line in requests:
        assert {"method", "status", "milliseconds", "request_id", "result"} <= line.keys()
    assert {line["actor"].partition(":")[0] for line in requests if line["status"] < 400} == {"person"}
    assert "agent:shopper" in {line.get("actor") for line in requests}


def test_17_denials_bad_input_and_limits_are_on_the_record(hour: Hour) -> None:
    """Each by its code, as a warning."""
    warned = {(line["event"], line.get("code")) for line in hour.log if line["level"] == "warning"}
    assert warned >= {
        ("denied", "identity.unknown"),
        ("denied", "identity.not_allowed"),
        ("denied", "identity.used"),
        ("denied", "identity.foreign_host"),
        ("not readable", "request.malformed"),
        ("limit hit", "request.too_large"),
        ("limit hit", "request.too_many"),
    }


Tamper = Callable[[apsw.Connection, int], object]
NEWEST = "SELECT position FROM event ORDER BY position DESC LIMIT 1"
FLIP = "UPDATE event SET header = CAST(replace(header, x'2e', x'2f') AS BLOB) WHERE position = ?"
TAMPERING: dict[str, tuple[Tamper, str]] = {
    "a byte is flipped": (
        lambda db, at: db.execute(FLIP, (at,)),
        "BAD: event 5 ",
    ),
    "a fact is dropped": (lambda db, at: db.execute("DELETE FROM event WHERE position = ?", (at,)), "BAD: event 5"),
    "two are swapped": (
        lambda db, at: [
            db.execute("UPDATE event SET position = ? WHERE position = ?", (to, was))
            for was, to in ((at, -1), (at + 1, at), (-1, at + 1))
        ],
        "BAD: event 5 ",
    ),
    "the end is cut off": (
        lambda db, _: db.execute(f"DELETE FROM event WHERE position = ({NEWEST})"),
        "BAD: ",
    ),
}


@pytest.mark.parametrize(("tamper", "named"), TAMPERING.values(), ids=TAMPERING.keys())
def test_15_whatever_is_done_to_the_ledger_is_named(
    hour: Hour,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tamper: Tamper,
    named: str,
) -> None:
    """A copy of the home that was served: untouched it verifies, touched anywhere it names the first bad event."""
    copy = tmp_path / "home"
    shutil.copytree(hour.home, copy)
    for name in [name for name in os.environ if name.startswith("HALOOP_") or name == "PORT"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main(["--home", str(copy), "verify"]) == 0
    capsys.readouterr()
    database = apsw.Connection(str(copy / "ledger.db"))
    ((base,),) = database.execute("SELECT max(tree) << 40 FROM tree")
    with database:
        tamper(database, base + 5)
    database.close()

    assert main(["--home", str(copy), "verify"]) == 1
    assert named in capsys.readouterr().out
