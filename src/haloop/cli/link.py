"""`haloop link`: the one project that missions work on."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.init import make_home
from haloop.settings import Settings
from haloop.workshop.linking import LinkedProject, work_tree


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@answering
def link(settings: Settings, path: Path | None) -> Answer:
    """Link the git work tree at PATH (by default the one you are in), in the place of an earlier one.

    It is written into config.toml; nothing else in that file changes.
    """
    tree = work_tree(path or Path())
    make_home(settings.home)
    done = LinkedProject(settings.home).link(tree)
    earlier = settings.project_linked
    lines = [f"{tree} is linked."]
    if earlier not in (None, tree):
        lines.append(f"It was {earlier}.")
    if done.now != tree:
        lines.append(f"The environment says {done.now}, and wins over the file.")
    return Answer(lines=lines, document={"linked": str(tree), "earlier": None if earlier is None else str(earlier)})
