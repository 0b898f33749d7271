"""`haloop missions diff`: what a mission changed in the project, before and after it was pushed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.api.conftest import Door
from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, next_door, reachable
from tests.store.conftest import Place
from tests.workshop.test_projects import opened_site


@asynccontextmanager
async def opened_garden(folder: Path) -> AsyncIterator[Door]:
    async with opened_site(folder) as site:
        yield site.shop.door


@pytest.fixture
def garden(place: Place, tmp_path: Path) -> Iterator[Neighbour]:
    """A running Haloop whose agents work on a project."""
    with next_door(tmp_path, opened_garden) as neighbour, reachable(place, neighbour):
        yield neighbour


def test_a_change_is_read_before_it_is_pushed(haloop: Haloop, garden: Neighbour, tmp_path: Path) -> None:
    """The files, the lines of one, what waits; afterwards where it is. A path that was not changed is refused."""
    wish = tmp_path / "wish.md"
    wish.write_text("Make it blue.\n", encoding="utf-8")
    mission = str(haloop("missions", "new", "A blue door", wish, "--json").document["mission"]["mission_id"])
    nothing = haloop("missions", "diff", mission)
    assert (nothing.code, "has changed nothing" in nothing.err) == (4, True)
    for _ in range(4):
        haloop("missions", "continue", mission, "--yes")
        garden.settle()

    assert "It waits for your yes to push its change" in haloop("missions", "show", mission).out
    listed = haloop("missions", "diff", mission).out
    assert f"haloop/{mission} is not yet in " in listed
    assert "changed  +1  -1  door" in listed
    assert haloop("missions", "diff", mission, "door").out == "@@ -1 +1 @@\n-red\n+blue\n"
    assert haloop("missions", "diff", mission, "window").code == 4

    haloop("missions", "continue", mission, "--yes")
    garden.settle()
    assert f"haloop/{mission} was pushed to " in haloop("missions", "diff", mission).out
