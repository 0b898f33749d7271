"""How many sandboxes there are at once, and whether the machine has the memory for them."""

from haloop.connectors.sandboxes.room import AT_ONCE_MAX, at_once, too_many

GIGABYTE = 1 << 30


def test_whoever_says_how_many_gets_as_many() -> None:
    """Where nobody does, it is two for each processor, and never many."""
    assert at_once(3) == 3
    assert 2 <= at_once(0) <= AT_ONCE_MAX


def test_too_many_for_the_memory_is_said_with_how_many_fit() -> None:
    """Eight of two gigabytes each do not fit into nine; four do."""
    assert too_many(4, 9 * GIGABYTE) == ""
    assert too_many(8, 9 * GIGABYTE) == "8 at once may use 16 GB, and this machine has 9.0 GB: enough for 4."
