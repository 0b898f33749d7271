"""What is declared of one setting: its kind, its names, where its value came from, and what fits.

`settings.py` declares each with these words, once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

_PREFIX = "HALOOP_"
METADATA = "setting"


class Source(StrEnum):
    """Who said what a value is; a later one wins over an earlier."""

    GIVEN = "given"
    """Code that built the settings by hand, as tests and examples do."""
    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from."""

    source: Source
    place: str = ""
    """The file and its line, or the variable."""

    def __str__(self) -> str:
        return f"{self.source} {self.place}".rstrip()


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value: how a variable or a flag spells it, and what the file must hold."""

    word: str
    from_words: Callable[[str], object]
    """From text to what the file would hold; text that cannot be read stays as it is."""
    from_file: Callable[[object], object]
    """From what the file holds to the value; ValueError says what it must be."""


@dataclass(frozen=True, slots=True)
class Alias:
    """Another variable that is honoured for a setting."""

    variable: str
    below: str = ""
    """The folder below the one it names, where the variable belongs to many programs."""

    means: Mapping[str, str] = field(default_factory=dict)
    """What its words stand for, where they are others than the setting's own."""

    def words(self, said: str) -> str:
        if said in self.means:
            return self.means[said]
        return str(Path(said) / self.below) if self.below else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is declared of one setting, beside its type and default."""

    name: str
    kind: Kind
    doc: str
    aliases: tuple[Alias, ...] = ()
    fallback: str = ""
    """What it is where nobody says, spelled as in the file, if it depends on who runs Haloop."""
    example: str = ""
    """What the file might say, where the default is that nothing is said."""
    in_file: bool = True
    fits: Callable[[Any], str] = lambda _value: ""
    """Why a value of the right type is refused all the same; empty where it is not."""
    refused_as: str = "settings.bad"
    """The code of that refusal."""

    @property
    def declared(self) -> Mapping[str, "Setting"]:
        """What makes a field of Settings this setting."""
        return {METADATA: self}

    def shown(self, value: str) -> str:
        """A value as anybody may see it."""
        return "(not shown)" if self.kind is SECRET else value

    @property
    def attribute(self) -> str:
        """Its name as a field of Settings."""
        return self.name.replace(".", "_")

    @property
    def variable(self) -> str:
        """Its own environment variable."""
        return _PREFIX + self.attribute.upper()

    @property
    def variables(self) -> tuple[Alias, ...]:
        """Every variable that is honoured, the first to speak winning."""
        return (Alias(self.variable), *self.aliases)


def _text(raw: object) -> str:
    if isinstance(raw, str) and raw:
        return raw
    raise ValueError("it must be text in quotes")


def _number(raw: object) -> int:
    if type(raw) is int:  # True is an int too
        return raw
    raise ValueError("it must be a whole number")


def _number_from_words(words: str) -> object:
    return int(words) if re.fullmatch(r"[0-9]{1,18}", words) else words


def _texts(raw: object) -> tuple[str, ...]:
    if isinstance(raw, list | tuple):
        return tuple(_text(item) for item in raw)
    raise ValueError("it must be a list of texts in quotes")


def _texts_from_words(words: str) -> object:
    return [item for part in words.split(",") if (item := part.strip())]


def _folder(raw: object) -> Path:
    path = Path(_text(raw))
    if "\0" in str(path):
        raise ValueError("no path holds a null byte")
    try:
        expanded = path.expanduser()
    except RuntimeError as error:
        raise ValueError("its ~ stands for nobody's folder") from error
    if not expanded.is_absolute():
        raise ValueError("in the file it must be a whole path, from / or ~")
    return expanded


def _folder_from_words(words: str) -> object:
    return words if words.startswith("~") else str(Path(words).absolute())


TEXT = Kind("text", str, _text)
NUMBER = Kind("number", _number_from_words, _number)
TEXTS = Kind("list of texts", _texts_from_words, _texts)
FOLDER = Kind("folder", _folder_from_words, _folder)
FILE = Kind("file", _folder_from_words, _folder)
SECRET = Kind("secret", str, _text)
"""Its value is shown nowhere."""
