"""The bugs we plant on purpose: each is a patch to the product, and some row must notice it.

A planted bug lives only in the process that plants it. Children of a row are told its name on their command
line and plant it themselves, so that everything else they run is the product as it ships.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import apsw

from haloop.kernel.ledger import ACCOUNT_OPENED
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
}
