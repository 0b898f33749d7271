"""How many sandboxes there are at once, and whether the machine has the memory for them."""

import math
from pathlib import Path

import pytest

from haloop.connectors.sandboxes.cgroups import memory_max
from haloop.connectors.sandboxes.room import AT_ONCE_MAX, at_once, memory_bytes, too_many

GIGABYTE = 1 << 30


def test_whoever_says_how_many_gets_as_many() -> None:
    """Where nobody does, it is never many, and never none."""
    assert at_once(3, memory_bytes()) == 3
    assert 1 <= at_once(0, memory_bytes()) <= AT_ONCE_MAX


def test_too_many_for_the_memory_is_said_with_how_many_fit() -> None:
    """Of two gigabytes each, two at work and two that wait for an answer fit into nine; six do not."""
    assert too_many(2, 9 * GIGABYTE) == ""
    assert too_many(3, 9 * GIGABYTE) == (
        "3 at once, and as many whose agents wait for an answer, may use 12 GB, and there are 9.0 GB: enough for 2."
    )
    assert too_many(1, 3 * GIGABYTE).endswith("there are 3.0 GB: enough for 1.")


def test_what_is_chosen_has_room_for_those_that_wait() -> None:
    """Where nobody says how many, the doctor has nothing to say of it, however little there is."""
    for gigabytes in range(4, 40):
        memory = gigabytes * GIGABYTE
        assert too_many(at_once(0, memory), memory) == ""


def test_what_our_group_gives_us_is_what_there_is() -> None:
    """In a container with three gigabytes of a large machine, one of two gigabytes fits; with less, one is begun."""
    memory = memory_bytes(lambda: 3 * GIGABYTE)

    assert memory == 3 * GIGABYTE
    assert at_once(0, memory) == 1
    assert at_once(4, memory) == 4
    assert at_once(0, memory_bytes(lambda: GIGABYTE)) == 1


@pytest.mark.parametrize(
    ("ours", "group", "name", "endless"),
    [
        ("0::/haloop.slice/a.service\n", "haloop.slice", "memory.max", "max"),
        ("0::/\n", "", "memory.max", "max"),
        ("4:memory:/docker/a\n", "memory/docker/a", "memory.limit_in_bytes", "9223372036854771712"),
        ("4:memory:/docker/a\n", "memory", "memory.limit_in_bytes", "9223372036854771712"),
    ],
    ids=["above ours", "the first of a container", "the first version", "the first version in a container"],
)
def test_the_least_of_our_groups_is_found(tmp_path: Path, ours: str, group: str, name: str, endless: str) -> None:
    """Wherever on the way up the limit stands, in both versions."""
    (tmp_path / "ours").write_text(ours)
    for folder in ("haloop.slice/a.service", "memory/docker/a"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).write_text(f"{endless}\n")
    (tmp_path / group / name).write_text(f"{3 * GIGABYTE}\n")

    assert memory_max(root=tmp_path, ours=tmp_path / "ours") == 3 * GIGABYTE


def test_where_no_group_says_anything_all_is_ours(tmp_path: Path) -> None:
    """A machine without groups limits nothing."""
    assert memory_max(root=tmp_path, ours=tmp_path / "missing") == math.inf
