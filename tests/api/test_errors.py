"""Each refusal has a status, a name, a sentence, a next step, and says whether anything was done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from haloop.identity import read_or_make_token
from haloop.kernel.fact import PersonRemoved
from haloop.kernel.ids import new_person_id
from tests.api.conftest import TOKEN, Door, client_of, tea


def _nested(depth: int) -> Any:
    return {"item": _nested(depth - 1)} if depth else "tea"


def told(answer: httpx2.Response) -> tuple[int, str]:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["title"]
    assert body["next_step"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["executed"] is (None if answer.status_code >= 500 else False)
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/nothing", 404, "request.no_such_address"),
        ("/api/runs/run_" + "0" * 32, 404, "ledger.not_found"),
        ("/api/runs/nonsense", 422, "request.malformed"),
        ("/api/runs/%00", 422, "request.malformed"),
        ("/api/gates/nonsense", 422, "request.malformed"),
        (f"/api/gates/gate_{'0' * 32}_1", 404, "ledger.not_found"),
        ("/api/runs?limit=0", 422, "request.malformed"),
        ("/api/runs?limit=1000000", 422, "request.malformed"),
        ("/api/runs?before=-1", 422, "request.malformed"),
        ("/api/runs?before=99999999999999999999", 422, "request.malformed"),
        ("/api/ledger/events?after=99999999999999999999", 422, "request.malformed"),
    ],
)
async def test_what_cannot_be_found_or_read_is_named(door: Door, path: str, status: int, code: str) -> None:
    """An address, an id or a page that makes no sense hears which, with a code of its own."""
    assert told(await door.client.get(path)) == (status, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"desk": "shop", "procedure": "fly"}, "request.unsupported"),
        ({"desk": "kitchen", "procedure": "sink"}, "request.unsupported"),
        ({"desk": "shop", "procedure": "buy_if_asked"}, "request.arguments"),
        ({**tea(), "arguments": {"order": {"item": 3}}}, "request.arguments"),
        ({**tea(), "arguments": {"order": {"item": "tea", "shop": "Karl", "cents": 1.5}}}, "request.arguments"),
        ({**tea(), "arguments": {"order": _nested(300)}}, "request.arguments"),
        ({**tea(), "surprise": 1}, "request.malformed"),
        ([], "request.malformed"),
        ("tea", "request.malformed"),
    ],
)
async def test_a_request_that_nobody_could_mean_begins_nothing(door: Door, body: Any, code: str) -> None:
    """An unknown desk, missing or wrong arguments, a float as money: refused by name, and no run is there."""
    answer = await door.client.post("/api/requests", json=body)

    assert told(answer) == (404 if code == "request.unsupported" else 422, code)
    assert (await door.got("/api/runs"))["runs"] == []


async def test_bytes_that_are_no_json_are_told_so(door: Door) -> None:
    """Nothing, half a document, bytes that are no text, a hundred thousand brackets."""
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        answer = await door.client.post("/api/requests", content=body, headers={"Content-Type": "application/json"})
        assert told(answer)[1] == "request.malformed"


async def test_too_much_is_not_read(door: Door) -> None:
    """More than a request may hold, or of unsaid length: refused before a byte of it is kept."""
    answer = await door.client.post("/api/requests", content=b"x" * (1 << 20) + b"x")
    assert told(answer) == (413, "request.too_large")
    assert answer.json()["title"] == "A request holds at most 1,048,576 bytes, and says how many."

    async def drop_by_drop() -> AsyncIterator[bytes]:
        yield b"{}"

    assert told(await door.client.post("/api/requests", content=drop_by_drop())) == (413, "request.too_large")


async def test_what_was_sent_is_not_said_again(door: Door) -> None:
    """A secret in a malformed request does not come back in the answer."""
    answer = await door.client.post("/api/requests", json={"desk": "shop", "procedure": 3, "password": "sk-live-4242"})
    assert told(answer) == (422, "request.malformed")
    assert "sk-live-4242" not in answer.text


async def test_an_answer_to_an_old_revision_hears_what_changed(door: Door) -> None:
    """Somebody changed the amount meanwhile: 409, with the lines that differ and the gate as it stands."""
    run = (await door.client.post("/api/requests", json={**tea(), "procedure": "buy_if_asked"})).json()["run"]
    await door.practice.engine.settled()
    before = await door.gate(run)
    changed = await door.decide(before, "changed", change=400)
    assert changed.status_code == 200, changed.text

    late = await door.decide(before)

    assert told(late) == (409, "answer.stale")
    lines = {line["at"]: line for line in late.json()["difference"]}
    assert lines["effect buy"]["before"]["cost_max"]["minor"] == 500
    assert lines["effect buy"]["now"]["cost_max"]["minor"] == 400
    assert late.json()["gate"]["revision"] == 2
    assert door.shop.sold == []


async def test_a_tag_that_no_longer_matches_is_a_conflict(door: Door) -> None:
    """A draft's ETag stands for the very revision that was shown."""
    run = await door.asked()
    shown = await door.client.get(f"/api/gates/{door.practice.gate_of(run)}")
    gate = shown.json()
    path, body = f"/api/gates/{gate['id']}/decisions", door.decision(gate)

    assert told(await door.client.post(path, json=body, headers={"If-Match": '"9-0"'})) == (409, "answer.stale")
    assert (await door.client.post(path, json=body, headers={"If-Match": shown.headers["etag"]})).status_code == 200


