"""`haloop settings`: what every setting is, and who said so."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.kernel.canonical import Canonical
from haloop.setting import SECRET, Setting
from haloop.settings import SETTINGS, Settings


@click.command()
@answering
def settings(settings: Settings) -> Answer:
    """Show each setting: its value, where that came from, what it is for, and its variables."""
    shown = {setting.name: _shown(setting, settings) for setting in SETTINGS}
    wide = max(map(len, shown))
    lines = []
    for setting in SETTINGS:
        variables = ", ".join(alias.variable for alias in setting.variables)
        lines.append(f"{setting.name:{wide}}  {shown[setting.name]}  ({settings.origin(setting)})")
        lines.append(f"{'':{wide}}  {setting.doc} [{variables}]")
    return Answer(
        lines=lines,
        document={
            "settings": [
                {
                    "doc": setting.doc,
                    "name": setting.name,
                    "place": settings.origin(setting).place,
                    "source": str(settings.origin(setting).source),
                    "value": _shown(setting, settings) if setting.kind is SECRET else _plain(settings.value(setting)),
                    "variables": [alias.variable for alias in setting.variables],
                }
                for setting in SETTINGS
            ]
        },
    )


def _shown(setting: Setting, settings: Settings) -> str:
    value = settings.value(setting)
    return _words(value) if value is None else setting.shown(_words(value))


def _words(value: object) -> str:
    match value:
        case None | ():
            return "none"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _plain(value: object) -> Canonical:
    match value:
        case Path():
            return str(value)
        case tuple():
            return [_plain(one) for one in value]
        case int() | str() | None:
            return value
    raise TypeError(f"{type(value).__name__} is no kind of setting")
