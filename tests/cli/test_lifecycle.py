"""`haloop start`, `status` and `stop`, with real processes: what a person at two terminals meets."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest

from haloop.cli.running import life_of, read_running
from haloop.cli.status import ServerStatus, last_error, read_status
from tests.cli.conftest import Haloop, ending, start
from tests.store.conftest import Place

SECONDS_MAX = 60


@contextmanager
def serving(*words: object) -> Iterator[tuple[subprocess.Popen[str], Mapping[str, Any]]]:
    """A started Haloop, and what it said once it was ready."""
    with ending(start("start", "--json", "--port", 0, *words)) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())


def pid_file(place: Place) -> Path:
    return place.home / "runtime" / "haloop.pid"


def test_a_start_makes_the_home_serves_it_and_says_where(haloop: Haloop, place: Place) -> None:
    """From nothing to an address that answers, in one command; status says the same beside it."""
    with serving() as (process, said):
        assert httpx2.get(f"{said['address']}/healthz", trust_env=False).json() == {"status": "ok"}
        status = haloop("status", "--json")
        assert status.code == 0
        assert status.document["running"] is True
        assert status.document["answers"] is True
        page = said["page"]
        assert page.startswith(f"{said['address']}/?key=")
        assert page.partition("key=")[2] not in pid_file(place).read_text()
        assert {**status.document, "page": page} == {**status.document, **said}
        assert status.document["open_gates"] == 0
        assert status.document["agents_stopped"] is False
        assert (status.document["backend"], status.document["frontend"]) == (said["address"], f"{said['address']}/")
        lines = dict(line.split(maxsplit=1) for line in haloop("status").out.splitlines() if "  " in line)
        assert (lines["backend"], lines["frontend"]) == (said["address"], f"{said['address']}/")

    assert said["pid"] == process.pid
    assert said["home"] == str(place.home)
    assert (place.home / "config.toml").exists()


def test_a_person_reads_one_address(place: Place) -> None:
    """What is printed is one address, what runs, and where the data lies."""
    with ending(start("start", "--port", 0)) as process:
        assert process.stdout is not None
        address, running, home = (process.stdout.readline() for _line in range(3))

    assert address.startswith("Open http://localhost:")
    assert f"process {process.pid}" in running
    assert str(place.home) in home


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_when_told_to(haloop: Haloop, place: Place, number: signal.Signals) -> None:
    """Ctrl-C and a polite kill end with one line and code 0, and leave nothing that claims to run."""
    with serving() as (process, _said):
        process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS_MAX)

    assert process.returncode == 0
    assert out == ""
    assert err == "Haloop has ended in order.\n"
    assert not pid_file(place).exists()
    status = haloop("status", "--json")
    assert status.code == 4
    assert (status.document["running"], status.document["pid"], status.document["address"]) == (False, None, None)


def test_a_second_start_says_where_the_first_is_and_touches_nothing(haloop: Haloop, place: Place) -> None:
    """Whoever starts it twice gets the address, code 0, and the first goes on."""
    with serving() as (process, said):
        before = {path: path.stat().st_mtime_ns for path in (pid_file(place), place.home / "config.toml")}
        again = haloop("start", "--port", 1, "--json")
        on_paper = haloop("start")
        after = {path: path.stat().st_mtime_ns for path in before}
        assert process.poll() is None

    assert again.code == 0
    assert {**again.document, "page": ""} == {**said, "page": ""}
    assert again.document["page"] != said["page"]
    assert on_paper.out.startswith(f"Open {said['address']}/?key=")
    assert f"\nHaloop is running already, as process {process.pid} " in on_paper.out
    assert after == before


def test_stop_waits_until_it_is_gone(haloop: Haloop, place: Place) -> None:
    """After stop the home is free, and to stop what does not run is no error."""
    with serving() as (process, said):
        stopped = haloop("stop", "--json")
        assert process.wait(SECONDS_MAX) == 0
    again = haloop("stop", "--json")

    assert (stopped.code, stopped.document) == (0, {"pid": said["pid"], "stopped": True})
    assert (again.code, again.document) == (0, {"pid": None, "stopped": False})
    assert not pid_file(place).exists()


def test_after_a_kill_it_is_known_not_to_run_and_starts_again(haloop: Haloop, place: Place) -> None:
    """The file a killed process leaves fools nobody: not status, not stop, not the next start."""
    with serving() as (process, _said):
        process.kill()
        process.wait(SECONDS_MAX)
    assert pid_file(place).exists()

    status = haloop("status")
    assert status.code == 4
    assert "did not end in order" in status.out
    assert haloop("stop", "--json").document["stopped"] is False
    with serving() as (second, said):
        assert said["pid"] == second.pid
        assert haloop("status").code == 0
        second.terminate()
        _out, err = second.communicate(timeout=SECONDS_MAX)
    assert "did not end in order" in err


def test_one_that_was_killed_and_not_buried_does_not_run(haloop: Haloop, place: Place) -> None:
    """A process that has ended keeps its number until its parent looks; it counts as ended all the same."""
    with serving() as (process, _said):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert life_of(process.pid) == ""
        assert haloop("status").code == 4


def test_a_number_that_somebody_else_has_now_is_not_believed(haloop: Haloop, place: Place) -> None:
    """A pid that the system gave to another process is neither taken for Haloop nor stopped."""
    with serving() as (process, _said):
        process.kill()
        process.wait(SECONDS_MAX)
    with subprocess.Popen(["sleep", str(SECONDS_MAX)]) as stranger:
        left = json.loads(pid_file(place).read_text())
        pid_file(place).write_text(json.dumps({**left, "pid": stranger.pid}, separators=(",", ":")) + "\n")

        assert haloop("status").code == 4
        assert haloop("stop", "--json").document == {"pid": None, "stopped": False}
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize(
    "raw", ["", "123\n", '{"pid":1}', '{"address":"a","life":"","pid":0,"started_at":"","version":""}']
)
def test_a_damaged_file_says_nothing(haloop: Haloop, place: Place, raw: str) -> None:
    """Whatever stands in the file, the answer is that nothing runs."""
    haloop("init")
    pid_file(place).write_text(raw)

    assert read_running(place.home) is None
    assert haloop("status").code == 4
    assert haloop("stop").code == 0


def test_a_port_that_is_taken_is_told_and_no_home_is_made(haloop: Haloop, place: Place) -> None:
    """The port comes before anything else, so nothing has begun where it is not free."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = haloop("start", "--port", other.getsockname()[1], "--json")

    assert said.code == 5
    assert said.document["error"]["code"] == "serve.port"
    assert "--port" in said.document["error"]["next_step"]
    assert not place.home.exists()