async def test_saying_the_same_again_is_answered_as_the_first_time(door: Door) -> None:
    """Two presses, or a retry after a lost reply: one yes, one effect."""
    gate = await door.gate(await door.asked())
    first, again = await door.decide(gate), await door.decide(gate)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["status"] == "approved"
    assert len(door.shop.sold) == 1


async def test_the_same_key_asks_once(door: Door) -> None:
    """A retried request is the same run; the key of another request is refused; keys are each caller's own."""
    keyed = {"headers": {"Idempotency-Key": "once"}}
    first = await door.client.post("/api/requests", json=tea(), **keyed)  # type: ignore[arg-type]
    again = await door.client.post("/api/requests", json=tea(), **keyed)  # type: ignore[arg-type]
    assert first.json() == again.json()

    other = await door.client.post("/api/requests", json=tea(item="milk"), **keyed)  # type: ignore[arg-type]
    assert told(other) == (409, "run.key_taken")
    async with await door.agent() as agent:
        mine = await agent.post("/api/requests", json=tea(), **keyed)  # type: ignore[arg-type]
    assert mine.json() != first.json()


async def test_a_name_that_points_here_is_not_answered(door: Door) -> None:
    """A page elsewhere has its own name point at this machine: it is turned away, whatever it shows."""
    for host in (
        "evil.example",
        "evil.example:4000",
        "localhost",
        "localhost:1",
        "127.0.0.1:65535",
        "localhost.evil.example",
        "",
        "127.0.0.1.evil.example:80",
    ):
        answer = await door.client.get("/api/me", headers={"Host": host})
        assert told(answer) == (421, "identity.foreign_host")


async def test_a_page_elsewhere_cannot_use_a_browsers_session(door: Door) -> None:
    """A form or a script of another origin sends the cookie along, and nothing is done."""
    key = door.house.identity.issue_once()
    async with client_of(door.address, None) as browser:
        begun = await browser.post("/api/session", json={"key": key})
        cookie = begun.headers["set-cookie"]
        assert begun.status_code == 201
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        for _ in ("the cookie alone, as another port of this machine has it", "with a guess"):
            assert told(await browser.get("/api/me")) == (401, "identity.session_over")
            browser.headers["X-Haloop-Session"] = "guess"
        browser.headers["X-Haloop-Session"] = begun.json()["secret"]
        assert (await browser.get("/api/me")).json()["person"] == door.ana
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}, {"Origin": "null"}):
            refused = await browser.post("/api/requests", json=tea(), headers=headers)
            assert told(refused) == (403, "identity.foreign_origin")
        ours = await browser.post("/api/requests", json=tea(), headers={"Origin": door.address})
        assert ours.status_code == 201
        assert (await browser.post("/api/session", json={"key": key})).status_code == 401
        assert (await browser.delete("/api/session", headers={"Origin": door.address})).status_code == 204
        browser.cookies.set("haloop_session", cookie.partition("=")[2].partition(";")[0])
        assert (await browser.get("/api/me")).status_code == 401


