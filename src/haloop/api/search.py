"""Finding runs by the words that they were asked for with, and by where they stand.

The words are locked on the disk, and erasure must take them, so nothing readable may be kept there to search in. What
is searched is held in memory alone: a line for each run, read from the ledger when the process starts, in the
background and the newest first, followed as runs begin, and emptied when one is erased. A search looks at every line
from the newest on, which is quick enough for hundreds of thousands, and needs no index that could remember more.
"""

import asyncio
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from sys import intern

from haloop.api.house import House
from haloop.api.told import words_of
from haloop.engines.reading import read_known
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import HaloopError
from haloop.kernel.fact import Fact, RunEnded, RunParked, RunStarted
from haloop.kernel.gate import GateId, run_of
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import RUN_ENDED, Chain, ListedRun
from haloop.wire.runs import RunState

_PAGE = 10
_BREATH_SECONDS = 0.001
"""After each page of what there is, whoever asks for something meanwhile has their turn."""
_PATIENCE_SECONDS = 0.2
_BLOCK = 1_000
_BLOCKS_AT_ONCE = 100
"""So many lines are looked at for one answer; then the rest is asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs somebody looks for; what is not said may be anything."""

    words: str = ""
    desk: str | None = None
    procedure: str | None = None
    asked_by: str | None = None
    state: RunState | None = None
    waiting: bool = False
    since: int | None = None
    until: int | None = None
    """Microseconds since 1970."""

    def is_anything(self) -> bool:
        return self == Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the runs begin that were found, the newest first."""

    places: list[int]
    before: int | None
    """From where on to look next; none where there is no more."""
    is_complete: bool
    """Whether every run there is was looked at, as far as the page goes."""


@dataclass(slots=True, kw_only=True)
class _Line:
    """What is known of one run."""

    place: int
    run: RunId
    desk: str
    procedure: str
    asked_by: str
    begun: int
    words: str
    has_ended: bool

    def empty(self) -> None:
        self.desk = self.procedure = self.asked_by = self.words = ""


@dataclass(slots=True, kw_only=True)
class _Lines:
    """One account's, in the two directions in which they come."""

    newer: list[_Line] = field(default_factory=list)
    """Begun since, the oldest first."""
    older: list[_Line] = field(default_factory=list)
    """Begun before, the newest first."""
    by_run: dict[RunId, _Line] = field(default_factory=dict)
    is_whole: bool = False
    reading: asyncio.Task[None] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def newest(self) -> int:
        ends = self.newer[-1:] or self.older[:1]
        return ends[0].place if ends else -1

    def before(self, place: int | None) -> Iterator[_Line]:
        """The newest first, from there on."""
        if place is None:
            return chain(reversed(self.newer), self.older)
        newer = bisect_left(self.newer, place, key=_place)
        older = bisect_left(self.older, 1 - place, key=lambda line: -line.place)
        return chain(reversed(self.newer[:newer]), islice(self.older, older, None))


class States:
    """Where runs stand now, by what waits, is stuck or is unknown of them."""

    def __init__(self, house: House, account: AccountId, uncertain: Iterable[str]) -> None:
        self._account = account
        self._parked = house.engine.parked
        self._gates = house.engine.world.gates
        self._uncertain = {run_of(GateId(gate)) for gate in uncertain}

    @classmethod
    async def of(cls, house: House, account: AccountId) -> "States":
        known = await house.engine.account(account)
        return cls(house, account, (gate for gate, _ in known.uncertain))

    def of_run(self, run: RunId, newest: str = "", *, has_ended: bool) -> RunState:
        """A run may wait at a gate while other work of it goes on: what a person can do about it comes first."""
        if has_ended:
            return RunState.ENDED
        if run in self._parked or newest == RunParked.kind:
            return RunState.PARKED
        if run in self._uncertain:
            return RunState.UNCERTAIN
        return RunState.WAITS_FOR_YOU if self._gates.waits_for(self._account, run) else RunState.RUNNING


