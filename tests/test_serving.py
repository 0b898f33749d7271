"""Serving: who may have a port, and that no answer waits for the network's own bookkeeping."""

import time

import pytest
from fastapi import FastAPI

from haloop.kernel.errors import HomeUnusable
from haloop.serving import bind, served
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


def test_a_port_that_somebody_has_is_refused_by_name() -> None:
    """The sentence says which, and what to do."""
    with bind("127.0.0.1", 0) as taken, pytest.raises(HomeUnusable) as refused:
        bind("127.0.0.1", taken.getsockname()[1])
    assert refused.value.code == "serve.port"
