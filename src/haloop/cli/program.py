"""The `haloop` command: its group, its options, and the one place where an error becomes an exit code."""

import errno
import sys
from collections.abc import Sequence
from pathlib import Path

import apsw
import click

from haloop.cli.answer import complain
from haloop.cli.backup import backup
from haloop.cli.checkpoint import checkpoint
from haloop.cli.connect import connect
from haloop.cli.dev import dev
from haloop.cli.doctor import doctor
from haloop.cli.everyday import EVERYDAY
from haloop.cli.export import export
from haloop.cli.init import init
from haloop.cli.key import key
from haloop.cli.link import link
from haloop.cli.receipt import receipt
from haloop.cli.restore import restore
from haloop.cli.settings import settings
from haloop.cli.ship import ship
from haloop.cli.start import start
from haloop.cli.status import status
from haloop.cli.stop import stop
from haloop.cli.verify import verify
from haloop.kernel.errors import BadInput, Corrupt, Exit, HaloopError, HomeUnusable, NoRoom

INTERRUPTED = 130
"""What shells expect of a command that was stopped from the keyboard."""


class _Commands(click.Group):
    """Whoever says `haloop grant` means `haloop grants`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, f"{cmd_name}s")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="The home folder. [default: HALOOP_HOME or ~/.haloop]")
@click.option("--account", metavar="NAME|ID", help="The account that is asked in. [default: the token's own]")
@click.pass_context
def program(context: click.Context, home: Path | None, account: str | None) -> None:
    """You say what you want; nothing irreversible happens without your yes; you keep the receipt.

    The first commands begin and end a home's one process; the next ones ask it for things, and answer what it
    asks. The others look after the home: they check it, copy it, and put it back. They read it beside the running
    process; only restore needs it alone.
    """
    context.obj = {"home": home, "account": account}


LIVING = (init, start, status, stop, link, connect, settings, dev)
KEEPING = (verify, key, checkpoint, receipt, export, backup, restore, ship, doctor)
for command in (*LIVING, *EVERYDAY, *KEEPING):
    program.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(program.main(given, prog_name="haloop", standalone_mode=False) or Exit.OK)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return Exit.USAGE
    except click.Abort:
        return INTERRUPTED
    except (HaloopError, click.ClickException, apsw.Error, OSError) as error:
        named = _named(error)
        complain(named, as_json="--json" in given)
        return int(named.exit)


def _named(error: HaloopError | click.ClickException | apsw.Error | OSError) -> HaloopError:
    """Every error a person may meet has a code, a sentence and a next step."""
    match error:
        case HaloopError():
            return error
        case click.ClickException():
            asked = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "haloop"
            return BadInput(error.format_message(), code="usage.bad", next_step=f"Read {asked} --help.")
        case apsw.CorruptError() | apsw.NotADBError():
            return Corrupt(f"The database is damaged: {error}.")
        case apsw.FullError() | OSError(errno=errno.ENOSPC):
            return NoRoom("The disk is full; nothing was finished.", next_step="Free space on it, and try again.")
        case apsw.Error():
            return HomeUnusable(
                f"A database could not be used: {type(error).__name__}: {error}.",
                code="database.unusable",
                next_step="Run haloop doctor; if the disk is well, try again.",
            )
        case _:
            return HomeUnusable(
                f"{error.filename or 'A file'}: {error.strerror or error}.",
                code="file.unusable",
                next_step="Check the path, its permissions and the room on its disk.",
            )
