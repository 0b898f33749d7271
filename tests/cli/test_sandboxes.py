"""What the doctor says of where agents' programs work."""

from pathlib import Path

import pytest

from haloop.kernel.ids import AccountId
from tests.cli.conftest import Haloop
from tests.connectors.sandboxes.conftest import require
from tests.store.conftest import Place


def line(said: str) -> str:
    (found,) = [one for one in said.splitlines() if " sandbox " in one]
    return found


def test_the_provider_that_works_is_named(haloop: Haloop, account: AccountId, place: Place) -> None:
    """The smallest sandbox was started, and nothing of it is left in the home."""
    require("bubblewrap")

    assert line(haloop("doctor").out).endswith("Agents' programs work in bubblewrap.")
    assert not (place.home / "runtime" / "sandboxes").exists()


def test_what_does_not_work_is_said_and_why(
    haloop: Haloop, account: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any, that is worth knowing; where the settings name one that does not work, something is wrong."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HALOOP_SANDBOX_DOCKER_SOCKET", str(Path("/nowhere/docker.sock")))
    without = haloop("doctor")
    monkeypatch.setenv("HALOOP_SANDBOX_PROVIDER", "docker")
    wrong = haloop("doctor")

    assert (without.code, wrong.code) == (0, 1)
    assert line(without.out).startswith("note")
    assert "bwrap" in line(without.out)
    assert line(wrong.out).startswith("FAIL")
    assert "there is no socket /nowhere/docker.sock" in line(wrong.out)
    assert "bwrap" not in line(wrong.out)


def test_more_steps_at_once_than_there_is_memory_for_is_worth_knowing(
    haloop: Haloop, account: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor says how many there is memory for; with one at a time there is nothing to say."""
    monkeypatch.setenv("HALOOP_SANDBOX_AT_ONCE", "256")
    many = haloop("doctor")
    monkeypatch.setenv("HALOOP_SANDBOX_AT_ONCE", "1")
    one = haloop("doctor")

    assert many.code == 0
    assert "256 at once may use 512 GB" in many.out
    assert "at once may use" not in one.out
