"""How soon a command answers and a start is ready: whole processes, each beside the floor that nobody can go below.

The floor of a start is a bare FastAPI application under uvicorn in the same interpreter, until its first answer; the
floor of a command is an interpreter that does nothing.
"""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ledger import Measure

READY_SECONDS = 2.0
HELP_SECONDS = 0.3
SECONDS_MAX = 60.0
BARE = """
import sys
import uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""
_ASK = b"GET /readyz HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n"
_HALOOP = str(Path(sys.executable).with_name("haloop"))


def measure_starts(*, small: bool) -> list[Measure]:
    """Medians, after one of each that warms the disk's cache."""
    rounds = 2 if small else 9
    bare, ready = _both(rounds, _bare_ready, _haloop_ready)
    nothing, answered = _both(rounds, lambda: _run([sys.executable, "-c", "pass"]), lambda: _run([_HALOOP, "--help"]))
    return [
        _beside("haloop start in an empty home to its first answer", ready, READY_SECONDS, bare, "a bare FastAPI app"),
        _beside("haloop --help", answered, HELP_SECONDS, nothing, "python -c pass"),
    ]


def _both(rounds: int, floor: Callable[[], float], ours: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Seconds of each, in turns, so that a busy moment meets both."""
    pairs = [(floor(), ours()) for _ in range(rounds + 1)][1:]
    return [one for one, _ in pairs], [one for _, one in pairs]


def _bare_ready() -> float:
    return _seconds_to_ready(lambda port: [sys.executable, "-c", BARE, str(port)])


def _haloop_ready() -> float:
    with TemporaryDirectory(prefix="haloop-start-") as folder:
        return seconds_to_ready(Path(folder) / "home", Path(folder))


def seconds_to_ready(home: Path, state: Path) -> float:
    """From `haloop start` to its first good answer."""
    command = [_HALOOP, "--home", str(home), "start", "--port"]
    return _seconds_to_ready(lambda port: [*command, str(port)], str(state))


def _seconds_to_ready(command: Callable[[int], list[str]], state: str = "") -> float:
    """From the start of a process to its first good answer; then it is ended, and waited for."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(
        command(port), env=_environment(state), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - started > SECONDS_MAX:
                raise RuntimeError(f"{command(port)} did not get ready")
            time.sleep(0.002)
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.communicate()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as asked:
            asked.sendall(_ASK % port)
            return asked.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _run(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=_environment(""), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _environment(state: str) -> dict[str, str]:
    """Ours, without what would be a setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALOOP_") and name != "PORT"}
    return {**kept, **({"XDG_STATE_HOME": f"{state}/state"} if state else {})}


def _beside(name: str, seconds: list[float], limit: float, floor: list[float], what: str) -> Measure:
    ours, bare = statistics.median(seconds), statistics.median(floor)
    note = f"{ours / bare:.1f} times {what} ({bare * 1_000:,.0f} ms); worst {max(seconds) * 1_000:,.0f} ms"
    return Measure(name, ours * 1_000, "ms", f"≤ {limit * 1_000:g}", ours <= limit, note)
