"""`haloop doctor`: what is wrong here, and what to do about it."""

import click

from haloop.cli.answer import Answer, answering
from haloop.kernel.clock import SystemClock
from haloop.kernel.errors import Exit
from haloop.settings import Settings
from haloop.store.doctor import Verdict, examine


@click.command()
@answering
def doctor(settings: Settings) -> Answer:
    """Look at this machine and the home, one line for each check. Nothing is changed."""
    checks = examine(settings.home, settings.state, SystemClock())
    width = max(len(check.name) for check in checks)
    lines = [f"{one.verdict:4}  {one.name:{width}}  {one.sentence} {one.next_step}".rstrip() for one in checks]
    failed = [check.name for check in checks if check.verdict is Verdict.FAILED]
    return Answer(
        lines=lines,
        document={
            "checks": [
                {
                    "name": check.name,
                    "next_step": check.next_step,
                    "sentence": check.sentence,
                    "verdict": str(check.verdict),
                }
                for check in checks
            ],
            "ok": not failed,
        },
        exit=Exit.BAD if failed else Exit.OK,
    )
