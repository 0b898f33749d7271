"""`haloop dev`, with the real processes: the app as it is written, in front of a Haloop that starts anew."""

import json
import os
import socket
from typing import Any

import httpx2
import pytest

from haloop.cli.dev import CHECKOUT
from tests.cli.conftest import ending, start
from tests.store.conftest import Place


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def test_the_app_is_served_as_it_is_written_and_a_change_starts_haloop_anew(place: Place) -> None:
    """Vite's page passes on what it asks of the API, and takes its answer; a saved file brings a new address."""
    port, web_port = free_port(), free_port()
    with ending(start("dev", "--json", "--port", port, "--web-port", web_port)) as process:
        assert process.stdout is not None
        first: dict[str, Any] = json.loads(process.stdout.readline())
        with httpx2.Client(base_url=f"http://localhost:{web_port}", transport=httpx2.HTTPTransport(retries=20)) as web:
            app = web.get("/src/app.tsx")
            key = first["page"].partition("key=")[2]
            session = web.post("/api/session", json={"key": key}, headers={"Origin": f"http://localhost:{web_port}"})

        os.utime(CHECKOUT / "src" / "haloop" / "cli" / "dev.py")
        second: dict[str, Any] = json.loads(process.stdout.readline())
        process.terminate()
        process.wait()

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(first["page"])
    assert "Asking" in app.text
    assert session.status_code == 201, session.text
    assert first["page"].startswith(f"http://localhost:{web_port}/?key=")
    assert second["page"] != first["page"]
