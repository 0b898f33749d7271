"""Which of a household's own things a name means."""

import pytest

from haloop.desks.errands.naming import named


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("netflix", ["Netflix"]),
        ("Netlfix", ["Netflix"]),
        ("the iron", ["Iron Gym"]),
        ("gold gym", ["Gold Gym"]),
        ("my netflix premium account", ["Netflix"]),
        ("gym", ["Iron Gym", "Gold Gym"]),
        ("Amazon", []),
        ("?", []),
    ],
)
def test_a_name_means_what_it_fits_best(said: str, means: list[str]) -> None:
    """All of its words, else some, else but for a slip; two that fit alike are both meant."""
    assert named(said, ["Netflix", "Iron Gym", "Gold Gym"], str) == means
