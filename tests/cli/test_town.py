"""`haloop town`: whoever practises sees the town's servers, and has something go wrong there."""

from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, errand_neighbour

__all__ = ["errand_neighbour"]


def test_a_trouble_is_turned_on_and_off(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """Each answer shows all servers as they are now; what is asked for while a server is busy ends with that."""
    before = {one["name"]: one for one in haloop("town", "--json").document["servers"]}
    troubled = haloop("town", "trouble", "booking", "garbage", "on")
    run = haloop("ask", "book", "a", "table", "at", "Luigi", "for", "2", "tomorrow", "at", "7", "pm", "--json")
    quiet = haloop("town", "trouble", "booking", "garbage", "off", "--json").document["servers"]

    assert before["shop"]["address"] in troubled.out
    assert "  garbage  (" in troubled.out
    assert run.document["gates"] == []
    assert not any(one["on"] for server in quiet for one in server["troubles"])


def test_what_is_not_there_says_what_is(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """Nobody has to guess a name."""
    refused = haloop("town", "trouble", "shop", "fire", "on")

    assert refused.code == 4
    assert "captcha" in refused.err
