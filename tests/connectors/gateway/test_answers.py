"""How answers come in that do not simply come: late, in part, to nobody, or as a no."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from haloop.connectors.gateway import connections
from haloop.connectors.gateway.body import PARTS_MAX
from haloop.connectors.gateway.connections import SECONDS_TO_TAKE
from haloop.connectors.gateway.counting import READ_AT_ONCE_MAX, Counted
from haloop.connectors.gateway.dialects import RESPONSES
from haloop.connectors.gateway.door import SECONDS_TO_READ_ON
from haloop.connectors.gateway.providers import Provider
from haloop.ports.models import Cost
from tests.connectors.gateway.conftest import KEY, Host, gateway, inside, open_files, task
from tests.connectors.gateway.test_door import ASKED, EVENTS, MESSAGE, MODELS, OA, PATHS, A, G
from tests.engines.outside import until

FIRST, LAST = [f"data: {json.dumps(one)}\n\n".encode() for one in EVENTS[0][2]]
"""Of an answer by which 10 were read and 5 written."""
MUCH = b": " + b"x" * (256 << 10) + b"\n\n"
"""More than one piece, and than lies between two ends."""


def pouring(pieces: Callable[[], AsyncIterator[bytes]]) -> Callable[[Request], Any]:
    """Answers in events."""

    async def answer(_: Request) -> Response:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    return answer


@pytest.mark.parametrize(
    ("provider", "first"),
    [
        (A, 'data: {"type": "ping"}\n\n'),
        (A, 'event: content_block_delta\ndata: {"ty'),
        (OA, 'data: {"choices": [{"del'),
        (G, 'data: {"candidates": [{"con'),
    ],
)
async def test_an_answer_that_breaks_off_says_so_at_its_end(
    host: Host, tmp_path: Path, provider: Provider, first: str
) -> None:
    """Wherever it does, and as its provider would say it; the call counts as what was reserved for it."""

    async def answer(_: Request) -> Response:
        return Response(first, headers={"content-length": "999"}, media_type="text/event-stream")

    host.answer = answer
    with gateway(tmp_path, [host.upstream(provider)]) as gate:
        line = await gate.open(provider, task())
        async with inside(line) as agent:
            answered = await agent.post(PATHS[provider], json={**ASKED, "model": MODELS[provider]})
            use = line.use

    assert answered.text.startswith(f"{first}\n\n")
    said = answered.text.removeprefix(f"{first}\n\n")
    begins, ends = {A: ("event: error\ndata: ", "\n\n"), OA: ("data: ", "\n\n"), G: ("", "\n")}[provider]
    error = json.loads(said.removeprefix(begins).removesuffix(ends))
    assert said == f"{begins}{said.removeprefix(begins)}"
    assert "broke off" in error["error"]["message"]
    assert error.get("type") == {A: "error", OA: "error", G: None}[provider]
    if provider is OA:
        assert "broke off" in error["message"]
    assert use.tokens_out > 0


async def test_a_provider_that_takes_too_long_is_waited_for_no_longer(
    host: Host, tmp_path: Path, go_on: Callable[[float], None]
) -> None:
    """Before its first word or in the middle; the call counts as what was reserved, for it may well have been done."""
    never = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield FIRST
        await never.wait()

    async def silent(_: Request) -> Response:
        await never.wait()
        return Response()

    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            host.answer = silent
            asking = asyncio.create_task(agent.post("/v1/messages", json=ASKED, timeout=None))
            await until(host.was_asked.is_set)
            go_on(601)
            first = await asking
            host.answer = pouring(pieces)
            async with agent.stream("POST", "/v1/messages", json=ASKED, timeout=None) as coming:
                heard = coming.aiter_text()
                assert await anext(heard) == FIRST.decode()
                go_on(601)
                rest = "".join([piece async for piece in heard])
            use = line.use
        never.set()

    assert (first.status_code, first.json()["error"]["type"]) == (504, "timeout_error")
    assert rest.startswith("\n\nevent: error\ndata: ")
    assert "took too long" in rest
    assert use.tokens_out == 200


async def test_of_an_agent_that_has_gone_it_is_still_known_what_it_used(host: Host, tmp_path: Path) -> None:
    """The answer is read to its end, where that is said."""
    has_gone = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield FIRST
        await has_gone.wait()
        yield MUCH
        yield LAST

    host.answer = pouring(pieces)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            async with agent.stream("POST", "/v1/messages", json=ASKED) as coming:
                assert await anext(coming.aiter_bytes()) == FIRST
                reserved, files = line.use, open_files()
            await until(lambda: open_files() <= files - 2)  # its end and ours
            has_gone.set()
            await until(lambda: line.use != reserved)
            use = line.use

    assert reserved.tokens_out == 100
    assert (use.tokens_in, use.tokens_out) == (10, 5)


async def test_nobody_holds_an_answer_up_by_not_reading_it(
    host: Host, tmp_path: Path, go_on: Callable[[float], None]
) -> None:
    """Whoever takes nothing of it is let go of, and the rest is read for what was used."""

    async def pieces() -> AsyncIterator[bytes]:
        yield FIRST
        for _ in range(16):
            yield MUCH
        yield LAST

    host.answer = pouring(pieces)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent, agent.stream("POST", "/v1/messages", json=ASKED, timeout=None):
            reserved = line.use
            for _ in range(1_000):
                await asyncio.sleep(0.01)
                go_on(SECONDS_TO_TAKE / 100)
                if line.use != reserved:
                    break
            use = line.use

    assert (use.tokens_in, use.tokens_out) == (10, 5)


async def test_an_exchange_has_an_end_whoever_is_slow(
    host: Host, tmp_path: Path, go_on: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is the agent, and takes just so much that it is not let go of: the provider is let go of then."""
    monkeypatch.setattr(connections, "SECONDS_TO_TAKE", 1e6)
    let_go = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0)
                yield MUCH
        finally:
            let_go.set()

    host.answer = pouring(pieces)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent, agent.stream("POST", "/v1/messages", json=ASKED, timeout=None) as coming:
            heard = coming.aiter_bytes()
            assert await anext(heard)
            for _ in range(1_000):
                await asyncio.sleep(0.01)
                go_on(60)
                if let_go.is_set():
                    break
            assert let_go.is_set()
            await heard.aclose()


