"""The key a home signs with: made once, for its owner's eyes only, and the same at every start."""

import stat
from pathlib import Path

import pytest

from haloop.store.signing import read_or_make_signer, verify_ed25519


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


def test_a_key_is_made_once(secrets: Path) -> None:
    """The second start reads what the first one made."""
    assert read_or_make_signer(secrets).public_key == read_or_make_signer(secrets).public_key


def test_only_its_owner_can_read_the_key(secrets: Path) -> None:
    """Nobody else on the machine can sign in this home's name."""
    read_or_make_signer(secrets)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


def test_two_homes_have_two_keys(secrets: Path, tmp_path: Path) -> None:
    """Keys are drawn, not derived."""
    assert read_or_make_signer(secrets).public_key != read_or_make_signer(tmp_path / "others").public_key


def test_other_settings_beside_the_key_are_left_alone(secrets: Path) -> None:
    """The secrets file may hold other secrets; reading the key changes none of them."""
    key = read_or_make_signer(secrets).public_key
    text = secrets.read_text() + '\n[shops]\nexample = "token"\n'
    secrets.write_text(text)
    assert (read_or_make_signer(secrets).public_key, secrets.read_text()) == (key, text)


def test_a_signature_holds_for_its_message_and_key_alone(secrets: Path, tmp_path: Path) -> None:
    """Another message, another key, or any other signature does not hold, and never raises."""
    signer, stranger = read_or_make_signer(secrets), read_or_make_signer(tmp_path / "others")
    signature = signer.sign(b"checkpoint")
    assert verify_ed25519(signer.public_key, signature, b"checkpoint")
    assert not verify_ed25519(signer.public_key, signature, b"another")
    assert not verify_ed25519(stranger.public_key, signature, b"checkpoint")
    assert not verify_ed25519(b"short", signature, b"checkpoint")
    assert not verify_ed25519(signer.public_key, b"short", b"checkpoint")
    assert not verify_ed25519(b"\xff" * 32, signature, b"checkpoint")
