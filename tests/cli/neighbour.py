"""A running Haloop next door: a practice house served on the loopback interface from a thread of its own."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias, TypeVar

import pytest

from haloop.api.server import let_go
from haloop.cli.running import announced
from haloop.kernel.fact import Fact
from haloop.kernel.ids import RunId
from tests.api.conftest import TOKEN, Door, opened_door, opened_errands
from tests.cli.conftest import Haloop
from tests.store.conftest import REPOSITORY, Place

T = TypeVar("T")
OpenHouse: TypeAlias = Callable[[Path], AbstractAsyncContextManager[Door]]
SECONDS_MAX = 30
ORDER = ("order.item=tea", "order.shop=Karl", "order.cents=1250")
PROGRAM = "import sys; from haloop.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A door, and the thread that serves it."""

    door: Door
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done in the thread that serves."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SECONDS_MAX)

    def facts(self, run: str) -> list[Fact]:
        return self.do(self.door.practice.facts(RunId(run)))

    def interrupt(self) -> None:
        """Break every connection that streams what happens."""

        async def let_go_and_come_back() -> None:
            let_go(self.door.app)
            await asyncio.sleep(0.2)
            self.door.house.closing.clear()

        self.do(let_go_and_come_back())

    def settle(self) -> None:
        """Wait until everything came to where it waits."""
        self.do(self.door.practice.engine.settled())


@contextmanager
def next_door(folder: Path, opened_house: OpenHouse = opened_door) -> Iterator[Neighbour]:
    """A neighbour who is there until the end of the block."""
    opened: Future[tuple[Neighbour, asyncio.Event]] = Future()

    async def live() -> None:
        over = asyncio.Event()
        async with opened_house(folder) as door:
            opened.set_result((Neighbour(door, asyncio.get_running_loop()), over))
            await over.wait()

    thread = Thread(target=lambda: asyncio.run(live()))
    thread.start()
    neighbour, over = opened.result(SECONDS_MAX)
    try:
        yield neighbour
    finally:
        neighbour.loop.call_soon_threadsafe(over.set)
        thread.join(SECONDS_MAX)


@pytest.fixture
def neighbour(place: Place, tmp_path: Path) -> Iterator[Neighbour]:
    """A running Haloop that the commands reach through what it wrote into its home."""
    with next_door(tmp_path) as neighbour, reachable(place, neighbour):
        yield neighbour


@pytest.fixture
def errand_neighbour(place: Place, tmp_path: Path) -> Iterator[Neighbour]:
    """The same, where the errands desk listens."""
    with next_door(tmp_path, opened_errands) as neighbour, reachable(place, neighbour):
        yield neighbour


@contextmanager
def reachable(place: Place, neighbour: Neighbour) -> Iterator[None]:
    """The commands find it in the home."""
    (place.home / "runtime").mkdir()
    (place.home / "token").write_text(TOKEN)
    with announced(place.home, neighbour.door.address):
        yield


def asked(haloop: Haloop, *order: str) -> tuple[str, str]:
    """Ask for tea; the run and its gate."""
    document = haloop("ask", "shop.buy_if_asked", *(order or ORDER), "--json").document
    return document["run"], document["gates"][0]["id"]


class Terminal:
    """A command at a terminal, with somebody who reads it and types."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        )
        os.close(slave)

    def read_until(self, words: str) -> None:
        """Read until these words stand there."""
        while words not in self.seen:
            self.seen += os.read(self._master, 4096).decode()

    def type_in(self, line: str) -> None:
        os.write(self._master, f"{line}\n".encode())

    def end(self) -> tuple[int, str]:
        """How it ended, and what it answered."""
        out, _ = self._process.communicate(timeout=SECONDS_MAX)
        os.close(self._master)
        return self._process.returncode, out
