"""`haloop stop`: tell a home's process to end, and wait until it has."""

import os
import select
import signal
import sys

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.running import Running, life_of, read_running
from haloop.kernel.errors import Exit
from haloop.settings import Settings

SECONDS_MAX = 60
_MILLISECONDS_BEFORE_WORDS = 1_000


@click.command()
@answering
def stop(settings: Settings) -> Answer:
    """Let the running process end in order, and wait for it. Where nothing runs there is nothing to do."""
    running = read_running(settings.home)
    if running is None:
        return Answer(lines=["Haloop is not running."], document={"pid": None, "stopped": False})
    if _end(running):
        lines = [f"Process {running.pid} has ended."]
        return Answer(lines=lines, document={"pid": running.pid, "stopped": True})
    return Answer(
        lines=[f"Process {running.pid} was told to end {SECONDS_MAX} s ago, and still works on it. Look again later."],
        document={"pid": running.pid, "stopped": False},
        exit=Exit.REFUSED,
    )


def _end(running: Running) -> bool:
    """Tell the very process, not whoever has its number next, and wait; whether it has ended."""
    try:
        process = os.pidfd_open(running.pid)
    except ProcessLookupError:
        return True
    try:
        if life_of(running.pid) != running.life:
            return True
        signal.pidfd_send_signal(process, signal.SIGTERM)
        return _wait(process, running.pid)
    except ProcessLookupError:
        return True
    finally:
        os.close(process)


def _wait(process: int, pid: int) -> bool:
    watch = select.poll()
    watch.register(process, select.POLLIN)
    if watch.poll(_MILLISECONDS_BEFORE_WORDS):
        return True
    print(f"Waiting for process {pid} to end what it has begun …", file=sys.stderr, flush=True)
    return bool(watch.poll(SECONDS_MAX * 1_000))