async def test_what_comes_when_the_attempt_is_over_is_read_a_little_longer(host: Host, tmp_path: Path) -> None:
    """The last words of an answer say what it used."""
    is_closing = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield FIRST
        await is_closing.wait()
        yield LAST

    host.answer = pouring(pieces)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            async with agent.stream("POST", "/v1/messages", json=ASKED) as coming:
                assert await anext(coming.aiter_bytes()) == FIRST
            closing = asyncio.create_task(line.close())
            await asyncio.sleep(0)  # it has begun to close
            is_closing.set()
            await closing
            use = line.use

    assert (use.tokens_in, use.tokens_out) == (10, 5)


async def test_an_answer_that_is_stopped_says_so_at_its_end(
    host: Host, tmp_path: Path, go_on: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing more of it comes in the time that is left to it; it is no fault, and no line says that it is."""
    never = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield FIRST
        await never.wait()

    host.answer = pouring(pieces)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent, agent.stream("POST", "/v1/messages", json=ASKED, timeout=None) as coming:
            heard = coming.aiter_text()
            assert await anext(heard) == FIRST.decode()
            gate.stop("acc_ana", "An owner stopped every agent.")
            go_on(SECONDS_TO_READ_ON + 1)
            rest = "".join([piece async for piece in heard])
        never.set()

    assert rest.startswith("\n\nevent: error\ndata: ")
    assert "An owner stopped every agent." in rest
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("status", "said", "is_free"),
    [
        (500, {"type": "error", "error": {"type": "api_error", "message": "Ours."}}, True),
        (502, {"error": {"code": 502, "message": "Ours.", "status": "UNAVAILABLE"}}, True),
        (504, [{"error": {"code": 504, "message": "Ours.", "status": "DEADLINE_EXCEEDED"}}], True),
        (503, "busy", True),
        (529, {"type": "error"}, True),
        (502, "<html>Bad gateway</html>", False),
        (500, {"usage": {"output_tokens": "many"}}, False),
        (200, {"type": "error", "error": {"message": "no"}}, False),
    ],
)
async def test_what_a_provider_calls_its_own_error_costs_nothing(
    host: Host, tmp_path: Path, status: int, said: object, is_free: bool
) -> None:
    """An outage must not use up a day; where something between us and it fails, it may well have done its work."""
    host.says(said, status=status, headers={"retry-after": "7"})
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", json=ASKED)
            use = line.use

    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (status, said, "7")
    assert (use == Cost()) is is_free


@pytest.mark.parametrize(
    ("provider", "status", "said", "sentence", "kind"),
    [
        (A, 401, f"Incorrect key {KEY}", "not accept the key that Haloop holds (401); gateway.anthropic_key_file", ""),
        (A, 403, "Not for org-7781", "not let the key that Haloop holds ask for that (403)", "permission_error"),
        (OA, 404, "No such model for org-7781", "know nothing by that name (404)", ""),
        (OA, 404, "Item with id 'rs_7781' not found.", "an item of one is sent whole, and not by its id", ""),
        (OA, 429, "Too much for org-7781", "take no more calls for now (429)", "rate_limit_exceeded"),
        (G, 429, "Too much for project_number:7781", "take no more calls for now (429)", "RESOURCE_EXHAUSTED"),
        (G, 400, "reason: API_KEY_INVALID, 7781", "not accept the key that Haloop holds (400)", "INVALID_ARGUMENT"),
    ],
)
async def test_what_names_who_pays_is_told_in_other_words(
    host: Host, tmp_path: Path, provider: Provider, status: int, said: str, sentence: str, kind: str
) -> None:
    """With the status, and when to try again; it costs nothing."""
    host.says({"error": {"message": said}}, status=status, headers={"retry-after": "7", "x-request-id": "r"})
    with gateway(tmp_path, [host.upstream(provider)]) as gate:
        line = await gate.open(provider, task())
        async with inside(line) as agent:
            answer = await agent.post(PATHS[provider], json={"model": MODELS[provider]})
            use = line.use

    assert answer.status_code == status
    assert (answer.headers["retry-after"], answer.headers["x-request-id"]) == ("7", "r")
    error = answer.json()["error"]
    assert sentence in error["message"]
    assert kind in (error.get("status"), error.get("type"), "")
    assert KEY not in answer.text
    assert "7781" not in answer.text
    assert use == Cost()


@pytest.mark.parametrize("in_a_list", [True, False])
async def test_when_to_ask_gemini_again_is_told_as_gemini_tells_it(host: Host, tmp_path: Path, in_a_list: bool) -> None:
    """Beside a no in other words: its own clients look for it in the error, and others in a header."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.2s"}
    help_with = {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://x.example/org-7781"}]}
    said = {"error": {"code": 429, "message": "Too much for 7781", "details": [help_with, info]}}
    host.says([said] if in_a_list else said, status=429)
    with gateway(tmp_path, [host.upstream(G)]) as gate:
        line = await gate.open(G, task())
        async with inside(line) as agent:
            answer = await agent.post(PATHS[G], json={"model": MODELS[G]})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "37")
    assert answer.json()["error"]["details"] == [{**info, "retryDelay": "37s"}]
    assert "7781" not in answer.text


