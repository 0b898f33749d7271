"""How a push message is written so that only the device it is for can read it, and who says that it sent it.

RFC 8291 over RFC 8188, in one record: a key of the moment and the device's own make a secret, and that makes the
key and the nonce. RFC 8292 (VAPID): a short-lived token, signed with the home's key, names us before the push service.
"""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.passkey import base64url

MESSAGE_BYTES_MAX = 3_993
"""What fits into the 4,096 bytes that every push service takes."""
_RECORD_BYTES = 4_096
_LAST_RECORD = b"\x02"
_NUMBER_BYTES = 32


def encrypted(
    message: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a request to a push service, in the encoding `aes128gcm`."""
    assert len(message) <= MESSAGE_BYTES_MAX
    key = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    ours = public_point(key)
    shared = key.exchange(ec.ECDH(), device_key(p256dh))
    secret = _derived(shared, auth, b"WebPush: info\0" + p256dh + ours, 32)
    content_key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(content_key).encrypt(nonce, message + _LAST_RECORD, None)
    return salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(ours)]) + ours + sealed


def device_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """A device's public key; ValueError where the bytes are no point of the curve."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half of a key, as browsers and push services take it."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def vapid(key: ec.EllipticCurvePrivateKey, *, audience: str, contact: str, expires_at: int) -> str:
    """What the header `Authorization` says of us to one push service, until a second since 1970."""
    claims: dict[str, Canonical] = {"aud": audience, "exp": expires_at}
    if contact:
        claims["sub"] = f"mailto:{contact}"
    said = ".".join(base64url(canonical.encode(one)) for one in ({"alg": "ES256", "typ": "JWT"}, claims))
    r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(SHA256())))
    signature = r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")
    return f"vapid t={said}.{base64url(signature)}, k={base64url(public_point(key))}"


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