async def test_a_page_elsewhere_cannot_use_up_the_owners_tries(door: Door) -> None:
    """Forty wrong keys from a page of another origin are not even counted; the owner's key works."""
    async with client_of(door.address, None) as browser:
        for _ in range(40):
            forged = await browser.post("/api/session", json={"key": "x"}, headers={"Origin": "https://evil.example"})
            assert told(forged) == (403, "identity.foreign_origin")
        right = door.house.identity.issue_once()
        assert (await browser.post("/api/session", json={"key": right})).status_code == 201


async def test_a_session_ends_by_itself(door: Door) -> None:
    """Nobody used it for a week."""
    async with client_of(door.address, None) as browser:
        begun = await browser.post("/api/session", json={"key": door.house.identity.issue_once()})
        browser.headers["X-Haloop-Session"] = begun.json()["secret"]
        assert (await browser.get("/api/me")).status_code == 200
        for _ in range(8):
            await door.practice.move(timedelta(days=1))
        assert told(await browser.get("/api/me")) == (401, "identity.session_over")


async def test_somebody_who_is_no_owner_issues_no_tokens(door: Door) -> None:
    """Somebody who was never in the account can do nothing in it."""
    door.house.identity.owner = door.house.identity.owner.__class__(
        account=door.practice.account, person=new_person_id()
    )
    assert told(await door.client.post("/api/tokens", json={"agent": "x"})) == (401, "identity.removed")


async def test_what_has_no_name_says_nothing_of_the_inside(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours: the answer has the request's id, which is in the log, and nothing of what went wrong."""

    def broken(*_: object) -> None:
        raise LookupError("sk-live-4242 in /root/secret.py")

    monkeypatch.setattr(door.practice.engine, "open_gates", broken)
    answer = await door.client.get("/api/gates")

    assert told(answer) == (500, "haloop.error")
    assert "sk-live-4242" not in answer.text
    assert "secret.py" not in answer.text


async def test_whoever_was_taken_out_of_the_account_is_nobody(door: Door) -> None:
    """Their token opens nothing any more: not to decide, and not to look."""
    await door.practice.engine.record(door.practice.account, PersonRemoved(person=door.ana), by="kernel")
    assert told(await door.client.get("/api/runs")) == (401, "identity.removed")


@pytest.mark.parametrize("token", ["", " ", "short"])
async def test_a_token_file_that_was_cut_short_is_made_anew(door: Door, tmp_path: Path, token: str) -> None:
    """A power cut left an empty file: nobody gets in with nothing."""
    file = tmp_path / "token"
    file.write_text(token)
    made = read_or_make_token(file)
    assert len(made) >= 32
    assert (read_or_make_token(file), file.stat().st_mode & 0o777) == (made, 0o600)
    door.house.identity.token = ""
    async with client_of(door.address, None) as nobody:
        assert (await nobody.get("/api/me", headers={"Authorization": "Bearer"})).status_code == 401


async def test_a_yes_that_counted_is_told_as_one(door: Door) -> None:
    """The procedure breaks right after it: what stands in the ledger is what whoever said yes hears."""
    run = (await door.client.post("/api/requests", json={**tea(), "procedure": "buy_and_break"})).json()["run"]
    await door.practice.engine.settled()

    said = await door.decide(await door.gate(run))

    assert (said.status_code, said.json()["status"]) == (200, "approved")
    shown = await door.got(f"/api/runs/{run}")
    assert (shown["state"], shown["reason"]) == ("parked", "The procedure raised KeyError.")


async def test_half_a_body_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever announces more than they send hears so, and holds nothing."""
    monkeypatch.setattr("haloop.api.asking.BODY_SECONDS", 0.2)
    host, port = "127.0.0.1", int(door.address.rpartition(":")[2])
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST /api/requests HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()