async def test_what_is_wrong_with_a_request_is_told_as_the_provider_says_it(host: Host, tmp_path: Path) -> None:
    """Agents' programs read in it that they must shorten what they ask, and do."""
    said = {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 200001"}}
    host.says(said, status=400)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", json=ASKED)
            use = line.use

    assert (answer.status_code, answer.json()) == (400, said)
    assert use == Cost()


async def test_a_header_with_a_letter_that_is_read_in_two_ways_does_not_go_on(host: Host, tmp_path: Path) -> None:
    """Neither out nor in; the rest does."""
    host.says(MESSAGE, headers={"request-id": "caf\u00e9", "x-request-id": "coffee"})
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            said = {b"anthropic-beta": "caf\u00e9".encode(), b"accept": b"text/plain"}
            answer = await agent.post("/v1/messages", json=ASKED, headers=said)

    assert answer.status_code == 200, answer.text
    assert (answer.headers.get("request-id"), answer.headers["x-request-id"]) == (None, "coffee")
    ((_, headers, _),) = host.asked
    assert (headers.get("anthropic-beta"), headers["accept"]) == (None, "text/plain")


def repeated(text: str, parts: Sequence[int] = ()) -> dict[str, Any]:
    """The last event of one of OpenAI's answers, which holds all of it."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {
        "type": "response.completed",
        "response": {"object": "response", "output": text, "parts": parts, "usage": usage},
    }


@pytest.mark.parametrize("in_events", [True, False])
async def test_what_is_large_is_read_beside_everybody_else(in_events: bool) -> None:
    """Where the rest of the process waits for nothing but small events."""
    where = list[int]()

    def told(said: Any) -> Any:
        where.append(get_ident())
        return RESPONSES.told(said)

    small, large = repeated("few"), repeated("word " * (READ_AT_ONCE_MAX // 5))
    for said, is_here in ((small, True), (large, False)):
        counted = Counted(replace(RESPONSES, told=told))
        counted.in_events = in_events
        text = json.dumps(said).encode()
        for piece in (b"data: " + text[:50], text[50:], b"\n\n") if in_events else (text[:50], text[50:]):
            counted.take(piece)
        tokens = await counted.told()

        assert tokens is not None
        assert (tokens.read, tokens.written) == (10, 5)
        assert (where.pop() == get_ident()) is is_here


async def test_what_has_too_many_parts_is_not_read_at_all() -> None:
    """To read it nobody else could go on meanwhile, in whichever thread; the call counts as what was reserved."""
    for count, is_read in ((1_000, True), (PARTS_MAX, False)):
        counted = Counted(RESPONSES)
        counted.take(json.dumps(repeated("", [1] * count)).encode())
        assert (await counted.told() is not None) is is_read
