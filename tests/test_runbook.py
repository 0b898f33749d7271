"""The runbook speaks of commands, options, exit codes and log fields that exist."""

import re
from pathlib import Path

import click

from haloop.cli.everyday import Later
from haloop.cli.program import INTERRUPTED, program
from haloop.kernel.errors import Exit
from haloop.logs import FIELDS

REPOSITORY = Path(__file__).parent.parent
RUNBOOK = (REPOSITORY / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")

COMMAND = re.compile(r"(?:^|`|\| )haloop (?P<name>[a-z]+(?:-[a-z]+)*)(?P<rest>[^`\n#]*)", re.MULTILINE)


def test_every_command_exists() -> None:
    """Whoever types what the runbook says is not told that there is no such command."""
    named = {found["name"] for found in COMMAND.finditer(RUNBOOK)}
    assert {"doctor", "verify", "backup", "restore", "ship", "checkpoint", "key"} <= named
    assert named - set(program.commands) == set()


def test_every_option_exists() -> None:
    """Nor that there is no such option."""
    for found in COMMAND.finditer(RUNBOOK):
        for option in re.findall(r"--[a-z-]+", found["rest"]):
            assert option in options(program.commands[found["name"]]), found[0]


def test_the_exit_codes_are_all_there_are() -> None:
    """A row for each code, and none for another."""
    rows = re.findall(r"^\| (\d+) \|", RUNBOOK, re.MULTILINE)
    assert [int(row) for row in rows] == [*Exit, INTERRUPTED]


def test_the_fields_of_a_line_are_named() -> None:
    """What stands in a log line is explained."""
    explained = RUNBOOK[RUNBOOK.index("## Read the logs") : RUNBOOK.index("| logger |")]
    assert set(FIELDS) <= set(re.findall(r"`([a-z_]+)`", explained))


def options(command: click.Command) -> set[str]:
    """Those of a command, and of the commands below it."""
    known = command.load() if isinstance(command, Later) else command
    below = known.commands.values() if isinstance(known, click.Group) else ()
    own = {option for parameter in known.params for option in parameter.opts}
    return own.union(*(options(one) for one in below))
