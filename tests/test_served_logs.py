"""A home that is served as people serve it: the process keeps the log, from its start to its end in order."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from haloop.logs import FILE

SERVE = """
import asyncio, os
from haloop.app import run_server
from haloop.serving import bind
from haloop.settings import Settings
settings, at = Settings.read(os.environ), bind("127.0.0.1", 0)
asyncio.run(run_server(settings, at, on_ready=lambda _, page: print(page, flush=True)))
"""


async def serving(folder: Path, **environment: str) -> asyncio.subprocess.Process:
    homes = {"HALOOP_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVE),
        env={"PATH": os.environ["PATH"], **homes, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def test_a_served_home_keeps_its_log(tmp_path: Path) -> None:
    """Start, a request with the machine's token, a stranger, and the end; neither token nor one-time key is written."""
    process = await serving(tmp_path)
    assert process.stdout is not None
    address, _, key = (await process.stdout.readline()).decode().strip().partition("/?key=")
    token = (tmp_path / "home" / "token").read_text()
    async with httpx2.AsyncClient(base_url=address) as client:
        known = await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})
        await client.get(f"/api/me?key={key}", headers={"Authorization": f"Bearer {token}x"})
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert (process.returncode, known.status_code) == (0, 200)
    text = (tmp_path / "home" / "logs" / FILE).read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines if line["logger"] != "haloop.run"] == [
        "started",
        "request",
        "denied",
        "request",
        "stopped",
    ]
    assert token not in text
    assert key not in text


async def test_telemetry_that_cannot_be_sent_ends_a_start_before_it_begins(tmp_path: Path) -> None:
    """Somebody asks for an exporter that Haloop does not have: told at once, and nothing was made."""
    process = await serving(tmp_path, OTEL_TRACES_EXPORTER="zipkin")
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"OTEL_TRACES_EXPORTER says 'zipkin'" in said
    assert not (tmp_path / "home").exists()
