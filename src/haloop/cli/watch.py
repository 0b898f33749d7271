"""`haloop watch`: what happens, as it happens."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Protocol

import click

from haloop.cli.answer import json_line
from haloop.cli.naming import run_named, short
from haloop.cli.parts import visible, write
from haloop.cli.reaching import reach
from haloop.cli.telling import names_of, told_line
from haloop.client import Client, Event, NotReached, Problem
from haloop.kernel.errors import Exit
from haloop.settings import Settings
from haloop.wire.runs import RunState

_SECONDS_BETWEEN = 1.0
_ENDING = 503
_STOPPED = ("run.ended", "run.parked")
_ASKING = ("gate.opened", "gate.revised", "gate.escalated", "gate.extended", "gate.answered")
_WAITS, _GOES_ON = "waits for a yes", "goes on"


class Page(Protocol):
    """Where lines appear while a run goes on."""

    def say(self, line: str) -> None:
        """Add a line."""

    def stands(self, where: str) -> None:
        """Say where the run stands just now."""


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def watch(context: click.Context, run: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show what happens, a line for each event, until you stop it with Ctrl-C.

    With RUN it shows that run from its beginning and ends when the run does, or cannot go on by itself: with exit
    code 0 if it is done, with 4 otherwise.
    """
    settings = Settings.read(os.environ, **context.obj)
    context.exit(reach(settings, lambda client: _watch(client, run, as_json=as_json)))


async def _watch(client: Client, name: str | None, *, as_json: bool) -> Exit:
    run = None if name is None else await run_named(client, name)
    names = await names_of(client)
    with _page(moves=run is not None and not as_json) as page:
        return await _tell(client, run, names, page, as_json=as_json)


async def _tell(client: Client, run: str | None, names: Mapping[str, str], page: Page, *, as_json: bool) -> Exit:
    async with aclosing(_events(client, run)) as events:
        async for event in events:
            where = "" if run else f"{short(event.run)}  "
            page.say(json_line(event.model_dump()) if as_json else f"{where}{told_line(event, names)}")
            page.stands(_WAITS if event.kind in _ASKING else _GOES_ON)
            if run is not None and event.kind in _STOPPED and await _is_over(client, run):
                return Exit.OK if (event.says or {}).get("code") == "done" else Exit.REFUSED
    return Exit.OK


class _Plain:
    """Lines, one after the other, for whoever reads them later."""

    def say(self, line: str) -> None:
        write(sys.stdout, visible(line))

    def stands(self, where: str) -> None:
        """Nothing moves here."""


@contextmanager
def _page(*, moves: bool) -> Iterator[Page]:
    if not (moves and sys.stdout.isatty()):
        yield _Plain()
        return
    from haloop.cli.terminal import moving  # noqa: PLC0415  # what draws costs more to load than a command

    with moving(sys.stdout) as page:
        yield page


async def _is_over(client: Client, run: str) -> bool:
    """A run that was parked may have gone on since."""
    return (await client.run(run)).state in (RunState.ENDED, RunState.PARKED)


async def _events(client: Client, run: str | None) -> AsyncGenerator[Event, None]:
    """What happened in a run and what comes, or only what comes."""
    if run is None:
        place = await _size(client) - 1
    else:
        trail = (await client.run(run)).trail
        for told in trail:
            yield Event(**told.model_dump(), run=run)
        place = trail[-1].index
    async with aclosing(_from(client, place)) as events:
        async for event in events:
            if run in (None, event.run):
                yield event


async def _from(client: Client, place: int) -> AsyncGenerator[Event, None]:
    """Everything after a place, over as many connections as it takes."""
    is_told = False
    while True:
        try:
            async for event in client.events(after=place):
                place, is_told = event.index, False
                yield event
        except NotReached:
            if not is_told:
                write(sys.stderr, "Haloop does not answer just now; trying again.")
            is_told = True
        except Problem as problem:
            if problem.status != _ENDING:
                raise
        await asyncio.sleep(_SECONDS_BETWEEN)


async def _size(client: Client) -> int:
    """How many events there are: a checkpoint says it in its second line."""
    return int((await client.checkpoint()).split("\n")[1])
