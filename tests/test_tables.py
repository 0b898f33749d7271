"""Where tables are booked is a setting, and Resy itself is refused until whoever runs Haloop answers for it."""

from pathlib import Path

import pytest

from haloop.fitting import RESY_CONSENT
from haloop.kernel.errors import BadInput
from haloop.settings import Settings
from haloop.tables import open_booking
from haloop.town.street import Town

AT, CONSENT = "HALOOP_BOOKING_AT", "HALOOP_BOOKING_RESY_CONSENT"


@pytest.mark.parametrize(
    ("said", "name", "live"),
    [
        ({}, "town-booking", False),
        ({"HALO_BOOKING_ADAPTER": "mock"}, "town-booking", False),
        ({AT: "resy-in-town"}, "resy", False),
        ({AT: "resy", CONSENT: RESY_CONSENT}, "resy", True),
    ],
)
async def test_what_stands_behind_the_port(
    tmp_path: Path, town: Town, said: dict[str, str], name: str, live: bool
) -> None:
    """Practice is the default, and only Resy itself leaves this machine."""
    async with open_booking(Settings.read(said, home=tmp_path), town) as connector:
        assert (connector.name, connector.live, connector.leaves) == (name, live, live)


@pytest.mark.parametrize(
    "said",
    [
        {AT: "resy"},
        {"HALO_BOOKING_ADAPTER": "resy"},
        {AT: "resy", CONSENT: "yes"},
        {AT: "town", CONSENT: "true"},
        {CONSENT: RESY_CONSENT.lower()},
    ],
)
def test_resy_takes_the_words_exactly(tmp_path: Path, said: dict[str, str]) -> None:
    """Nothing starts without them, and the refusal says why and what they are."""
    with pytest.raises(BadInput, match=RESY_CONSENT) as refused:
        Settings.read(said, home=tmp_path)
    assert refused.value.code == "settings.resy_consent"


def test_nobody_books_anywhere_else(tmp_path: Path) -> None:
    """There is no address to give: Resy's own is fixed, and the town's is this machine's."""
    with pytest.raises(BadInput, match="town, resy-in-town, resy"):
        Settings.read({AT: "https://api.resy.example"}, home=tmp_path)
