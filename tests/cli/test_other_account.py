"""`haloop --account`: a command asks in another of a person's accounts, and leaves no session behind."""

import json
import signal

import pytest

from tests.cli.conftest import Haloop, ending, start
from tests.cli.neighbour import ORDER, Neighbour, neighbour

__all__ = ["neighbour"]

GARDEN = "Garden & Co"


@pytest.fixture
def garden(haloop: Haloop, neighbour: Neighbour) -> str:
    """Ana's second account."""
    opened: str = haloop("accounts", "new", "company", GARDEN, "--json").document["account"]["id"]
    return opened


def sessions(haloop: Haloop) -> list[str]:
    """The browsers in which Ana is known."""
    return [one["browser"] for one in haloop("sessions", "--json").document["sessions"]]


def test_what_is_asked_in_another_account_is_approved_and_stays_there(
    haloop: Haloop, neighbour: Neighbour, garden: str
) -> None:
    """From the wish to the yes by one name; the token's own account hears nothing of it."""
    there = ("--account", GARDEN)
    run = haloop(*there, "ask", "shop.buy_if_asked", *ORDER, "--json").document["run"]
    assert haloop("inbox", "--json").document["gates"] == []
    assert len(haloop(*there, "inbox", "--json").document["gates"]) == 1

    said = haloop(*there, "approve", "1", "--yes")

    assert (said.code, said.out.splitlines()[0]) == (0, 'Approved: at most 12.50 EUR to "Karl".')
    neighbour.settle()
    assert "ended, done" in haloop(*there, "show", run).out
    assert haloop("show", run).code == 4
    assert sessions(haloop) == []


def test_an_account_is_meant_by_name_id_or_end_and_by_a_variable(
    haloop: Haloop, garden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag wins over the variable; the token's own is meant like any other."""
    for name in (GARDEN, garden, garden[-6:]):
        assert f"{garden}  company  {GARDEN}  you: owner  (this one)" in haloop("--account", name, "accounts").out
    own = next(one["id"] for one in haloop("accounts", "--json").document["accounts"] if one["id"] != garden)
    monkeypatch.setenv("HALOOP_ACCOUNT", garden)
    assert "(this one)" in next(line for line in haloop("accounts").out.splitlines() if garden in line)
    assert "(this one)" in next(line for line in haloop("--account", own, "accounts").out.splitlines() if own in line)


def test_an_account_that_is_not_there_is_told_with_those_that_are(haloop: Haloop, garden: str) -> None:
    """A slip in the name, and a name that two have: nothing is begun."""
    said = haloop("--account", "Gardn", "inbox", "--json")
    assert (said.code, said.document["error"]["code"]) == (2, "usage.account")
    assert f"{GARDEN} ({garden})" in said.document["error"]["sentence"]
    assert "without a name (acc_" in said.document["error"]["sentence"]

    twin = haloop("accounts", "new", "company", GARDEN, "--json").document["account"]["id"]
    said = haloop("--account", GARDEN, "inbox")
    assert (said.code, garden in said.err, twin in said.err) == (2, True, True)
    assert sessions(haloop) == []


def test_a_session_ends_also_where_the_command_failed(haloop: Haloop, garden: str) -> None:
    """What is not there is told as ever; and a command sees its own session, which it may end itself."""
    there = ("--account", garden)
    assert haloop(*there, "show", "run_" + "0" * 32).code == 4
    (own,) = haloop(*there, "sessions", "--json").document["sessions"]
    assert (own["browser"], own["current"]) == ("haloop", True)
    assert sessions(haloop) == []


def test_a_session_ends_with_a_command_that_was_stopped_from_the_keyboard(haloop: Haloop, garden: str) -> None:
    """Somebody watches, and presses Ctrl-C."""
    run = haloop("--account", garden, "ask", "shop.buy_if_asked", *ORDER, "--json").document["run"]
    with ending(start("--account", garden, "watch", run, "--json")) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["run"] == run
        assert sessions(haloop) == ["haloop"]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=30) == 130
    assert sessions(haloop) == []


def test_an_agents_token_goes_to_no_other_account(haloop: Haloop, garden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names its own, and sessions are for people."""
    monkeypatch.setenv("HALOOP_TOKEN", haloop("tokens", "new", "shopper", "--json").document["token"]["token"])
    said = haloop("--account", garden, "activity", "--json")
    assert (said.code, said.document["error"]["code"]) == (4, "identity.not_allowed")
