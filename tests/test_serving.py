"""Serving: who may have a port, and that no answer waits for the network's own bookkeeping."""

import asyncio
import os
import resource
import signal
import time

import pytest
from fastapi import FastAPI

from haloop.kernel.errors import HomeUnusable
from haloop.serving import FILES_OPEN_MAX, _exists, bind, serve, served
from tests.api.conftest import client_of


async def test_an_answer_comes_at_once() -> None:
    """Twenty small questions over one connection take a moment, not twenty times forty milliseconds."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> dict[str, str]:
        return {"status": "ok"}

    async with served(app, bind("127.0.0.1", 0)) as address, client_of(address, None) as client:
        await client.get("/")
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            await client.get("/")
            seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[10] < 0.03


@pytest.mark.skipif(not _exists("::1"), reason="this machine has no address ::1")
async def test_nobody_answers_beside_us_on_localhost() -> None:
    """A browser may ask `localhost` at ::1 first: it is ours too, and a start where it is somebody's is refused."""
    app, ready = FastAPI(), asyncio.Event()
    at = bind("127.0.0.1", 0)
    port = at.getsockname()[1]
    serving = asyncio.ensure_future(serve(app, at, on_ready=lambda _: ready.set(), on_end=lambda: None))
    await ready.wait()
    with pytest.raises(HomeUnusable):
        bind("::1", port)
    async with client_of(f"http://[::1]:{port}", None) as client:
        assert (await client.get("/")).status_code == 404
    os.kill(os.getpid(), signal.SIGTERM)
    await serving

    with bind("127.0.0.1", 0) as at, bind("::1", at.getsockname()[1]), pytest.raises(HomeUnusable):
        await serve(app, at, on_ready=lambda _: None, on_end=lambda: None)


async def test_a_connection_that_only_stays_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing, or half a request line: after a while the place is somebody else's."""
    monkeypatch.setattr("haloop.serving.SECONDS_TO_ASK", 0.2)
    async with served(FastAPI(), bind("127.0.0.1", 0)) as address:
        port = int(address.rpartition(":")[2])
        for words in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(words)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()


async def test_it_may_have_as_many_files_open_as_the_system_allows() -> None:
    """The usual 1,024 are soon taken by the connections of agents, and then nobody is served."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, most))
    ready = asyncio.Event()
    try:
        serving = asyncio.ensure_future(
            serve(FastAPI(), bind("127.0.0.1", 0), on_ready=lambda _: ready.set(), on_end=lambda: None)
        )
        await ready.wait()
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))

    assert allowed == (min(most, FILES_OPEN_MAX) if most != resource.RLIM_INFINITY else FILES_OPEN_MAX)
    assert allowed > 1_024


def test_a_port_that_somebody_has_is_refused_by_name() -> None:
    """The sentence says which, and what to do."""
    with bind("127.0.0.1", 0) as taken, pytest.raises(HomeUnusable) as refused:
        bind("127.0.0.1", taken.getsockname()[1])
    assert refused.value.code == "serve.port"
