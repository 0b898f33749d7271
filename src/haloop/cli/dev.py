"""`haloop dev`: work on Haloop itself: its process anew whenever its code changes, the web app as it is written."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import click
import orjson

from haloop.cli.answer import Answer, Say, speaking
from haloop.kernel.errors import BadInput, Exit
from haloop.settings import Settings

CHECKOUT = Path(__file__).parents[3]
_START = "import sys; from haloop.cli import main; sys.exit(main())"
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_END = 20


@click.command()
@click.option("--port", type=int, default=4000, show_default=True, help="The port of Haloop's own process.")
@click.option("--web-port", type=int, default=5173, show_default=True, help="The port to open in a browser.")
@speaking
def dev(settings: Settings, say: Say, port: int, web_port: int) -> Exit:
    """Serve the home for somebody who works on Haloop, until Ctrl-C; it needs the checkout.

    A change to the web app shows at once. A change to the Python code starts the process anew, and prints a new
    address, because sessions end with a process.
    """
    if not (CHECKOUT / "web" / "package.json").is_file():
        raise BadInput(
            "This is no checkout of Haloop: there is no web app beside it to work on.",
            code="dev.no_checkout",
            next_step="Use haloop start, or clone the repository.",
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: with all that was started
    web = f"http://localhost:{web_port}"
    with _web_app(web_port, port):
        while True:
            with _haloop(settings.home, port, web) as (process, said):
                say(_answer(web, said))
                _wait_for_change(process)


def _answer(web: str, said: Mapping[str, str]) -> Answer:
    page = said["page"].replace(said["address"], web)
    lines = [f"Open {page}", f"Haloop itself runs on {said['address']}. Ctrl-C ends both."]
    return Answer(lines=lines, document={"address": said["address"], "page": page})


@contextmanager
def _web_app(web_port: int, port: int) -> Iterator[None]:
    """Vite, which serves the app as it is written and passes on what is asked of the API."""
    words: list[str | Path] = [sys.executable, CHECKOUT / "tools" / "web.py", "npm", "run", "--silent", "dev", "--"]
    environment = {**os.environ, "HALOOP_API": f"http://localhost:{port}"}
    words += ["--port", str(web_port), "--strictPort"]
    with _child(words, environment, stdout=subprocess.DEVNULL):
        yield


@contextmanager
def _haloop(home: Path, port: int, web: str) -> Iterator[tuple[subprocess.Popen[bytes], Mapping[str, str]]]:
    """Haloop's process, which takes the app's own address for one of its pages; and what it said."""
    words: list[str | Path] = [sys.executable, "-c", _START, "--home", home, "start", "--port", str(port), "--json"]
    environment = {**os.environ, "HALOOP_WEB_ALLOWED_ORIGINS": web}
    with _child(words, environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise BadInput("Haloop did not start.", code="dev.start", next_step="Read what it said above.")
        yield process, orjson.loads(line)


@contextmanager
def _child(
    words: list[str | Path], environment: Mapping[str, str], *, stdout: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block, and whatever it has started with it."""
    with subprocess.Popen(  # noqa: S603  # our own programs
        words, env=environment, stdout=stdout, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(_SECONDS_TO_END)


def _wait_for_change(process: subprocess.Popen[bytes]) -> None:
    before, pause = _code(), Event()
    while process.poll() is None and _code() == before:
        pause.wait(_SECONDS_BETWEEN_LOOKS)


def _code() -> dict[Path, int]:
    """Each file of the code, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in (CHECKOUT / "src").rglob("*.py")}
