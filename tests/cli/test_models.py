"""What the commands say of a model that is switched on, and of its key: never what it is."""

import pytest

from tests.cli.conftest import Haloop

KEY = "sk-canary-of-the-command-line-2290"


def test_a_key_is_shown_by_no_command(haloop: Haloop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings say that there is one, and doctor which model is switched on, or what it wants."""
    monkeypatch.setenv("HALO_LLM_PROVIDER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    shown, told, looked = haloop("settings"), haloop("settings", "--json"), haloop("doctor")
    (key,) = [one for one in told.document["settings"] if one["name"] == "model.openai_key"]
    assert (key["value"], key["place"]) == ("(not shown)", "OPENAI_API_KEY")
    assert KEY not in shown.out + told.out + looked.out
    assert "gpt-4.1-mini at api.openai.com reads plain words." in looked.out
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "openai asks for a key, and none is set." in haloop("doctor").out
