"""The key with which a home names itself before push services (VAPID), made once and kept in its file `push.key`.

Browsers subscribe with its public half, so a home that loses it reaches none of its devices until they subscribe anew.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from haloop.kernel.errors import DiskFault, HomeUnusable
from haloop.store.home import write_private

FILE = "push.key"


def read_or_make_push_key(home: Path) -> ec.EllipticCurvePrivateKey:
    """The home's key; on the first start it is made and stored, 0600."""
    file = home / FILE
    try:
        if not file.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            write_private(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        raw = file.read_bytes()
    except OSError as error:
        raise DiskFault(f"{file} cannot be read or made: {error.strerror}.") from error
    return _read(file, raw)


def _read(file: Path, raw: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable(file) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(file)
    return key


def _unusable(file: Path) -> HomeUnusable:
    return HomeUnusable(
        f"{file} does not hold a usable key.",
        code="push.key",
        next_step="Put the file back from a copy, or move it away: a new one is made, and devices subscribe anew.",
    )
