"""The models that agents may ask, as the settings name them."""

from pathlib import Path

import pytest

from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.kernel.errors import BadInput
from haloop.outward import Outward, practising
from haloop.settings import Settings

KEY = "sk-canary-of-the-gateways-settings-6612"


def read(home: Path, **said: str) -> Outward:
    return Outward.read(
        Settings.read({f"HALOOP_GATEWAY_{name.upper()}": value for name, value in said.items()}, home=home)
    )


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return str(file)


def test_nobody_is_asked_unless_it_is_said(tmp_path: Path) -> None:
    """A key that stands in the environment for other programs switches nothing on."""
    said = {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY, "GEMINI_API_KEY": KEY}
    assert Outward.read(Settings.read(said, home=tmp_path)).upstreams == {}


def test_a_key_switches_its_provider_on(tmp_path: Path, key_file: str) -> None:
    """At its own address or at another; the key is hidden from the logs, and shown nowhere."""
    found = read(tmp_path, anthropic_key_file=key_file, openai_address="http://localhost:11434/v1/")

    assert found.upstreams == {
        Provider.ANTHROPIC: Upstream(provider=Provider.ANTHROPIC, address="https://api.anthropic.com", key=KEY),
        Provider.OPENAI: Upstream(provider=Provider.OPENAI, address="http://127.0.0.1:11434/v1"),
    }
    assert found.secrets == [KEY]
    assert KEY not in repr(found)


def test_the_practice_model_is_told_no_key(tmp_path: Path, key_file: str) -> None:
    """It is wherever the town is served, and costs nothing."""
    found = read(tmp_path, openai_address="town", openai_key_file=key_file)

    assert practising(found.upstreams, "http://localhost:4711") == {
        Provider.OPENAI: Upstream(provider=Provider.OPENAI, address="http://127.0.0.1:4711/v1", is_practice=True)
    }


@pytest.mark.parametrize("written", ["\ufeffsk-ant-1", "sk-\u00e4nt-1", "sk-\x00ant-1", "sk-\u200bant-1"])
def test_a_key_that_cannot_be_sent_is_refused_at_the_start(tmp_path: Path, written: str) -> None:
    """What an editor put before it or into it would fail at each call, where nobody is told why."""
    file = tmp_path / "key"
    file.write_text(f"{written}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"gateway\.anthropic_key_file is .* has a letter"):
        read(tmp_path, anthropic_key_file=str(file))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"anthropic_key_file": "/nowhere/at/all"}, "cannot be read"),
        ({"anthropic_address": "http://192.168.1.5:8080"}, "over https"),
        ({"usd_max": "20 EUR"}, "in dollars"),
        ({"tokens_max": "0"}, "from 1"),
    ],
)
def test_what_does_not_lead_to_a_model_is_refused(tmp_path: Path, said: dict[str, str], why: str) -> None:
    """Before anything starts, with what is wrong."""
    with pytest.raises(BadInput, match=why):
        read(tmp_path, **said)
