"""A run as a terminal shows it, in one line."""

from collections.abc import Mapping

from haloop.cli.naming import short
from haloop.cli.telling import actor_words, moment
from haloop.kernel.reader import BUILT_IN
from haloop.wire.requests import ReaderOut
from haloop.wire.runs import RunDetail, RunState, RunSummary

STATES: Mapping[RunState, str] = {
    RunState.RUNNING: "goes on",
    RunState.WAITS_FOR_YOU: "waits for you",
    RunState.UNCERTAIN: "uncertain: somebody must find out what happened",
    RunState.PARKED: "parked: it cannot go on",
    RunState.ENDED: "ended",
}


def run_line(run: RunSummary, names: Mapping[str, str]) -> str:
    """A run in one line."""
    return "  ".join(run_row(run, names))


def run_row(run: RunSummary, names: Mapping[str, str]) -> tuple[str, ...]:
    """A run: when something last happened, which, what it is, where it stands and who asked."""
    what = "(erased)" if run.is_erased else f"{run.desk}.{run.procedure}"
    asker = f", asked by {actor_words(run.asked_by, names)}" if run.asked_by else ""
    return moment(run.newest_at), short(run.id), what, f"{_state(run)}{asker}"


def word_lines(run: RunSummary) -> list[str]:
    """What somebody said, and what was taken for granted in it, where they asked in words."""
    came = f" by {run.through}" if run.through else ""
    said = (f'  said{came}: "{one}"' for one in run.words)
    return [
        *said,
        *(f"  taken for granted: {one}" for one in run.taken),
        *(f"  {one}" for one in reader_lines(run.reader)),
    ]


def reader_lines(reader: ReaderOut) -> list[str]:
    """Who read the words, where that was a model or would have been."""
    if reader.instead:
        return [f"read by: the built-in reader, not a model. {reader.instead}"]
    return [] if reader.name == BUILT_IN else [f"read by: {reader.name}"]


def how_it_ended(run: RunDetail) -> str:
    """Where a run stands, with the reason if it has stopped."""
    return f"{_state(run)}: {run.reason}" if run.reason else _state(run)


def _state(run: RunSummary) -> str:
    ended_as = run.code if isinstance(run, RunDetail) and run.state is RunState.ENDED else None
    return f"ended, {ended_as}" if ended_as else STATES[run.state]
