"""Facts as the API tells them: plain fields, times as text, and nothing that is bytes."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from haloop.engines.reading import read_known
from haloop.kernel.clock import as_text
from haloop.kernel.errors import NotFound
from haloop.kernel.fact import Fact, RunStarted, parts_of
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain, Event, Ledger
from haloop.wire.requests import ReaderOut
from haloop.wire.told import Told


class History(list[tuple[Event, Fact | None]]):
    """A run's events, each with what it says; nothing where that was erased."""

    @classmethod
    async def read(cls, ledger: Ledger, account: AccountId, run: RunId) -> "History":
        events = await ledger.run(Chain(account=account, run_id=run))
        if not events or Chain(account=account, run_id=run).is_own:
            raise NotFound(f"There is no run {run}.")
        return cls([(event, await read_known(ledger, event)) for event in events])

    def told(self) -> Sequence[Told]:
        return [tell(event, fact) for event, fact in self]


def tell(event: Event, fact: Fact | None) -> Told:
    """An event for whoever may read it."""
    header, says = event.header, None if fact is None else _plain(fact)
    return Told(index=event.index, kind=header.kind, at=as_text(header.ts), actor=header.actor, says=says)


def words_of(started: RunStarted | None) -> list[str]:
    """What somebody said, where a run was asked for in words and they are not erased."""
    return list(started.said["words"]) if started and started.said else []


def taken_of(started: RunStarted | None) -> list[str]:
    """What was taken for granted in those words."""
    return list(started.said["taken"]) if started and started.said else []


def through_of(started: RunStarted | None) -> str:
    """Where those words came from; empty where it was a door of our own."""
    return str(started.said.get("through", "")) if started and started.said else ""


def reader_of(started: RunStarted | None) -> ReaderOut:
    """Who read those words."""
    reader = started.said.get("reader", {}) if started and started.said else {}
    return ReaderOut(**{name: reader[name] for name in ("name", "instead") if name in reader})


def _plain(fact: Fact) -> dict[str, Any]:
    apart = parts_of(fact.kind)
    return {one.name: getattr(fact, one.name) for one in fields(fact) if one.name not in apart}
