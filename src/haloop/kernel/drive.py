"""Driving a procedure's coroutine: which calls it makes, at which positions, and what they are answered.

A position is a branch path and a number on that branch: "3" is the root's third call, "3.1/2" the second call
on the second line that the third call opened. It depends only on what the procedure did before, so the same
answers lead to the same positions, live or from the ledger. Only `all` and `first` branch. Whatever the
coroutine awaits that is not a call of its run would be lost in a restart, so it ends the drive with a fault.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from haloop.kernel.errors import BadProcedure, HaloopError
from haloop.kernel.run import BranchCall, RunCall

Position = str


class Made(NamedTuple):
    """A call the procedure made, and where."""

    at: Position
    call: RunCall[Any]


@dataclass(slots=True, eq=False)
class _Group:
    """Lines that one call opened."""

    at: Position
    parent: "_Branch"
    first: bool
    results: list[Any]
    open: set[int]
    faults: dict[int, BaseException] = field(default_factory=dict)
    lines: "list[_Branch]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Branch:
    path: str
    coroutine: Coroutine[Any, Any, Any]
    on_end: Callable[[Any, BaseException | None], None]
    calls: int = 0
    ids: int = 0
    waits_at: Position | None = None
    group: _Group | None = None
    """The lines it waits for."""


class Drive:
    """One run's coroutine and its branches. Answers go in, calls come out."""

    def __init__(self) -> None:
        self._waiting: dict[Position, _Branch] = {}
        self._ready: deque[tuple[_Branch, Any, BaseException | None]] = deque()
        self._made: list[Made] = []
        self._dropped: list[Position] = []
        self._current: _Branch | None = None
        self._branches: set[_Branch] = set()

    def begin(
        self,
        coroutine: Coroutine[Any, Any, Any],
        on_end: Callable[[Any, BaseException | None], None],
        *,
        path: str = "",
    ) -> None:
        """Add a line of its own; `on_end` hears its result, or what ended it."""
        branch = _Branch(path, coroutine, on_end)
        self._branches.add(branch)
        self._ready.append((branch, None, None))

    def answer(self, at: Position, value: object) -> None:
        """What the call at a position came to. A line that was dropped meanwhile does not hear it."""
        self._wake(at, value, None)

    def fail(self, at: Position, error: BaseException) -> None:
        """The call at a position failed."""
        self._wake(at, None, error)

    def is_waiting(self, at: Position) -> bool:
        return at in self._waiting

    def go_on(self) -> list[Made]:
        """Run until every line waits; the calls that were made, in order."""
        while self._ready:
            branch, value, error = self._ready.popleft()
            if branch in self._branches:
                self._resume(branch, value, error)
        made, self._made = self._made, []
        return made

    def take_dropped(self) -> list[Position]:
        """Calls that nobody waits for any more, because another line came first."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def new_id(self, run: str) -> str:
        """A name that depends on the run and the place in it alone."""
        branch = self._current
        if branch is None:
            raise BadProcedure("Only the procedure itself makes names.", code="procedure.outside")
        branch.ids += 1
        return sha256(f"haloop/id/1 {run} {branch.path}#{branch.ids}".encode()).hexdigest()[:32]

    def close(self) -> None:
        """Let go of all coroutines."""
        for branch in list(self._branches):
            self._close(branch)
        self._ready.clear()
        self._waiting.clear()

    def _wake(self, at: Position, value: object, error: BaseException | None) -> None:
        branch = self._waiting.pop(at, None)
        if branch is not None:
            branch.waits_at = None
            self._ready.append((branch, value, error))

    def _resume(self, branch: _Branch, value: object, error: BaseException | None) -> None:
        self._current = branch
        try:
            call = branch.coroutine.send(value) if error is None else branch.coroutine.throw(error)
        except StopIteration as stop:
            self._end(branch, stop.value, None)
        except Exception as fault:  # noqa: BLE001  # one of the four places: what a procedure raises parks its run
            self._end(branch, None, fault)
        else:
            self._take(branch, call)
        finally:
            self._current = None

    def _take(self, branch: _Branch, call: object) -> None:
        branch.calls += 1
        at = f"{branch.path}{branch.calls}"
        if isinstance(call, BranchCall):
            self._open(branch, at, call)
        elif isinstance(call, RunCall):
            branch.waits_at = at
            self._waiting[at] = branch
            self._made.append(Made(at, call))
        else:
            self._end(branch, None, _foreign(call))

    def _open(self, parent: _Branch, at: Position, call: BranchCall[Any]) -> None:
        if not call.branches:
            self._ready.append((parent, [], None))
            return
        lines = [_coroutine(line) for line in call.branches]
        group = _Group(at, parent, call.first, [None] * len(lines), set(range(len(lines))))
        parent.group = group
        for number, line in enumerate(lines):
            branch = _Branch(f"{at}.{number}/", line, _ended_in(self, group, number))
            group.lines.append(branch)
            self._branches.add(branch)
            self._ready.append((branch, None, None))

    def _end(self, branch: _Branch, value: object, fault: BaseException | None) -> None:
        self._branches.discard(branch)
        _let_end(branch.coroutine)
        branch.on_end(value, fault)

    def line_ended(self, group: _Group, number: int, value: object, fault: BaseException | None) -> None:
        """A line of `all` or `first` ended."""
        group.open.discard(number)
        group.results[number] = value
        if fault is not None:
            group.faults[number] = fault
        if group.first:
            for line in group.lines:
                self._close(line)
            group.parent.group = None
            self._ready.append((group.parent, value, fault))
        elif not group.open:
            group.parent.group = None
            first_fault = group.faults[min(group.faults)] if group.faults else None
            self._ready.append((group.parent, group.results, first_fault))

    def _close(self, branch: _Branch) -> None:
        if branch not in self._branches:
            return
        self._branches.discard(branch)
        if branch.waits_at is not None:
            self._waiting.pop(branch.waits_at, None)
            self._dropped.append(branch.waits_at)
        for line in branch.group.lines if branch.group else ():
            self._close(line)
        _let_end(branch.coroutine)


def _ended_in(drive: Drive, group: _Group, number: int) -> Callable[[Any, BaseException | None], None]:
    return lambda value, fault: drive.line_ended(group, number, value, fault)


def _coroutine(line: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    if isinstance(line, RunCall):
        return line.alone()
    return line if isinstance(line, Coroutine) else _await(line)


async def _await(line: Awaitable[Any]) -> Any:  # noqa: ANN401
    """A line that is neither a call nor a coroutine: whatever it awaits is found foreign when it is driven."""
    return await line


def _let_end(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Let a coroutine end where it stands; what it still raises or awaits is nobody's concern any more."""
    with suppress(Exception):
        coroutine.close()


def _foreign(call: object) -> HaloopError:
    return BadProcedure(
        f"The procedure awaited a {type(call).__name__}, which is not a call of its run; it would be lost in a"
        " restart.",
        code="procedure.foreign_await",
    )
