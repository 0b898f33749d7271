"""A passkey made of software, so that a test can answer a gate as a person with a device would.

It signs what a real one signs, with a key of its own, and can be told to answer badly: with nobody present,
without making sure who it was, or as if it were being enrolled. It keeps its key in memory, where any
program can use it; nobody may ever enrol one for a live account.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from haloop.kernel import canonical
from haloop.kernel.passkey import EDDSA, ES256, PRESENT, VERIFIED, Assertion, PersonKey, base64url

_NO_COUNTER = bytes(4)  # what passkeys that are kept on several devices send


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One person's passkey at one site."""

    credential: str
    key: PersonKey
    rp_id: str
    origin: str
    sign: Callable[[bytes], bytes]

    @classmethod
    def made(cls, algorithm: int = ES256, rp_id: str = "localhost", origin: str = "http://localhost:4000") -> "Passkey":
        """A new passkey for a site, with a key that no other has."""
        private_key = Ed25519PrivateKey.generate() if algorithm == EDDSA else ec.generate_private_key(ec.SECP256R1())
        return cls(
            credential=base64url(secrets.token_bytes(16)),
            key=PersonKey(algorithm=algorithm, public_key=_public_key(private_key)),
            rp_id=rp_id,
            origin=origin,
            sign=_signing_with(private_key),
        )

    def answer(
        self,
        challenge: bytes,
        *,
        verified: bool = True,
        present: bool = True,
        kind: str = "webauthn.get",
        enrolled_at: int = 0,
    ) -> bytes:
        """Answer a challenge with the assertion a gate records: honestly, unless told otherwise."""
        client_data = canonical.encode(
            {"challenge": base64url(challenge), "crossOrigin": False, "origin": self.origin, "type": kind}
        )
        flags = PRESENT * present | VERIFIED * verified
        authenticator_data = sha256(self.rp_id.encode()).digest() + bytes([flags]) + _NO_COUNTER
        return Assertion(
            credential=self.credential,
            algorithm=self.key.algorithm,
            authenticator_data=authenticator_data,
            client_data=client_data,
            signature=self.sign(authenticator_data + sha256(client_data).digest()),
            enrolled_at=enrolled_at,
        ).encode()


def _public_key(private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.public_key().public_bytes_raw()
    return private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _signing_with(private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> Callable[[bytes], bytes]:
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.sign
    return lambda message: private_key.sign(message, ec.ECDSA(SHA256()))
