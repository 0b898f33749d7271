"""The bugs we plant on purpose: each is a patch to the product, and some row must notice it.

A planted bug lives only in the process that plants it. Children of a row are told its name on their command
line and plant it themselves, so that everything else they run is the product as it ships.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta

import apsw

from haloop.engines import approval, local, timekeeper
from haloop.engines.at_effect import AtEffect
from haloop.engines.at_step import AtStep
from haloop.engines.live_run import Act, LiveRun
from haloop.engines.memory import Memory
from haloop.engines.outcome import ANSWER, Source
from haloop.engines.outgoing import Outgoing
from haloop.kernel import operation
from haloop.kernel.account import Account
from haloop.kernel.failure import Failure
from haloop.kernel.ledger import ACCOUNT_OPENED
from haloop.kernel.operation import Why, idempotent
from haloop.kernel.spending import Hold
from haloop.store import batch, database, home, opening, sqlite, writer
from haloop.store.home import Room
from haloop.store.submission import Submission


def planted(name: str | None) -> AbstractContextManager[None]:
    """The product with a named bug in it; without a name, as it ships."""
    return nullcontext() if name is None else _CONTROLS[name]()


@contextmanager
def patched(target: object, **attributes: object) -> Iterator[None]:
    """Put other values in the place of an object's attributes for a while."""
    with ExitStack() as undo:
        for name, value in attributes.items():
            undo.callback(setattr, target, name, getattr(target, name))
            setattr(target, name, value)
        yield


def _synchronous_normal() -> AbstractContextManager[None]:
    """Row 1: COMMIT returns before the log is on the disk."""
    return patched(database, SYNCHRONOUS="NORMAL")


def _acknowledge_before_commit() -> AbstractContextManager[None]:
    """Row 2: whoever waits is told while the transaction is still open.

    Not so for new accounts, which their authors look at right away: they would stumble before they are killed.
    """

    class EagerBatch(batch.Batch):
        def write(self) -> None:
            writing.tell()
            super().write()

    class EagerWriter(writer.Writer):
        def _commit(self, submissions: list[Submission]) -> None:
            eager = [one for one in submissions if one.leaves[0].kind != ACCOUNT_OPENED]
            writing.tell = lambda: self._tell([submission.finish for submission in eager])
            super()._commit(submissions)

    class Writing:
        tell: Callable[[], None]

    writing = Writing()
    return _all(patched(writer, Batch=EagerBatch), patched(opening, Writer=EagerWriter))


def _swallow_io_errors() -> AbstractContextManager[None]:
    """Row 5: a commit that failed is treated as done, and work goes on."""

    class StubbornWriter(writer.Writer):
        def _commit(self, submissions: list[Submission]) -> None:
            try:
                super()._commit(submissions)
            except apsw.Error:
                self._tell([submission.finish for submission in submissions])

    return patched(opening, Writer=StubbornWriter)


def _no_ballast() -> AbstractContextManager[None]:
    """Row 6: nothing is set aside for the day the disk is full."""

    class EmptyBallast(home.Ballast):
        def look(self) -> Room:
            return Room.ENOUGH

    return patched(sqlite, Ballast=EmptyBallast)


def _no_witness_check() -> AbstractContextManager[None]:
    """Row 12: nobody asks the witness whether the ledger went back."""
    return patched(opening, find_setback=lambda *_, **__: None)


def _wall_clock_timers() -> AbstractContextManager[None]:
    """Row 11: timers believe the wall clock, whoever turned it."""

    class Gullible(timekeeper.Timekeeper):
        moved = 0

        def now(self) -> int:
            return self._clock.read().wall

    return patched(local, Timekeeper=Gullible)


def _blind_retry() -> AbstractContextManager[None]:
    """Row 10: whatever is uncertain is sent again, as if every outside made one key one act."""
    return patched(Outgoing, recovery=lambda _: idempotent(for_=timedelta(hours=1)))


def _intent_after_the_call() -> AbstractContextManager[None]:
    """Row 3: the request is sent first, and its intent recorded with the answer."""

    class HastyEffect(AtEffect):
        def send_at_once(self) -> None:
            gate, named = self._approved()
            self._outgoing, self.is_under_way = self._out(self._intention(gate, named)), True
            self.host.world.tasks.spawn(self._perform(ANSWER))

        def record_then(self, answer: object, problem: str, source: Source) -> None:
            gate, named = self._approved()
            self.host.note(self.known_intent(), claim=approval.claim(gate.open_gate(), named.name))
            take_answer(self, answer, problem, source)

    take_answer = AtEffect._take_answer
    return patched(AtEffect, _begin=HastyEffect.send_at_once, _take_answer=HastyEffect.record_then)


def _recovery_that_guesses() -> AbstractContextManager[None]:
    """Row 4: an intent without an outcome is written down as not done, before anybody has looked."""

    class Guess(AtEffect):
        def take_up(self) -> None:
            if self.keeps_open and not self.is_under_way:
                self._note_not_done(approval.not_done(Why.SETTLED, "effect.absent", "Surely not."), ANSWER)
            else:
                go_on(self)

    go_on = AtEffect.go_on
    return patched(AtEffect, go_on=Guess.take_up)


def _no_wait_for_durability() -> AbstractContextManager[None]:
    """Row 8: what should wait until its fact is durable is done right away."""

    def at_once(run: LiveRun, acts: list[Act]) -> None:
        for act in acts:
            act.do()

    return patched(LiveRun, _when_durable=at_once)


def _hold_never_released() -> AbstractContextManager[None]:
    """Row 9: money that was held for what turned out not to be done is held for good."""

    def release(account: Account, place: tuple[str, str]) -> Hold | None:
        account._intents.pop(place, None)
        account.uncertain.pop(place, None)
        return account.spending.holds.get(place)

    return patched(Account, _release=release)


def _runs_kept_resident() -> AbstractContextManager[None]:
    """Row 17: a run that came to memory stays there for as long as it waits."""
    return patched(Memory, _let_go=lambda _: None)


def _given_up() -> AbstractContextManager[None]:
    """Row 18: a step that was cut short is not begun anew."""

    def is_worth(step: AtStep, failure: Failure, attempt: int) -> bool:
        return failure is not Failure.INTERRUPTED and was_worth(step, failure, attempt)

    was_worth = AtStep._is_worth_another
    return patched(AtStep, _is_worth_another=is_worth)


@contextmanager
def _renamed_step() -> Iterator[None]:
    """Row 13: an operation goes by another name than it went by when histories were recorded."""
    named = operation._port_name
    operation.step_op.cache_clear()
    with patched(operation, _port_name=lambda function: f"{named(function)}_2"):
        yield
    operation.step_op.cache_clear()


@contextmanager
def _all(*patches: AbstractContextManager[None]) -> Iterator[None]:
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield


# Each row adds its own bug here.
_CONTROLS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "synchronous=NORMAL": _synchronous_normal,
    "acknowledge before commit": _acknowledge_before_commit,
    "swallow I/O errors": _swallow_io_errors,
    "no ballast": _no_ballast,
    "no witness check": _no_witness_check,
    "blind retry": _blind_retry,
    "intent after the call": _intent_after_the_call,
    "recovery that guesses": _recovery_that_guesses,
    "wall-clock timers": _wall_clock_timers,
    "a hold that is never released": _hold_never_released,
    "runs kept resident": _runs_kept_resident,
    "a step that was cut short is given up": _given_up,
    "a renamed step": _renamed_step,
    "no wait for durability": _no_wait_for_durability,
}
