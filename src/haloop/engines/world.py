"""What runs share in one process: the ledger, the connectors, the accounts, time, and who listens.

A run's own state is its history. Everything here can be lost and read again.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from haloop.engines.inbox import Inbox
from haloop.engines.listeners import Listeners
from haloop.engines.tasks import Tasks
from haloop.engines.timekeeper import Timekeeper
from haloop.engines.timers import Timers
from haloop.kernel.account import Account
from haloop.kernel.connector import Connectors
from haloop.kernel.errors import BadProcedure, HaloopError, NotFound
from haloop.kernel.fact import Fact, RunEnded
from haloop.kernel.gate import GateId, run_of
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Ledger
from haloop.kernel.procedure import Procedure, Request

Heard = Callable[[HaloopError | None], None]
"""Hears that what was asked for is durable, or why it cannot be."""


class BeginRun(Protocol):
    """Begins a run unless it exists."""

    def __call__(
        self,
        run: RunId,
        account: Account,
        request: Request[Any],
        *,
        by: str,
        asked_by: str,
        parent: RunId | None = None,
        follows: RunId | None = None,
        then: Heard,
    ) -> None: ...


class CancelRun(Protocol):
    """Cancels a run unless it is over."""

    def __call__(self, account: AccountId, run: RunId, *, then: Heard) -> None: ...


class OpenGates:
    """The gates that are open and durable, by account."""

    def __init__(self) -> None:
        self._open: dict[AccountId, dict[GateId, None]] = {}
        self._runs: Counter[tuple[AccountId, RunId]] = Counter()

    def add(self, account: AccountId, gate: GateId) -> None:
        if gate not in self._open.setdefault(account, {}):
            self._open[account][gate] = None
            self._runs[account, run_of(gate)] += 1

    def remove(self, account: AccountId, gate: GateId) -> None:
        known = self._open.get(account, {})
        if gate in known:
            del known[gate]
            self._runs[account, run_of(gate)] -= 1
            if not self._runs[account, run_of(gate)]:
                del self._runs[account, run_of(gate)]

    def waits_for(self, account: AccountId, run: RunId) -> bool:
        """Whether a run waits at one of them."""
        return (account, run) in self._runs

    def of(self, account: AccountId) -> list[GateId]:
        """The oldest first."""
        return list(self._open.get(account, ()))


@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """Handed to every live run."""

    ledger: Ledger
    connectors: Connectors
    procedures: Mapping[tuple[str, str, int], Procedure[..., Any]]
    time: Timekeeper
    timers: Timers
    inbox: Inbox
    tasks: Tasks
    listeners: Listeners
    on_parked: Callable[[RunId, HaloopError], None]
    on_ended: Callable[[RunId, RunEnded], None]
    begin_run: BeginRun
    cancel_run: CancelRun
    record_late: Callable[[AccountId, RunId, Fact, bytes], None]
    """Records a fact about a run that has ended, in the account's own chain, under a claim."""
    opened_at: int = 0
    """When this process began to work, by its own time."""
    gates: OpenGates = field(default_factory=OpenGates)
    reports: list[Callable[[AccountId, RunId, str], None]] = field(default_factory=list)
    is_closing: bool = False
    """The process is about to end: what is uncertain is left to the next one."""

    def now(self) -> int:
        """Microseconds since 1970, as far as the clock can be believed."""
        return self.time.now()

    def procedure(self, desk: str, name: str, version: int) -> Procedure[..., Any]:
        """The very version that a run was begun with."""
        found = self.procedures.get((desk, name, version))
        if found is None:
            raise NotFound(
                f"This run needs version {version} of {desk}.{name}, which is not installed.",
                code="procedure.missing",
                next_step="Install a release that has this version; the run waits where it stands.",
            )
        return found

    def desk_of(self, procedure: Procedure[..., Any]) -> str:
        """Which desk lists a procedure."""
        for (desk, _, _), known in self.procedures.items():
            if known is procedure:
                return desk
        raise BadProcedure(f"No desk lists {procedure.name}.", code="procedure.unlisted")
