"""What stands at a position of a run: one call, as far as it has come.

Each kind of call has a class. `apply` takes in a fact, the same way when it has just been noted and when it is
read back from the ledger; `go_on` does what is next in the world, which happens only live. A call is answered
by one of its facts, never by anything that is not in the ledger.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from haloop.engines.world import World
from haloop.kernel import values
from haloop.kernel.account import Account
from haloop.kernel.canonical import Canonical
from haloop.kernel.drive import Position
from haloop.kernel.errors import Diverged, HaloopError
from haloop.kernel.fact import Fact, RunEnded, RunStarted
from haloop.kernel.gate import GateId
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Pending


class Host(Protocol):
    """The run a call belongs to, as the call sees it."""

    id: RunId
    account: Account
    world: World
    cancelling: bool
    started: RunStarted | None
    ended: RunEnded | None
    effects: list[Any]
    """Its effects so far, as AtEffect, which stands on this module."""

    @property
    def may_have_begun(self) -> bool:
        """Whether a call that is made now may have been under way before."""
        ...

    def durable(self) -> Pending | None:
        """The newest append, to wait for."""
        ...

    def note(self, fact: Fact, *, actor: str = "kernel", claim: bytes | None = None) -> None:
        """Record a fact, and let it take hold."""
        ...

    def queued(self, what: str, place: int) -> None:
        """A call waits for its turn."""
        ...

    def after_recorded(self, act: Callable[[], None], *, otherwise: Callable[[], None] | None = None) -> None:
        """Do something once all that was noted is durable; otherwise, if it never is."""
        ...

    def work(self, act: Callable[[], None]) -> None:
        """Something happened outside: let it take hold, and drive the run on."""
        ...

    def ask(self, act: Callable[[], None]) -> None:
        """Somebody wants something of the run; raises what is refused to them."""
        ...

    def account_now(self) -> Account:
        """The account with all that this run has just said of its effects."""
        ...

    def answer(self, at: Position, value: object) -> None: ...

    def fail(self, at: Position, error: HaloopError) -> None: ...

    def add_line(
        self, path: str, line: Coroutine[Any, Any, Any], on_end: Callable[[Any, BaseException | None], None]
    ) -> None: ...

    def next_gate(self) -> GateId: ...

    def gate_at(self, gate: str) -> Any: ...  # noqa: ANN401  # an AtGate, which stands on this module


async def durable(run: Host) -> None:
    """Wait until all that a run has said is on the disk."""
    pending = run.durable()
    if pending is not None:
        await pending


class At:
    """One call at its position."""

    def __init__(self, at: Position, host: Host, what: str, arguments: Canonical) -> None:
        self.at = at
        self.host = host
        self.what = what
        """Which call this is; a run's history must say the same."""
        self.args = values.digest(arguments)
        self.is_over = False
        self.is_dropped = False

    def refusal(self) -> HaloopError | None:
        """Why this call cannot be made at all, by what the run itself knows."""
        return None

    def apply(self, fact: Fact) -> None:
        """Take a fact in."""
        raise Diverged(f"At position {self.at} the history says {fact.kind}, and the procedure asks for {self.what}.")

    def recorded(self, fact: Fact, hashes: Mapping[str, bytes], ts: int) -> None:
        """A fact was written down; now its hashes are known."""

    def go_on(self) -> None:
        """Do what is next, live."""
        raise NotImplementedError

    def on_time(self) -> None:
        """The moment this waited for has come."""
        self.go_on()

    def drop(self) -> None:
        """Nobody waits for this any more."""
        self.is_dropped = True
        self.host.world.timers.clear(self.host.id, self.at)

    def let_go(self) -> None:
        """The run goes on without this: say so where others must know, live."""

    def lost(self, fact: Fact) -> None:
        """A fact that was noted could not be recorded: give back what it took from others."""

    @property
    def is_busy(self) -> bool:
        """Whether something is under way outside."""
        return False

    @property
    def keeps_open(self) -> bool:
        """Whether the run cannot end yet because of this."""
        return False

    def answer(self, value: object) -> None:
        self._finish()
        self.host.answer(self.at, value)

    def fail(self, error: HaloopError) -> None:
        self._finish()
        self.host.fail(self.at, error)

    def require_same(self, what: str, args: str) -> None:
        """The history must show the call that the procedure makes now."""
        if (what, args) != (self.what, self.args):
            told = "other arguments" if what == self.what else what
            raise Diverged(f"At position {self.at} the history says {told}, and the procedure asks for {self.what}.")

    def _finish(self) -> None:
        self.is_over = True
        self.host.world.timers.clear(self.host.id, self.at)
