"""The reference workload: a day in the life of a home, run as a process of its own so that it can be killed.

It opens a home as shipped, lets several runs record facts at once, about people and with claims, some
awaited and some riding along, ends and erases a run, keeps the checkpoints it is shown, and closes; then it
does all of that again. Whatever it hears as done it writes down outside the home before it goes on, one
write(2) per answer: that file is what "acknowledged" means to every row.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

from haloop.kernel.errors import HaloopError
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import RUN_ENDED, START, Chain, Entry, Head
from haloop.kernel.part import Part
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from haloop.store.submission import Submission
from tests.faults.controls import planted
from tests.faults.invariants import BALLAST, Acknowledged

ON_ITS_WAY_MAX = 4
"""How many facts of one chain this workload submits before it waits for an answer."""

_BODY_BYTES = 130
_LARGE_BODY_BYTES = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much is done."""

    sessions: int = 1
    runs: int = 4
    turns: int = 4
    """How often each run waits for an answer."""
    large: int = 0
    """How many facts in a hundred carry a large part, to fill the write-ahead log."""
    seals: int = 0
    """How often a day waits for a checkpoint, which takes up to a second."""
    seed: int = 0

    def arguments(self) -> list[str]:
        """As it is told to a child."""
        named = {"sessions": self.sessions, "runs": self.runs, "turns": self.turns, "large": self.large}
        named |= {"seals": self.seals, "seed": self.seed}
        return [f"--{name}={value}" for name, value in named.items()]


class Outside:
    """What the world beyond the home hears, in files that only grow."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._acknowledged = _open_to_append(folder / "acknowledged")
        self._seen = _open_to_append(folder / "seen")

    def hear(self, facts: Sequence[Acknowledged]) -> None:
        """An author was told that these facts are durable."""
        os.write(self._acknowledged, b"".join([fact.line() for fact in facts]))

    def see(self, note: str) -> None:
        """Somebody was shown a signed checkpoint."""
        os.write(self._seen, f"{note.encode().hex()}\n".encode())


def acknowledged(folder: Path) -> tuple[Acknowledged, ...]:
    """What was heard outside, before the workload ended however it ended."""
    path = folder / "acknowledged"
    return Acknowledged.read(path.read_bytes()) if path.exists() else ()


def seen(folder: Path) -> tuple[str, ...]:
    """The checkpoints that were seen outside, by us or by the witness. To be asked before the home is opened again."""
    path = folder / "seen"
    notes = list(read_seen(path.read_bytes())) if path.exists() else []
    for witness in (folder / "witness").rglob("sys_*"):
        if not witness.suffix:
            notes += json.loads(witness.read_bytes())["notes"].values()
    return tuple(notes)


def read_seen(lines: bytes) -> tuple[str, ...]:
    """Checkpoints from the lines that `Outside` wrote."""
    whole, _, _ = lines.rpartition(b"\n")
    return tuple(bytes.fromhex(line.decode()).decode() for line in whole.splitlines())


def main(arguments: Sequence[str]) -> int:
    """Run the workload; the answer is the exit code a command of ours would give."""
    parser = argparse.ArgumentParser(prog="workload")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--control")
    for name in Shape.__dataclass_fields__:
        parser.add_argument(f"--{name}", type=int, default=getattr(Shape(), name))
    options = parser.parse_args(arguments)
    shape = Shape(**{name: getattr(options, name) for name in Shape.__dataclass_fields__})
    try:
        with planted(options.control):
            asyncio.run(live(options.folder, shape))
    except HaloopError as error:
        sys.stderr.write(f"haloop: {error.code}: {error.sentence}\n")
        return int(error.exit)
    return 0


async def live(folder: Path, shape: Shape) -> None:
    """Open, work and close, as often as asked."""
    outside = Outside(folder)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    for session in range(shape.sessions):
        dice = Random(f"{shape.seed}/{session}")
        signer = read_or_make_signer(home / "secrets")
        async with SqliteLedger.opened(
            home, signer=signer, witness_folder=folder / "witness", ballast=BALLAST
        ) as ledger:
            await _Day(ledger, outside, shape, dice).work()


class _Day:
    """One opening of the home."""

    def __init__(self, ledger: SqliteLedger, outside: Outside, shape: Shape, dice: Random) -> None:
        self._ledger = ledger
        self._outside = outside
        self._shape = shape
        self._dice = dice

    async def work(self) -> None:
        accounts = [await self._ledger.open_account() for _ in range(2)]
        ended = await asyncio.gather(*[self._run(accounts[n % 2]) for n in range(self._shape.runs)])
        await asyncio.gather(*[self._recall(account) for account in accounts])
        await self._ledger.erase_run(ended[0], actor="person:owner", why="no longer needed")
        await self._hear_own_chain(accounts[0])
        for account in accounts[: self._shape.seals]:
            size = len(await self._ledger.events(account))
            self._outside.see(await self._ledger.sealed(account, size - 1))

    async def _run(self, account: AccountId) -> Chain:
        """One run: facts in small groups, of which only the last is awaited, then its end."""
        chain = Chain(account=account, run_id=RunId(f"run_{self._dice.randbytes(16).hex()}"))
        person = PersonId(f"per_{self._dice.randbytes(16).hex()}")
        head = START
        for _ in range(self._shape.turns):
            sent = self._send(chain, head, person)
            await self._heard(sent)
            head = sent[-1].head
        await self._heard([self._ledger.append(chain, head, Entry(kind=RUN_ENDED, actor="kernel"))])
        return chain

    def _send(self, chain: Chain, head: Head, person: PersonId) -> list[Submission]:
        riding = []
        for _ in range(self._dice.randrange(ON_ITS_WAY_MAX - 1)):
            riding.append(self._ledger.append(chain, head, self._entry("step.done", person)))
            head = riding[-1].head
        entries = [self._entry(kind, person) for kind in ("gate.approved", "effect.intended")]
        last = self._ledger.append(chain, head, *entries[: self._dice.randint(1, 2)])
        return [*riding, last]

    def _entry(self, kind: str, person: PersonId) -> Entry:
        about = self._dice.randbytes(_BODY_BYTES // 2).hex()
        parts = [Part.of("card", {"says": about}), Part.of("person", {"likes": about[::-1]}, subject=person)]
        if self._shape.large and self._dice.random() < self._shape.large / 100:
            parts.append(Part(name="attachment", body=self._dice.randbytes(_LARGE_BODY_BYTES)))
        claim = sha256(about.encode()).digest() if kind == "effect.intended" else None
        return Entry(kind=kind, actor=f"person:{person}", parts=tuple(parts), claim=claim)

    async def _heard(self, sent: Sequence[Submission]) -> None:
        """Wait for the newest; everything of the same chain before it is then durable too."""
        await sent[-1]
        facts = [
            Acknowledged(
                account=submission.chain.account,
                run_id=submission.chain.run_id,
                run_seq=leaf.run_seq,
                leaf_hash=leaf.hash,
            )
            for submission in sent
            for leaf in submission.leaves
        ]
        self._outside.hear(facts)

    async def _recall(self, account: AccountId) -> None:
        """A fact that belongs to no run."""
        person = PersonId(f"per_{self._dice.randbytes(16).hex()}")
        await self._ledger.record(account, self._entry("grant.revoked", person))
        await self._hear_own_chain(account)

    async def _hear_own_chain(self, account: AccountId) -> None:
        head = await self._ledger.head(Chain.of_account(account))
        fact = Acknowledged(account=account, run_id=account, run_seq=head.run_seq, leaf_hash=head.hash)
        self._outside.hear([fact])


def _open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
