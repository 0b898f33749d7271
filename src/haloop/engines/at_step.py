"""A step: tried until it is done or cannot be, each attempt a fact."""

import asyncio
from collections.abc import Callable
from math import isfinite
from typing import Any

from haloop.engines.at import At, Host
from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.drive import Position
from haloop.kernel.errors import BadValue, StepFailed
from haloop.kernel.fact import Fact, RunQueued, StepBegun, StepDone, StepTried
from haloop.kernel.failure import Failure, RateLimited, StepFault
from haloop.kernel.queueing import HAS_COME, heard_by
from haloop.kernel.run import StepCall

BACKOFF_SECONDS = 1.0
BACKOFF_SECONDS_MAX = 300.0
RETRY_AFTER_SECONDS_MAX = 86_400.0
"""However long an outside asks us to wait, tomorrow we look again."""
_SECOND = 1_000_000


class AtStep(At):
    """One step at its position."""

    def __init__(self, at: Position, host: Host, call: StepCall[Any]) -> None:
        super().__init__(at, host, f"step {call.operation.name}", call.arguments)
        self._call = call
        self._attempt = 0
        self._begun = False
        self._may_have_begun = host.may_have_begun
        self._again_at: int | None = None
        self._waits_for = ""
        """What it is in a queue for, as far as its history says."""
        self._task: asyncio.Task[None] | None = None

    def apply(self, fact: Fact) -> None:
        match fact:
            case StepBegun():
                self.require_same(f"step {fact.operation}", fact.args)
                self._begun = True
            case StepDone():
                self.require_same(f"step {fact.operation}", fact.args)
                self.answer(values.typed(self._call.operation.parameters.result, fact.result))
            case StepTried():
                self.require_same(f"step {fact.operation}", fact.args)
                self._take_failure(fact)
            case RunQueued():
                self._waits_for = fact.what if fact.place > HAS_COME else ""
            case _:
                super().apply(fact)

    def go_on(self) -> None:
        if self._task is not None:
            return
        if self._begun or self._was_cut_short():
            self._may_have_begun = False
            sentence, at_once = "The process ended in the middle of it.", None if self._attempt else 0.0
            self._note_failure(Failure.INTERRUPTED, sentence, after=at_once)
        elif self._again_at is not None and self._again_at > self.host.world.now():
            self.host.world.timers.set(self.host.id, self.at, self._again_at)
        elif self._call.operation.rules.repeat:
            self.host.account.require_going()
            self._leave_queue(self._try)
        else:
            self.host.account.require_going()
            operation = self._call.operation.name
            self.host.note(StepBegun(at=self.at, args=self.args, operation=operation, attempt=self._attempt + 1))
            self.host.after_recorded(self._try)

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    def drop(self) -> None:
        super().drop()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _try(self) -> None:
        if self.is_dropped:
            return
        operation = self._call.operation
        method = self.host.world.connectors.step(operation)
        arguments = operation.parameters.typed(self._call.arguments)
        self._task = self.host.world.tasks.spawn(self._perform(method, arguments))

    async def _perform(self, method: Any, arguments: dict[str, Any]) -> None:  # noqa: ANN401  # a connector's
        operation = self._call.operation
        try:
            with heard_by(self.host.queued):
                async with asyncio.timeout(operation.rules.deadline.total_seconds()):
                    answer = await method(**arguments)
            result = values.plain(operation.parameters.result, answer)
            values.typed(operation.parameters.result, result)  # what cannot be read again cannot be remembered
        except asyncio.CancelledError:
            self._task = None
            raise
        except BadValue as error:
            self._fail(Failure.MALFORMED, error.sentence)
        except StepFault as fault:
            after = fault.after_seconds if isinstance(fault, RateLimited) else None
            self._fail(fault.failure, str(fault), after=after)
        except (TimeoutError, OSError) as error:
            self._fail(Failure.TRANSIENT, f"The connector raised {type(error).__name__}.")
        except Exception as error:  # noqa: BLE001  # one of the four places: whatever a connector raises
            self._fail(Failure.PERMANENT, f"The connector raised {type(error).__name__}.")  # its words may be secret
        else:
            self._done(result)

    def _done(self, result: Canonical) -> None:
        fact = StepDone(
            at=self.at,
            args=self.args,
            operation=self._call.operation.name,
            attempt=self._attempt + 1,
            result=result,
        )
        self._settle(fact)

    def _fail(self, failure: Failure, sentence: str, *, after: float | None = None) -> None:
        if not self.is_dropped:
            self._task = None
            self.host.work(lambda: self._note_failure(failure, sentence, after=after))

    def _note_failure(self, failure: Failure, sentence: str, *, after: float | None) -> None:
        attempt = self._attempt + 1
        wait = min(BACKOFF_SECONDS * 4**self._attempt, BACKOFF_SECONDS_MAX) if after is None else _bounded(after)
        again = self._is_worth_another(failure, attempt)
        fact = StepTried(
            at=self.at,
            args=self.args,
            operation=self._call.operation.name,
            attempt=attempt,
            failure=str(failure),
            sentence=sentence[:500],
            again_at=self.host.world.now() + int(wait * _SECOND) if again else None,
        )
        self.host.note(fact)
        if again:
            self.go_on()

    def _leave_queue(self, go_on: Callable[[], None]) -> None:
        """The queue it waited in went with an earlier process; where it stands in this one's, it says anew."""
        if not self._waits_for:
            go_on()
            return
        self.host.note(RunQueued(what=self._waits_for, place=HAS_COME))
        self._waits_for = ""
        self.host.after_recorded(go_on)

    def _was_cut_short(self) -> bool:
        """Whether an earlier process may have begun this attempt; one that kills the process is not tried for ever."""
        due = self._again_at
        return self._may_have_begun and not self._waits_for and (due is None or due < self.host.world.opened_at)

    def _is_worth_another(self, failure: Failure, attempt: int) -> bool:
        if failure is Failure.PERMANENT or not self._call.operation.rules.repeat:
            return False
        attempts = self._call.operation.rules.attempts
        return attempt < (min(2, attempts) if failure is Failure.MALFORMED else attempts)

    def _take_failure(self, fact: StepTried) -> None:
        self._attempt = fact.attempt
        self._again_at = fact.again_at
        self._begun = False
        self._waits_for = ""
        if fact.again_at is None:
            name = self._call.operation.name
            self.fail(StepFailed(f"{name} failed: {fact.sentence}", code=f"step.{fact.failure}"))

    def _settle(self, fact: Fact) -> None:
        if not self.is_dropped:
            self._task = None
            self.host.work(lambda: self.host.note(fact))


def _bounded(seconds: float) -> float:
    """What an outside asks us to wait, as far as that is a time at all."""
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX) if isfinite(seconds) else RETRY_AFTER_SECONDS_MAX
