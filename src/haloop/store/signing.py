"""The key a home signs its checkpoints with, and the one place that checks signatures: its own and people's.

The key lies in the home's `secrets` file, readable by its owner alone. It proves that a checkpoint comes
from this home; against somebody who owns the machine it proves nothing, which is why checkpoints must also
be kept elsewhere.
"""

import base64
import tomllib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from haloop.kernel.errors import DiskFault, HomeUnusable
from haloop.kernel.passkey import EDDSA, ES256
from haloop.store.home import write_private

_SETTING = "ledger_signing_key"


class FileSigner:
    """An Ed25519 key held in memory, read once from the secrets file."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self._public_key = private_key.public_key().public_bytes_raw()

    @property
    def public_key(self) -> bytes:
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        return self._private_key.sign(message)


def read_or_make_signer(secrets: Path) -> FileSigner:
    """The home's signer; on the first start its key is made and stored, 0600."""
    try:
        if not secrets.exists():
            _write(secrets, Ed25519PrivateKey.generate())
        return FileSigner(_read(secrets))
    except OSError as error:
        raise DiskFault(f"{secrets} cannot be read or made: {error.strerror}.") from error


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this key signed this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_passkey(algorithm: int, public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a person's passkey signed this message; under any algorithm but the two, nothing holds."""
    if algorithm == EDDSA:
        return verify_ed25519(public_key, signature, message)
    return algorithm == ES256 and _verify_p256(public_key, signature, message)


def _read(secrets: Path) -> Ed25519PrivateKey:
    try:
        encoded = tomllib.loads(secrets.read_text())[_SETTING]
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(encoded, validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise HomeUnusable(
            f"{secrets} does not hold a usable {_SETTING}.",
            code="secrets.bad",
            next_step=f"Restore {secrets.name} from a backup; a new key would be unknown to those who hold receipts.",
        ) from error


def _write(secrets: Path, key: Ed25519PrivateKey) -> None:
    write_private(secrets, f'{_SETTING} = "{base64.b64encode(key.private_bytes_raw()).decode()}"\n')


def _verify_p256(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
