"""The model that the settings name: which it is, where it is, and whose key goes where."""

from pathlib import Path

import pytest

from haloop.connectors.models.hosted import ModelHost, Shape
from haloop.kernel.errors import BadInput
from haloop.outward import Outward, model_host
from haloop.settings import Settings

KEY = "sk-canary-of-the-settings-4417"


def host(home: Path, **said: str) -> ModelHost | None:
    return model_host(Settings.read({f"HALOOP_MODEL_{name.upper()}": value for name, value in said.items()}, home=home))


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return str(file)


@pytest.mark.parametrize("provider", ["fake", "builtin"])
def test_nobody_is_asked_unless_it_is_said(tmp_path: Path, provider: str) -> None:
    """The built-in reader is the default, by the plans' name too; a key alone switches nothing on."""
    assert model_host(Settings.read({"OPENAI_API_KEY": KEY}, home=tmp_path)) is None
    assert model_host(Settings.read({"OPENAI_API_KEY": KEY, "HALO_LLM_PROVIDER": provider}, home=tmp_path)) is None


def test_the_plans_variables_switch_openai_on(tmp_path: Path) -> None:
    """Its key is no part of what is shown of it, and is hidden from the logs; what nobody knows is refused."""
    said = {"HALO_LLM_PROVIDER": "openai", "OPENAI_API_KEY": KEY}
    settings = Settings.read(said, home=tmp_path)
    found = Outward.read(settings)
    assert found.model == ModelHost(
        shape=Shape.OPENAI, model="gpt-4.1-mini", address="https://api.openai.com/v1", key=KEY
    )
    assert found.secrets == [KEY]
    assert KEY not in f"{settings} {found}"
    with pytest.raises(BadInput, match="HALO_LLM_PROVIDERS"):
        Settings.read({"HALO_LLM_PROVIDERS": "openai"}, home=tmp_path)


def test_the_key_for_openai_goes_to_nobody_else(tmp_path: Path) -> None:
    """Neither to another provider nor to an address of one's own; those have a file for theirs."""
    environment = {"OPENAI_API_KEY": KEY, "HALOOP_MODEL_NAME": "m"}
    near = {**environment, "HALO_LLM_PROVIDER": "openai", "HALOOP_MODEL_ADDRESS": "http://localhost:11434/v1"}
    found = model_host(Settings.read(near, home=tmp_path))
    assert found == ModelHost(shape=Shape.OPENAI, model="m", address="http://127.0.0.1:11434/v1", key="")
    with pytest.raises(BadInput, match="anthropic asks for a key"):
        model_host(Settings.read({**environment, "HALO_LLM_PROVIDER": "anthropic"}, home=tmp_path))


def test_a_key_is_read_from_its_file(tmp_path: Path, key_file: str) -> None:
    """For either provider, and for a server of one's own."""
    found = host(tmp_path, provider="anthropic", key_file=key_file)
    assert found is not None
    assert (found.key, found.address) == (KEY, "https://api.anthropic.com")
    own = host(tmp_path, provider="openai", key_file=key_file, address="https://models.example.org/v1", name="m")
    assert own is not None
    assert (own.key, own.name) == (KEY, "m at models.example.org")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"provider": "mallory"}, "one of builtin, openai, anthropic"),
        ({"provider": "openai"}, "openai asks for a key"),
        ({"provider": "openai", "address": "http://127.0.0.1:1/v1"}, "model.name is not"),
        ({"provider": "openai", "address": "http://192.168.1.5:11434/v1"}, "over https"),
        ({"provider": "openai", "address": "https://me:secret@models.example.org"}, "over https"),
        ({"provider": "openai", "address": "https://models.example.org:8443/v1"}, "over https"),
        ({"provider": "openai", "key_file": "/nowhere/at/all"}, "cannot be read"),
        ({"tokens_max": "0"}, "from 1"),
    ],
)
def test_what_does_not_lead_to_a_model_is_refused(tmp_path: Path, said: dict[str, str], why: str) -> None:
    """Before anything starts, with what is wrong."""
    with pytest.raises(BadInput, match=why):
        host(tmp_path, **said)
