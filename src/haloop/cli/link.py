"""`haloop link`: the one project that missions work on."""

import os
import shutil
import subprocess
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.config_file import with_text
from haloop.cli.init import make_home
from haloop.cli.rewriting import rewrite
from haloop.kernel.errors import BadInput
from haloop.settings import CONFIG_FILE, Settings

_NAME = "project.linked"


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@answering
def link(settings: Settings, path: Path | None) -> Answer:
    """Link the git work tree at PATH (by default the one you are in), in the place of an earlier one.

    It is written into config.toml; nothing else in that file changes.
    """
    tree = work_tree(path or Path())
    make_home(settings.home)
    file = settings.home / CONFIG_FILE
    text = file.read_bytes().decode()
    changed = with_text(text, _NAME, str(tree))
    if changed != text:
        rewrite(file, changed)
    earlier = settings.project_linked
    now = Settings.read(os.environ, home=settings.home).project_linked
    lines = [f"{tree} is linked."]
    if earlier not in (None, tree):
        lines.append(f"It was {earlier}.")
    if now != tree:
        lines.append(f"The environment says {now}, and wins over the file.")
    return Answer(lines=lines, document={"linked": str(tree), "earlier": None if earlier is None else str(earlier)})


def work_tree(path: Path) -> Path:
    """The git work tree that a path lies in; BadInput where there is none."""
    git = shutil.which("git")
    if git is None:
        raise _refused("git is not installed, and a project is a git work tree.", "Install git, and try again.")
    told = subprocess.run(  # noqa: S603  # the words are git's own, and a path that follows a flag
        [git, "-C", path.absolute(), "rev-parse", "--show-toplevel"],
        capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        check=False,
    )
    if told.returncode:
        reason = told.stderr.decode(errors="replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise _refused(f"{path.absolute()} is no git work tree: {reason}.", "Give a folder that git checked out.")
    try:
        return Path(told.stdout.removesuffix(b"\n").decode())
    except UnicodeDecodeError:
        raise _refused("The work tree's path is not text.", "Give the folder a name in UTF-8.") from None


def _refused(sentence: str, next_step: str) -> BadInput:
    return BadInput(sentence, code="link.no_work_tree", next_step=next_step)
