"""What an agent may do to its socket, which is a piece of the process that serves everybody."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fastapi import Request, Response

from haloop.connectors.gateway.connections import CONNECTIONS_MAX, SECONDS_TO_ASK
from haloop.connectors.gateway.door import CALLS_AT_ONCE_MAX
from tests.connectors.gateway.conftest import Host, found, gateway, inside, open_files, task
from tests.connectors.gateway.test_door import ASKED, MESSAGE, A
from tests.engines.outside import until

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: model\r\ncontent-length: 9\r\n"


async def said_and_heard(at: str, said: bytes) -> bytes:
    """Over a connection of its own; whoever connected before is seen by then."""
    reader, writer = await asyncio.open_unix_connection(at)
    writer.write(said)
    heard = await reader.read()
    await let_go([(reader, writer)])
    return heard


async def let_go(connections: Sequence[Ends]) -> None:
    """Close the agent's ends."""
    for _, writer in connections:
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])


async def test_connections_that_say_nothing_take_only_so_many_of_the_houses_files(host: Host, tmp_path: Path) -> None:
    """Each is one of a number that everybody shares; those beyond it are cut off at once, and the rest remain."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        with found(line) as at:
            before = open_files()
            silent = [await asyncio.open_unix_connection(at) for _ in range(100)]
            cut_off = [asyncio.ensure_future(reader.read()) for reader, _ in silent]
            await until(lambda: sum(one.done() for one in cut_off) >= 100 - CONNECTIONS_MAX)
            await until(lambda: open_files() <= before + 100 + CONNECTIONS_MAX)
            remaining = sum(not one.done() for one in cut_off)
            await let_go(silent)
            await until(lambda: open_files() == before)
        await line.close()

    assert remaining == CONNECTIONS_MAX


@pytest.mark.parametrize("said", [b"", b"POST /v1/mess", HEAD, HEAD + b'\r\n{"a"'])
async def test_a_request_has_a_time_in_which_to_be_whole(
    host: Host, tmp_path: Path, go_on: Callable[[float], None], said: bytes
) -> None:
    """Whatever there is of it: it would lie in memory as long as its sandbox lives."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        with found(line) as at:
            reader, writer = await asyncio.open_unix_connection(at)
            writer.write(said)
            ended = asyncio.ensure_future(reader.read())
            assert await said_and_heard(at, b"GET / HTTP/1.0\r\n\r\n")
            assert not ended.done()
            go_on(SECONDS_TO_ASK + 1)
            await until(ended.done)
            await let_go([(reader, writer)])
        await line.close()


async def test_a_little_of_it_at_a_time_wins_nothing(
    host: Host, tmp_path: Path, go_on: Callable[[float], None]
) -> None:
    """Each piece comes in time, and the whole does not."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        with found(line) as at:
            reader, writer = await asyncio.open_unix_connection(at)
            ended = asyncio.ensure_future(reader.read())
            writer.write(HEAD + b"\r\n")
            await until(lambda: line.was_reached)
            for _ in range(2):
                go_on(SECONDS_TO_ASK / 2 + 1)
                writer.write(b"x")
            await until(ended.done)
            await let_go([(reader, writer)])
        await line.close()


async def test_whoever_waits_for_an_answer_is_not_hurried(
    host: Host, tmp_path: Path, go_on: Callable[[float], None]
) -> None:
    """A model may think for minutes; the next call at the same connection may as well."""
    think = asyncio.Event()

    async def answer(_: Request) -> Response:
        await think.wait()
        return Response(json.dumps(MESSAGE), media_type="application/json")

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            for count in (1, 2):
                asking = asyncio.create_task(agent.post("/v1/messages", json=ASKED, timeout=None))
                await until(lambda count=count: len(host.asked) == count)  # type: ignore[misc]
                go_on(3 * SECONDS_TO_ASK)
                think.set()
                assert (await asking).status_code == 200
                think.clear()


async def test_more_calls_at_once_are_told_that_it_is_busy(host: Host, tmp_path: Path) -> None:
    """In the provider's form, and when to try again; all that there may be are at the provider at the same time."""
    let_them = asyncio.Event()

    async def answer(_: Request) -> Response:
        await let_them.wait()
        return Response(json.dumps(MESSAGE), media_type="application/json")

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent, asyncio.TaskGroup() as calls:
            asked = [calls.create_task(agent.post("/v1/messages", json=ASKED)) for _ in range(CALLS_AT_ONCE_MAX)]
            await until(lambda: len(host.asked) == CALLS_AT_ONCE_MAX)
            async with asyncio.timeout(5):
                refused = await agent.post("/v1/messages", json=ASKED)
            let_them.set()
            await asyncio.wait(asked)
            again = await agent.post("/v1/messages", json=ASKED)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert {one.result().status_code for one in asked} == {200}
    assert again.status_code == 200


async def test_what_an_agent_does_wrong_is_not_noted(
    host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It could do so again and again, until nothing that anybody else's work left is in the log any more."""
    wrong = (
        b"what?\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: model\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n\r\n",
    )
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        with found(line) as at:
            for said in wrong:
                assert (await said_and_heard(at, said)).startswith(b"HTTP/1.1 4")
        await line.close()

    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


CHUNKED = b"POST /elsewhere HTTP/1.1\r\nhost: model\r\ntransfer-encoding: chunked\r\n\r\n"
NO_CHUNK = b"zz\r\n"


@pytest.mark.parametrize("answered_first", [True, False])
async def test_a_request_that_turns_into_nonsense_is_cut_off_without_a_word(
    host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture, answered_first: bool
) -> None:
    """Before its answer or after it: there is no place for a second one, and none for a line in everybody's log."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        with found(line) as at:
            reader, writer = await asyncio.open_unix_connection(at)
            writer.write(CHUNKED if answered_first else CHUNKED + NO_CHUNK)
            if answered_first:
                assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 404")
                writer.write(NO_CHUNK)
            async with asyncio.timeout(5):
                await asyncio.wait([asyncio.ensure_future(reader.read())])
            await let_go([(reader, writer)])
        await line.close()

    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
