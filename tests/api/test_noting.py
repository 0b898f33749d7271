"""What is noted of requests: who asked for what and how it ended, and never what they showed or sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from haloop.logs import FILE, log_fact, open_logs
from tests.api.conftest import TOKEN, Door, client_of, tea


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    with open_logs(tmp_path / "logs", secrets=[TOKEN]):
        yield tmp_path / "logs" / FILE


def noted(logs: Path, **wanted: str) -> list[dict[str, Any]]:
    """The lines of which this is true."""
    lines = [json.loads(line) for line in logs.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if wanted.items() <= line.items()]


async def test_each_request_leaves_one_line(door: Door, logs: Path) -> None:
    """Method, the route's template, status, milliseconds, request id, who asked, and which run came of it."""
    answer = await door.client.post("/api/requests?x=%0Ahidden", json=tea())
    run = answer.json()["run"]
    await door.client.get(f"/api/runs/{run}")
    await door.client.get("/api/no/such/ana@example.com")

    asked, read, missed = noted(logs, logger="haloop.access")

    assert asked.pop("time")
    assert asked.pop("milliseconds") >= 0
    assert asked == {
        "level": "info",
        "logger": "haloop.access",
        "event": "request",
        "method": "POST",
        "route": "/api/requests",
        "status": 201,
        "result": "answered",
        "request_id": answer.headers["x-request-id"],
        "actor": f"person:{door.ana}",
        "run": run,
    }
    assert (read["route"], read["run"]) == ("/api/runs/{run}", run)
    assert (missed["status"], missed["code"], "route" in missed) == (404, "request.no_such_address", False)
    assert "such" not in logs.read_text(encoding="utf-8").replace("no_such_address", "")


async def test_who_was_turned_away_is_noted(door: Door, logs: Path) -> None:
    """A stranger, an agent that decides, a foreign host, a malformed body, a body too large: each by its code."""
    async with client_of(door.address, None) as stranger, await door.agent() as agent:
        await stranger.get("/api/runs")
        await agent.get("/api/people")
        await stranger.get("/api/me", headers={"Host": "evil.example"})
        await door.client.post("/api/requests", json={"password": "hunter2"})
        await door.client.post("/api/requests", content=b"x" * (1 << 20) + b"x")

    told = [(line["event"], line["code"], line["status"]) for line in noted(logs, level="warning", logger="haloop.api")]
    assert told == [
        ("denied", "identity.unknown", 401),
        ("denied", "identity.not_allowed", 403),
        ("denied", "identity.foreign_host", 421),
        ("not readable", "request.malformed", 422),
        ("limit hit", "request.too_large", 413),
    ]
    assert noted(logs, code="identity.not_allowed")[0]["actor"] == "agent:shopper"
    assert "hunter2" not in logs.read_text(encoding="utf-8")


async def test_a_session_begins_and_ends_on_the_record(door: Door, logs: Path) -> None:
    """Whose it is stands there; the key and the cookie do not, and a key that was used is a denial."""
    key = door.house.identity.issue_once()
    async with client_of(door.address, None) as browser:
        begun = await browser.post("/api/session", json={"key": key})
        await browser.post("/api/session", json={"key": key})
        secret = begun.json()["secret"]
        await browser.delete("/api/session", headers={"Origin": door.address, "X-Haloop-Session": secret})

    assert noted(logs, event="session begun")[0]["actor"] == f"person:{door.ana}"
    assert noted(logs, event="session ended")[0]["actor"] == f"person:{door.ana}"
    assert len(noted(logs, event="denied", code="identity.used")) == 1
    text = logs.read_text(encoding="utf-8")
    assert key not in text
    assert begun.cookies["haloop_session"] not in text
    assert secret not in text


async def test_an_answer_that_was_cut_short_says_so(door: Door, logs: Path) -> None:
    """Whoever listens to live events goes away in the middle."""
    async with client_of(door.address, TOKEN) as client, client.stream("GET", "/api/events"):
        pass
    await door.asked()
    while not noted(logs, route="/api/events"):
        await door.asked()
    assert noted(logs, route="/api/events")[0]["result"] == "cut short"


async def test_a_request_that_fails_is_noted_with_its_traceback_and_without_secrets(door: Door, logs: Path) -> None:
    """Through a real server: the caller hears an id, the log has the error under it, and no canary is in either."""
    canaries = [TOKEN, "ana@example.com", "4242 4242 4242 4242", "hal_" + "0" * 32 + "_" + "1" * 16 + "_" + "2" * 64]

    async def fail() -> None:
        held = " ".join(reversed(["it", "held", "variable"]))
        raise RuntimeError(" ".join(canaries), held[:0]) from KeyError(canaries[1])

    door.app.add_api_route("/api/failing/{what}", fail)
    answer = await door.client.get("/api/failing/ana@example.com?key=opensesame", headers={"Cookie": "a=opensesame"})

    assert (answer.status_code, answer.json()["code"]) == (500, "haloop.error")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert answer.headers["cache-control"] == "no-store"
    of_it = noted(logs, request_id=answer.json()["request_id"])
    assert [(line["logger"], line["level"]) for line in of_it] == [
        ("haloop.api", "error"),
        ("haloop.access", "info"),
        ("uvicorn.error", "error"),
    ]
    assert of_it[2]["error"] == "RuntimeError"
    assert "KeyError" in of_it[2]["traceback"]
    assert of_it[1]["route"] == "/api/failing/{what}"
    for secret in (*canaries, "opensesame", "variable held it"):
        assert secret not in answer.text
        assert secret not in logs.read_text(encoding="utf-8")


async def test_facts_are_noted_by_kind_and_ids(door: Door, logs: Path) -> None:
    """From the request to the effect, under the run's id; what was bought, and for how much, is the ledger's alone."""
    door.practice.engine.watch(log_fact)
    run = await door.asked(item="a very private thing")
    await door.decide(await door.gate(run))
    uncertain = door.shop
    uncertain.fails = True
    lost = await door.asked()
    await door.decide(await door.gate(lost))

    kinds = [line["event"] for line in noted(logs, logger="haloop.run", run=run)]
    assert kinds[0] == "run.started"
    assert {"gate.opened", "gate.approved", "effect.intended", "effect.happened", "run.ended"} <= set(kinds)
    assert noted(logs, event="effect.uncertain")[0]["level"] == "warning"
    assert noted(logs, event="run.ended", run=run)[0]["code"] == "done"
    assert "private" not in logs.read_text(encoding="utf-8")
