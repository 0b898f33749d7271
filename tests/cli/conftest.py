"""A person at a terminal: a home with a past, and the commands as they would type them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from haloop.cli import main
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import RUN_ENDED, START, Entry
from haloop.kernel.part import Part
from tests.store.conftest import REPOSITORY, Place, new_chain

WISH = b"a table for two\x1b[2J"
"""What somebody wished for, with a command to their terminal in it."""

RUNNING = """
import asyncio, sys
from pathlib import Path
from haloop.kernel.ids import new_run_id
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger

async def live(home, state):
    signer = read_or_make_signer(home / "secrets")
    async with SqliteLedger.opened(home, signer=signer, witness_folder=state, ballast=65536) as ledger:
        account = (await ledger.accounts())[0]
        entry = Entry(kind="step.done", actor="agent:sam", parts=(Part(name="words", body=b"on and on"),))
        print("running", flush=True)
        while True:
            await ledger.append(Chain(account=account, run_id=new_run_id()), START, entry)
            await asyncio.sleep(0.001)

asyncio.run(live(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Haloop = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place whose environment the commands read, without what this machine or the gate put there."""
    for name in os.environ:
        if name.startswith("HALOOP_") or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HALOOP_HOME", str(tmp_path / "home"))
    return Place(tmp_path / "home", tmp_path / "state" / "haloop")


@pytest.fixture
def haloop(place: Place, capsys: pytest.CaptureFixture[str]) -> Haloop:
    """Type a command."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
async def account(place: Place) -> AccountId:
    """An account of a closed home, with one run: a wish (index 1) and its end (index 2)."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        wish = Entry(kind="run.started", actor="person:ana", parts=(Part(name="wish", body=WISH), Part.of("size", 2)))
        await ledger.append(new_chain(account), START, wish, Entry(kind=RUN_ENDED, actor="kernel"))
    return account


@pytest.fixture
def key(haloop: Haloop, account: AccountId) -> str:
    """The account's verifier key."""
    return haloop("key", account).out.strip()


@contextmanager
def running(place: Place) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the home and records facts without pause."""
    with ending(place.start_child(RUNNING)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "running\n"
        yield child


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block, however the block ends."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def start(*words: object) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "import sys; from haloop.cli import main; sys.exit(main())", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
    )