class Search:
    """The lines of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lines: dict[AccountId, _Lines] = {}
        house.engine.watch(self._hear)
        house.engine.watch_erasures(self._forget)

    async def begin(self) -> None:
        """Read what there is, in the background; whoever searches before that is told that it is not all."""
        for account in await self._house.ledger.accounts():
            self._of(account)

    def end(self) -> None:
        """What was not read yet is not read any more."""
        for lines in self._lines.values():
            if lines.reading is not None:
                lines.reading.cancel()

    async def look(self, account: AccountId, wanted: Wanted, *, before: int | None, limit: int) -> Found:
        """A page of what is wanted."""
        lines, states = self._of(account), await States.of(self._house, account)
        await self._a_moment(lines)
        await self._catch_up(account, lines)
        places: list[int] = []
        block: list[_Line] = []
        terms, every = _terms(wanted.words), lines.before(before)
        for _ in range(_BLOCKS_AT_ONCE):
            block = list(islice(every, _BLOCK))
            if not block:
                return Found(places=places, before=None, is_complete=lines.is_whole)
            for line in _fitting(block, wanted, terms):
                if _stands(line, wanted, states):
                    places.append(line.place)
                    if len(places) == limit:
                        return Found(places=places, before=line.place, is_complete=True)
            if wanted.since is not None and block[-1].begun < wanted.since:
                return Found(places=places, before=None, is_complete=True)  # what is older is older still
        return Found(places=places, before=block[-1].place, is_complete=True)

    def _of(self, account: AccountId) -> _Lines:
        if account not in self._lines:
            lines = self._lines[account] = _Lines()
            lines.reading = asyncio.get_running_loop().create_task(self._read(account, lines))
        return self._lines[account]

    async def _a_moment(self, lines: _Lines) -> None:
        """A small house is read at once; nobody waits longer for a large one."""
        if lines.reading is not None and not lines.reading.done():
            await asyncio.wait([lines.reading], timeout=_PATIENCE_SECONDS)

    async def _read(self, account: AccountId, lines: _Lines) -> None:
        """Everything there is, from the newest back."""
        before: int | None = None
        with suppress(HaloopError):  # a ledger that was closed, or is damaged there: what is missing is said to be
            while len(lines.by_run) < self._house.search_runs_max:
                page = await self._house.ledger.runs(account, before=before, limit=_PAGE)
                for listed in page:
                    before = listed.first.index
                    await self._add(lines, lines.older, listed)
                if len(page) < _PAGE:
                    lines.is_whole = True
                    return
                await asyncio.sleep(_BREATH_SECONDS)

    async def _catch_up(self, account: AccountId, lines: _Lines) -> None:
        """Read what has begun since."""
        if not lines.by_run and not lines.is_whole:
            return
        async with lines.turn:
            known, before, limit = lines.newest(), None, 1  # mostly there is nothing new
            fresh: list[ListedRun] = []
            while True:
                page = await self._house.ledger.runs(account, before=before, limit=limit)
                news = [listed for listed in page if listed.first.index > known]
                fresh += news
                if len(news) < limit:
                    break
                before, limit = news[-1].first.index, _PAGE
                await asyncio.sleep(0)
            for listed in reversed(fresh):
                await self._add(lines, lines.newer, listed)
            self._trim(lines)

    def _trim(self, lines: _Lines) -> None:
        """Hold no more than so many; the oldest go."""
        while len(lines.by_run) > self._house.search_runs_max:
            gone = lines.older.pop() if lines.older else lines.newer.pop(0)
            del lines.by_run[gone.run]
            lines.is_whole = False

    async def _add(self, lines: _Lines, to: list[_Line], listed: ListedRun) -> None:
        first, run = listed.first, listed.first.header.run_id
        if run in lines.by_run:
            return
        started = await read_known(self._house.ledger, first)
        known = started if isinstance(started, RunStarted) else None
        line = _Line(
            place=first.index,
            run=run,
            desk=intern(known.desk) if known else "",
            procedure=intern(known.procedure) if known else "",
            asked_by=intern(known.asked_by) if known else "",
            begun=first.header.ts,
            words=_words(known) if known else "",
            has_ended=listed.newest == RUN_ENDED,
        )
        to.append(line)
        lines.by_run[run] = line
        # It may have ended after its page was read: from here on that is heard, so it is asked once more.
        if not line.has_ended and await self._house.ledger.has_ended(Chain(account=first.header.account, run_id=run)):
            line.has_ended = True

    def _hear(self, account: AccountId, run: RunId, fact: Fact) -> None:
        line = self._lines[account].by_run.get(run) if account in self._lines else None
        if line is not None and isinstance(fact, RunEnded):
            line.has_ended = True

    def _forget(self, account: AccountId, run: RunId) -> None:
        """A run was erased: nothing of it is known any more but that there was one."""
        line = self._lines[account].by_run.get(run) if account in self._lines else None
        if line is not None:
            line.empty()


def _fitting(lines: list[_Line], wanted: Wanted, terms: list[str]) -> list[_Line]:
    """Those of some lines that are wanted. One thing after the other is asked of all that are left: that is quick."""
    for term in terms:
        lines = [line for line in lines if term in line.words]
    if wanted.desk is not None:
        lines = [line for line in lines if line.desk == wanted.desk]
    if wanted.procedure is not None:
        lines = [line for line in lines if line.procedure == wanted.procedure]
    if wanted.asked_by is not None:
        lines = [line for line in lines if line.asked_by == wanted.asked_by]
    if wanted.since is not None:
        lines = [line for line in lines if line.begun >= wanted.since]
    if wanted.until is not None:
        lines = [line for line in lines if line.begun < wanted.until]
    return lines


def _stands(line: _Line, wanted: Wanted, states: States) -> bool:
    if wanted.waiting and line.has_ended:
        return False
    return wanted.state is None or states.of_run(line.run, has_ended=line.has_ended) is wanted.state


def _terms(words: str) -> list[str]:
    """Each of them must stand somewhere in what was asked for; the longest first, because it is the rarest."""
    return sorted(_plain(words).split(), key=len, reverse=True)


def _words(started: RunStarted) -> str:
    """What a run was asked for with, in plain words too where somebody said them, all in one line."""
    return _plain(" ".join([started.desk, started.procedure, *words_of(started), *_leaves(started.arguments)]))


def _leaves(value: Canonical) -> Iterator[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)
        case str() | int():
            yield str(value)


def _plain(text: str) -> str:
    """Without case, accents, and the several ways to write one letter."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


def _place(line: _Line) -> int:
    return line.place
