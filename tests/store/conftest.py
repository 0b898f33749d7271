"""A home of its own for every test: on a real disk, opened as the product opens it, with a real signer."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event as Signal

import apsw
import pytest

from haloop.kernel.clock import Clock
from haloop.kernel.errors import HaloopError, Poisoned
from haloop.kernel.ids import AccountId, new_run_id
from haloop.kernel.ledger import RUN_ENDED, START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.signing import FileSigner, read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import Report, verify_home

REPOSITORY = Path(__file__).parents[2]
BALLAST = 64 * 1024
OPENING_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one home lives, what witnesses it from outside, and who hears of its death."""

    home: Path
    state: Path
    deaths: list[Poisoned] = field(default_factory=list)

    @property
    def signer(self) -> FileSigner:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return read_or_make_signer(self.home / "secrets")

    @asynccontextmanager
    async def opened(
        self, *, clock: Clock | None = None, ballast: int = BALLAST, checkpoints: Path | None = None
    ) -> AsyncIterator[SqliteLedger]:
        """The ledger, open until the end of the block; an opening that takes long hangs, and fails."""
        opening = SqliteLedger.opened(
            self.home,
            signer=self.signer,
            witness_folder=self.state,
            clock=clock,
            ballast=ballast,
            checkpoints=checkpoints,
            on_death=self.deaths.append,
        )
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(OPENING_SECONDS_MAX):
                ledger = await stack.enter_async_context(opening)
            yield ledger

    @contextmanager
    def editing(self, name: str = "ledger.db") -> Iterator[apsw.Connection]:
        """A database of the closed home, open to somebody who wishes it ill."""
        with closing(apsw.Connection(str(self.home / name))) as connection:
            yield connection

    def edit(self, *statements: str) -> None:
        """Change the closed ledger behind Haloop's back; each statement must change something."""
        with self.editing() as connection:
            for statement in statements:
                list(connection.execute(statement))
                assert connection.changes() > 0, statement

    def verify(self) -> Report:
        return verify_home(self.home)

    def start_child(self, script: str, *arguments: object) -> subprocess.Popen[str]:
        """Another process that runs this script with the home, the state folder and the arguments."""
        return subprocess.Popen(
            [sys.executable, "-c", script, str(self.home), str(self.state), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where no ledger has been yet."""
    return Place(tmp_path / "home", tmp_path / "state")


@pytest.fixture
async def ledger(place: Place) -> AsyncIterator[SqliteLedger]:
    """A new ledger, open."""
    async with place.opened() as opened:
        yield opened


@pytest.fixture
async def account(ledger: SqliteLedger) -> AccountId:
    """An account in that ledger."""
    return await ledger.open_account()


@pytest.fixture
def chain(account: AccountId) -> Chain:
    """A run of that account, with no event yet."""
    return new_chain(account)


@pytest.fixture
async def past(place: Place) -> Chain:
    """A closed home with one run of two events."""
    async with place.opened() as ledger:
        chain = new_chain(await ledger.open_account())
        await ledger.append(chain, START, said("long ago"), ended())
    return chain


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Where the ledger's backup goes."""
    return tmp_path / "backup"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Where the keys' backup goes."""
    return tmp_path / "keys"


async def history(place: Place) -> Chain:
    """A home with an account and a run of three facts, closed."""
    async with place.opened() as ledger:
        chain = new_chain(await ledger.open_account())
        await ledger.append(chain, START, said("one"), said("two"), said("three"))
    return chain


async def more(place: Place, chain: Chain) -> None:
    """Life goes on for a while."""
    async with place.opened() as ledger:
        await ledger.append(chain, await ledger.head(chain), said("four"))


async def refusal(place: Place) -> HaloopError:
    """Why a home does not open."""
    async with asyncio.timeout(OPENING_SECONDS_MAX):
        with pytest.raises(HaloopError) as refused:
            async with place.opened():
                pass
    return refused.value


def witness_file(place: Place) -> Path:
    """What remembers the home from outside."""
    (path,) = [path for path in place.state.rglob("sys_*") if not path.name.endswith((".lock", ".part"))]
    return path


def new_chain(account: AccountId) -> Chain:
    return Chain(account=account, run_id=new_run_id())


def said(words: str, kind: str = "step.done") -> Entry:
    """Somebody did a step and said so."""
    return Entry(kind=kind, actor="agent:sam", parts=(Part.of("words", words),))


def ended() -> Entry:
    return Entry(kind=RUN_ENDED, actor="kernel")


@contextmanager
def always_read(one: apsw.Connection, other: apsw.Connection, query: str) -> Iterator[None]:
    """Somebody reads at every moment of the block: each reader begins before the one before it ends."""
    begun, enough = Signal(), Signal()

    def read() -> None:
        earlier = begin(one)
        begun.set()
        for reader in cycle((other, one)):
            later = begin(reader)
            earlier.close()
            earlier = later
            if enough.is_set():
                break
        earlier.close()

    def begin(reader: apsw.Connection) -> apsw.Cursor:
        reading = reader.execute(query)
        next(reading)
        return reading

    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(read)
        try:
            assert begun.wait(10)
            yield
        finally:
            enough.set()
            reading.result()


async def until(condition: Callable[[], bool], *, seconds_max: float = 10.0) -> None:
    """Wait until something is so; fail if it takes too long."""
    async with asyncio.timeout(seconds_max):
        while not condition():  # noqa: ASYNC110  # what is waited for often happens in another process
            await asyncio.sleep(0.005)
