"""What is taken from an attempt that has ended: its file and its change, once nothing can change them any more."""

import asyncio
import logging

from haloop.connectors.agents.at_work import AtWork
from haloop.connectors.agents.changes import kept, told_of
from haloop.connectors.agents.session import Ended
from haloop.connectors.agents.workplace import Workplace, Wrong
from haloop.connectors.gateway.gateway import Line
from haloop.connectors.gateway.inside import NO_WAY
from haloop.connectors.projects.copy import Commit
from haloop.kernel.failure import Permanent
from haloop.ports.agents import Fell, Made, RunFiles, Task
from haloop.ports.models import Cost
from haloop.ports.sandboxes import End

_log = logging.getLogger(__name__)


async def taken(files: RunFiles, task: Task, at_work: AtWork, ended: Ended) -> Made | Fell:
    """What it left, kept for its run; or why that does not count."""
    over = await at_work.stopped()
    if at_work.line:
        await at_work.line.close()  # what it used is known once its last calls have ended
    exit_code = None if over.end is End.STOPPED else over.exit_code  # how we ended it says nothing of it
    reason = _why_nothing_counts(at_work.line, exit_code) or ended.reason
    use = _use(at_work)
    found = Wrong(reason) if reason else await _found(task, at_work.place)
    if isinstance(found, Wrong):
        at_work.place.log.say(found.reason)
        return Fell(reason=found.reason, exit_code=exit_code, sandbox=at_work.sandbox.id, use=use)
    left, changed = found
    change = None if changed is None else await kept(files, task, changed)
    artifact = await files.keep(task.account, task.run, task.output, left)
    return Made(artifact=artifact, exit_code=exit_code, sandbox=at_work.sandbox.id, change=change, use=use)


async def _found(task: Task, place: Workplace) -> tuple[bytes, Commit | None] | Wrong:
    """Its file, and what it changed in the project, if both can be taken."""
    left = place.left()
    if isinstance(left, Wrong):
        return left
    changed = await place.changed()
    if isinstance(changed, Wrong):
        return changed
    told = await asyncio.to_thread(told_of, task, left, changed)
    return told if isinstance(told, Wrong) else (told, changed)


def _use(at_work: AtWork) -> Cost | None:
    """What it used of a model; where that cannot be read, what it made counts all the same."""
    if at_work.line is None:
        return None
    try:
        return at_work.line.use
    except Permanent as fault:
        _log.warning("what it used cannot be read", extra={"run": at_work.attempt, "code": str(fault.failure)})
        return None


def _why_nothing_counts(line: Line | None, exit_code: int | None) -> str:
    """Where its model was refused it was cut short, whatever lies there."""
    if line is None:
        return ""
    if exit_code == NO_WAY and not line.was_reached:
        return "It reaches no model: nothing in its image carries its calls, for which it needs python3 or socat."
    return line.spent
