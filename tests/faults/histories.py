"""Row 13: histories that some version recorded are taken up by this one.

`tests/corpus` holds histories, one a file, as they were when they were recorded: each fact in its plain form with
the hashes of its parts and its time, and the calls that the procedure waited for once it had heard of it. Any
later version must come to the very same calls, fact by fact, or a person would be asked something else than the
ledger says. `python -m tests.faults.histories` records new ones, and never touches those that are there.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from haloop.engines.live_run import LiveRun
from haloop.kernel import canonical
from haloop.kernel.account import Account
from haloop.kernel.errors import HaloopError
from haloop.kernel.fact import Fact, parts_of, read_fact
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain
from haloop.testing.practice import Practice
from tests.engines.outside import HOUR, World, deliver, everything, house, receive, send
from tests.faults.controls import planted
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, scratch_folder

CONTROL = "a renamed step"
CORPUS = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One fact of a history, and where the run stood once it was heard."""

    fact: Fact
    hashes: dict[str, bytes]
    ts: int
    waits_for: list[str]

    def as_line(self) -> str:
        names = [field.name for field in fields(self.fact)]
        plain = {name: _plain(getattr(self.fact, name)) for name in names}
        hashes = {name: value.hex() for name, value in sorted(self.hashes.items())}
        line = {"fact": plain, "hashes": hashes, "kind": self.fact.kind, "ts": self.ts, "waits_for": self.waits_for}
        return json.dumps(line, sort_keys=True, ensure_ascii=False)

    @classmethod
    def read(cls, line: str) -> "Recorded":
        told = json.loads(line)
        kind, plain = told["kind"], told["fact"]
        apart = {name: bytes.fromhex(plain.pop(name)["hex"]) for name in parts_of(kind)[1:] if plain.get(name)}
        whole = {name: value for name, value in plain.items() if name not in parts_of(kind)[1:]}
        bodies = {"fact": canonical.encode(whole), **apart}
        hashes = {name: bytes.fromhex(value) for name, value in told["hashes"].items()}
        return cls(fact=read_fact(kind, bodies.get), hashes=hashes, ts=told["ts"], waits_for=told["waits_for"])


def run(plan: Plan) -> Outcome:
    """Take up each history of the corpus, in turn."""
    histories = sorted(CORPUS.glob("*.jsonl"))
    assert histories
    found: list[Violation] = []
    with planted(plan.control):
        for iteration in range(plan.count):
            found += asyncio.run(_take_up(iteration, histories[iteration % len(histories)], plan.folder))
            if found and plan.control is not None:
                break
    return Outcome(done=plan.count, violations=tuple(found))


async def _take_up(iteration: int, path: Path, folder: Path) -> list[Violation]:
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    recorded = [Recorded.read(line) for line in lines]
    async with house(folder / str(iteration), World()) as practice:
        try:
            stands = _stands(practice, RunId(json.loads(first)["run"]), recorded)
        except HaloopError as error:
            return [Violation(iteration=iteration, invariant="I9", what=f"{path.stem}: {error.sentence}")]
    for number, (now, then) in enumerate(zip(stands, recorded, strict=True), start=1):
        if now != then.waits_for:
            what = f"{path.stem}: after event {number} it waits for {now}, and waited for {then.waits_for}"
            return [Violation(iteration=iteration, invariant="I9", what=what)]
    return []


def _stands(practice: Practice, run: RunId, recorded: Sequence[Recorded]) -> list[list[str]]:
    """What the run waits for after each fact."""
    stands = []
    live = LiveRun(run, Account(id=practice.account), practice.engine.world)
    for one in recorded:
        live.replay([(one.fact, one.hashes, one.ts)])
        stands.append(live.waits_for())
    live.leave()
    return stands


# Recording


def main(names: Sequence[str]) -> int:
    """Record the histories that are not there yet."""
    CORPUS.mkdir(exist_ok=True)
    for name in names or sorted(_STORIES):
        path = CORPUS / f"{name}.jsonl"
        if not path.exists():
            with scratch_folder() as folder:
                path.write_text(asyncio.run(_record(name, folder)), encoding="utf-8")
            print(f"recorded {path.name}")
    return 0


async def _record(name: str, folder: Path) -> str:
    async with house(folder, World()) as practice:
        run = await _STORIES[name](practice)
        events = await practice.ledger.run(Chain(account=practice.account, run_id=run))
        facts = await practice.facts(run)
        told = [
            Recorded(fact=fact, hashes=dict(event.parts), ts=event.header.ts, waits_for=[])
            for fact, event in zip(facts, events, strict=True)
        ]
        stands = _stands(practice, run, told)
        lines = [
            Recorded(fact=one.fact, hashes=one.hashes, ts=one.ts, waits_for=waits).as_line()
            for one, waits in zip(told, stands, strict=True)
        ]
        return "\n".join([json.dumps({"run": run}), *lines]) + "\n"


async def _everything(practice: Practice) -> RunId:
    ana = await practice.person("Ana")
    run = await practice.start(everything.of("hello"))
    await practice.move(HOUR)
    await practice.yes(run, ana)
    await deliver(practice, 7, key="hello")
    return run


async def _refused(practice: Practice) -> RunId:
    ana = await practice.person("Ana")
    run = await practice.start(send.of("no thanks"))
    await practice.no(run, ana, reason="not today")
    return run


async def _at_a_gate(practice: Practice) -> RunId:
    return await practice.start(send.of("somebody will answer"))


async def _cancelled(practice: Practice) -> RunId:
    run = await practice.start(receive.of("door"))
    await practice.engine.cancel(practice.account, run, by="person:ana")
    await practice.engine.settled()
    return run


_STORIES: dict[str, Any] = {
    "1-at-a-gate": _at_a_gate,
    "1-cancelled": _cancelled,
    "1-everything": _everything,
    "1-refused": _refused,
}


def _plain(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


ROW = Row(
    number=13,
    name="recorded histories",
    tool="corpus",
    checks="I9",
    control=CONTROL,
    counts={Scale.TEST: 12, Scale.CI: 400, Scale.RELEASE: 4_000},
    run=run,
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
