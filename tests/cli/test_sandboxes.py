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

    said = line(haloop("doctor").out)
    assert "Agents' programs work in bubblewrap." in said
    assert said.endswith("A step that needs the internet is refused there, and works in docker.")
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
    assert "256 at once, and as many whose agents wait for an answer, may use 1024 GB" in many.out
    assert "whose agents wait for an answer" not in one.out


def test_a_cluster_that_is_named_and_not_known_is_said(
    haloop: Haloop, account: AccountId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for a cluster is told what is missing, setting by setting, and gets no other provider."""
    monkeypatch.setenv("HALOOP_SANDBOX_PROVIDER", "kubernetes")
    without = haloop("doctor")
    monkeypatch.setenv("HALOOP_SANDBOX_KUBERNETES_CLAIM", "missions")
    monkeypatch.setenv("HALOOP_SANDBOX_KUBERNETES_VOLUME", str(tmp_path))
    monkeypatch.setenv("HALOOP_SANDBOX_KUBERNETES_CONFIG", str(tmp_path / "nosuch"))
    unknown = haloop("doctor")

    assert (without.code, unknown.code) == (1, 1)
    assert "sandbox.kubernetes_claim and sandbox.kubernetes_volume are not both set" in line(without.out)
    assert "It is not known how to reach the cluster" in line(unknown.out)
    assert "work in bubblewrap" not in line(unknown.out)
