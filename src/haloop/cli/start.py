"""`haloop start`: the one process of a home, from here until it is told to stop."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from haloop.cli.answer import Answer, Say, speaking
from haloop.cli.init import make_home
from haloop.cli.running import Running, announced, is_stale, owner_header, read_running
from haloop.kernel.errors import Exit
from haloop.settings import Settings


@click.command()
@click.option("--port", type=int, help="The port to serve on, for this start; 0 takes any that is free.")
@click.option("--host", help="The loopback address to serve on, for this start.")
@speaking
def start(settings: Settings, say: Say, port: int | None, host: str | None) -> Exit:
    """Serve the home until Ctrl-C or haloop stop; a home that is not there is made.

    Where it runs already, it says where, and changes nothing.
    """
    settings = settings.with_flags({"server.port": port, "server.host": host})
    there = read_running(settings.home)
    if there is not None:
        sentence = f"Haloop is running already, as process {there.pid} since {there.started_at}."
        say(_answer(settings, there, sentence, page=_new_page(there, settings.home)))
        return Exit.OK
    if is_stale(settings.home):
        print("The last process of this home did not end in order; starting anew.", file=sys.stderr, flush=True)
    _serve(settings, say)
    print("Haloop has ended in order.", file=sys.stderr, flush=True)
    return Exit.OK


def _serve(settings: Settings, say: Say) -> None:
    # A server takes half a second to import, and no other command must wait for that.
    import asyncio  # noqa: PLC0415

    from haloop.app import run_server  # noqa: PLC0415
    from haloop.serving import bind  # noqa: PLC0415

    with bind(settings.server_host, settings.server_port) as at, ExitStack() as announcement:
        make_home(settings.home)

        def on_ready(address: str, page: str) -> None:
            running = announcement.enter_context(announced(settings.home, address))
            say(_answer(settings, running, f"Haloop runs as process {running.pid}. Ctrl-C ends it.", page=page))

        asyncio.run(run_server(settings, at, on_ready=on_ready))


def _answer(settings: Settings, running: Running, sentence: str, *, page: str) -> Answer:
    linked = settings.project_linked
    return Answer(
        lines=[
            f"Open {page}",
            sentence,
            f"Everything it keeps lies in {settings.home}.",
        ],
        document={
            **running.document,
            "home": str(settings.home),
            "linked": None if linked is None else str(linked),
            "page": page,
        },
    )


def _new_page(running: Running, home: Path) -> str:
    """An address that opens the page once, asked of a process that runs already."""
    import httpx2  # noqa: PLC0415  # a fifth of a second that no other command must wait for

    try:
        headers = owner_header(home)
        reply = httpx2.post(f"{running.address}/api/visits", headers=headers, trust_env=False)
        return str(reply.raise_for_status().json()["address"])
    except (OSError, ValueError, KeyError, httpx2.HTTPError):
        return f"{running.address}/"
