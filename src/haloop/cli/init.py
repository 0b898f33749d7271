"""`haloop init`: the home, with a file of settings and the folders people look into."""

from dataclasses import dataclass
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.config_file import fresh_text
from haloop.cli.new_file import new_file
from haloop.settings import CONFIG_FILE, Settings
from haloop.store.home import Home

FOLDERS = ("missions", "workflows", "runtime", "logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made in a home, and what was there."""

    made: list[str]
    there: list[str]


@click.command()
@answering
def init(settings: Settings) -> Answer:
    """Make the home: config.toml with every setting explained, and its folders.

    It may be repeated: what is missing is made, and a file that is there stays as it is.
    """
    done = make_home(settings.home)
    lines = [f"The home is {settings.home}."]
    if done.made:
        lines.append(f"Made: {', '.join(done.made)}.")
    if done.there:
        lines.append(f"There already, and left as it was: {', '.join(done.there)}.")
    return Answer(
        lines=lines, document={"home": str(settings.home), "made": list(done.made), "there": list(done.there)}
    )


def make_home(path: Path) -> Made:
    """Make what a home lacks."""
    done = Made(made=[], there=[])
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
    return done


def _note(done: Made, name: str, *, there: bool) -> None:
    (done.there if there else done.made).append(name)
