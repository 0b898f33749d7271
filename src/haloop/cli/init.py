"""`haloop init`: the home, with a file of settings, the workflow templates, and the folders people look into."""

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.new_file import new_file
from haloop.cli.workflows import put_workflows
from haloop.config_file import fresh_text
from haloop.settings import CONFIG_FILE, Settings
from haloop.store.home import Home

FOLDERS = ("missions", "workflows", "runtime", "logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made in a home, and what was there."""

    made: list[str]
    there: list[str]
    replaced: list[str]
    """Nobody had touched them, and newer ones ship."""
    edited: list[str]
    """They are somebody's own now."""


@click.command()
@answering
def init(settings: Settings) -> Answer:
    """Make the home: config.toml with every setting explained, the workflow templates, and its folders.

    It may be repeated: what is missing is made, a template that nobody touched is brought up to date, and a file that
    somebody edited stays as it is.
    """
    done = make_home(settings.home)
    lines = [f"The home is {settings.home}."]
    if done.made:
        lines.append(f"Made: {', '.join(done.made)}.")
    if done.there:
        lines.append(f"There already, and left as it was: {', '.join(done.there)}.")
    if done.replaced:
        lines.append(f"Replaced by what ships now, because nobody had touched it: {', '.join(done.replaced)}.")
    if done.edited:
        lines.append(f"Edited by somebody, and left as it is: {', '.join(done.edited)}.")
    found = {name: list(names) for name, names in asdict(done).items()}
    return Answer(lines=lines, document={"home": str(settings.home), **found})


def make_home(path: Path) -> Made:
    """Make what a home lacks."""
    done = Made(made=[], there=[], replaced=[], edited=[])
    _note(done, "the folder", there=path.is_dir())
    Home(path).make()
    config = path / CONFIG_FILE
    _note(done, CONFIG_FILE, there=config.exists())
    if not config.exists():
        with new_file(config) as file:
            file.write(fresh_text().encode())
    for name in FOLDERS:
        _note(done, f"{name}/", there=(path / name).is_dir())
        (path / name).mkdir(mode=0o700, exist_ok=True)
    for name, became in put_workflows(path).items():
        getattr(done, became).append(name)
    return done


def _note(done: Made, name: str, *, there: bool) -> None:
    (done.there if there else done.made).append(name)
