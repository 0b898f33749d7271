"""What a project tells agents: where it lies in a copy, by its names and wherever those lead."""

from collections.abc import Iterable
from pathlib import Path

from haloop.connectors.projects.git import Git
from haloop.ports.projects import CONTEXT

_ENDS = tuple(f"/{name}".casefold() for name in CONTEXT)
"""Of a path that begins with a slash; some systems take one spelling for the other."""


def place_of(name: str) -> str | None:
    """The file or folder by whose name agents know it, in whatever folder; none where it tells them nothing."""
    place = ""
    for part in name.split("/"):
        place = f"{place}/{part}"
        if place.casefold().endswith(_ENDS):
            return place[1:]
    return None


def is_told(name: str, places: frozenset[str]) -> bool:
    """Whether agents are told it, by its name or because a link that they know leads there."""
    return place_of(name) is not None or any(name == place or name.startswith(f"{place}/") for place in places)


async def places_in(git: Git, folder: Path) -> frozenset[str]:
    """All such places in a copy that nobody has worked in yet, none of them inside another."""
    names = (await git.does("ls-files", "-z")).said.decode(errors="surrogateescape").split("\0")
    known = {name: place for name in names if (place := place_of(name))}
    places = {*known.values(), *_led_to(folder, known)}
    return frozenset(one for one in places if not any(one.startswith(f"{other}/") for other in places))


def _led_to(folder: Path, names: Iterable[str]) -> set[str]:
    """Where links lead, if that is in the copy and not all of it."""
    top = folder.resolve()
    ends = {(folder / name).resolve() for name in names if (folder / name).is_symlink()}
    return {str(end.relative_to(top)) for end in ends if end.is_relative_to(top) and end != top}
