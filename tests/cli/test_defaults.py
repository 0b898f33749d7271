"""`haloop defaults`: an owner says once what the household usually means."""

from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, errand_neighbour

__all__ = ["errand_neighbour"]


def test_they_are_set_and_shown(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """What is not named is taken away; what does not fit is refused."""
    before = haloop("defaults")
    haloop("defaults", "set", "errands", "place=Trattoria Luigi", "party=2")
    changed = haloop("defaults", "set", "errands", "party=4")
    refused = haloop("defaults", "set", "errands", "party=none")

    assert before.out.startswith("errands: nothing is set  (it takes place, party, earliest, latest)")
    assert changed.out.startswith("errands: party=4  (")
    assert haloop("defaults", "--json").document["defaults"][0]["values"] == {"party": 4}
    assert (refused.code, "party" in refused.err) == (2, True)