def test_a_start_that_the_ledger_refuses_leaves_the_other_alone(haloop: Haloop, place: Place) -> None:
    """Where only the lock shows that somebody has the home, it is believed, and nobody is announced."""
    with serving() as (process, _said):
        pid_file(place).unlink()
        said = haloop("start", "--port", 0, "--json")
        assert process.poll() is None

    assert said.code == 5
    assert said.document["error"]["code"] == "home.locked"
    assert not pid_file(place).exists()


@pytest.mark.parametrize("words", [("--host", "0.0.0.0"), ("--port", 70000)])
def test_a_flag_that_does_not_fit_starts_nothing(haloop: Haloop, place: Place, words: tuple[object, ...]) -> None:
    """Flags are held to the same rules as the file."""
    assert haloop("start", *words).code == 2
    assert not place.home.exists()


def test_the_port_of_the_environment_is_honoured(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """PORT says where to serve."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    with ending(start("start", "--json")) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["address"] == f"http://localhost:{port}"


def test_status_names_the_last_error_of_the_log(haloop: Haloop, place: Place) -> None:
    """The newest line of level error is shown, whatever came after it and however broken the lines around it."""
    haloop("init")
    log = place.home / "logs" / "haloop.log"
    log.write_bytes(
        b'{"time":"1","level":"error","event":"first"}\n{"time":"2","level":"error","event":"the \\u001b[2J disk"}\n'
        b'{"time":"3","level":"info","event":"well"}\n\xff{[\n"error"\n'
    )

    assert last_error(place.home) == "2 the \x1b[2J disk"
    assert haloop("status", "--json").document["last_error"] == "2 the \x1b[2J disk"
    assert "\x1b" not in haloop("status").out


@contextmanager
def answering(code: int, body: bytes) -> Iterator[str]:
    """A server that gives one answer to everything; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("code", "body", "gates"),
    [(200, b'{"open_gates":3}', 3), (404, b'{"open_gates":3}', None), (200, b"[]", None), (500, b"", None)],
)
def test_what_a_process_does_not_say_is_unknown(code: int, body: bytes, gates: int | None) -> None:
    """Open gates are a number only where the process says one; no answer is never taken for none."""
    with answering(code, body) as address:
        assert read_status(address, Path("/nowhere")) == ServerStatus(answers=True, open_gates=gates)


def test_a_process_that_does_not_answer_is_said_not_to() -> None:
    """An address nobody serves is no crash."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert read_status(f"http://127.0.0.1:{port}", Path("/nowhere")) == ServerStatus(answers=False, open_gates=None)
