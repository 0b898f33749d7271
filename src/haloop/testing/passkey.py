"""A passkey made of software, so that a test can answer a gate as a person with a device would.

It signs what a real one signs, with a key of its own, and can be told to answer badly: with nobody present,
without making sure who it was, or as if it were being enrolled. It keeps its key in memory, where any
program can use it; nobody may ever enrol one for a live account.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn.helpers import encode_cbor

from haloop.kernel import canonical
from haloop.kernel.passkey import (
    EDDSA,
    ES256,
    PRESENT,
    VERIFIED,
    Assertion,
    PersonKey,
    base64url,
    from_base64url,
)
from haloop.wire.passkeys import PasskeyAnswer, PasskeyMade

_NO_COUNTER = bytes(4)  # what passkeys that are kept on several devices send
_NO_MODEL = bytes(16)
_HAS_KEY = 0x40
_KIND, _ALGORITHM, _CURVE, _X, _Y = 1, 3, -1, -2, -3


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
        client_data = self._client_data(challenge, kind)
        authenticator_data = self._site() + bytes([PRESENT * present | VERIFIED * verified]) + _NO_COUNTER
        return Assertion(
            credential=self.credential,
            algorithm=self.key.algorithm,
            authenticator_data=authenticator_data,
            client_data=client_data,
            signature=self.sign(authenticator_data + sha256(client_data).digest()),
            enrolled_at=enrolled_at,
        ).encode()

    def answer_in_browser(
        self, challenge: str, *, verified: bool = True, present: bool = True, kind: str = "webauthn.get"
    ) -> PasskeyAnswer:
        """The same as a browser gives it."""
        said = Assertion.decode(self.answer(from_base64url(challenge), verified=verified, present=present, kind=kind))
        return PasskeyAnswer(
            credential=said.credential,
            authenticator_data=base64url(said.authenticator_data),
            client_data=base64url(said.client_data),
            signature=base64url(said.signature),
        )

    def introduce(
        self,
        challenge: str,
        *,
        verified: bool = True,
        present: bool = True,
        kind: str = "webauthn.create",
        key: Mapping[int, int | bytes] | None = None,
    ) -> PasskeyMade:
        """What a browser gives when this passkey has just been made; `key` says it has another, in COSE's terms."""
        name = from_base64url(self.credential)
        flags = bytes([PRESENT * present | VERIFIED * verified | _HAS_KEY])
        told = self._site() + flags + _NO_COUNTER + _NO_MODEL + len(name).to_bytes(2) + name
        told += encode_cbor(_cose(self.key) if key is None else dict(key))
        return PasskeyMade(
            challenge=challenge,
            credential=self.credential,
            client_data=base64url(self._client_data(from_base64url(challenge), kind)),
            attestation=base64url(encode_cbor({"fmt": "none", "attStmt": {}, "authData": told})),
        )

    def _client_data(self, challenge: bytes, kind: str) -> bytes:
        return canonical.encode(
            {"challenge": base64url(challenge), "crossOrigin": False, "origin": self.origin, "type": kind}
        )

    def _site(self) -> bytes:
        return sha256(self.rp_id.encode()).digest()


def _cose(key: PersonKey) -> dict[int, int | bytes]:
    if key.algorithm == EDDSA:
        return {_KIND: 1, _ALGORITHM: EDDSA, _CURVE: 6, _X: key.public_key}
    point = key.public_key[1:]
    return {_KIND: 2, _ALGORITHM: ES256, _CURVE: 1, _X: point[:32], _Y: point[32:]}


def _public_key(private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.public_key().public_bytes_raw()
    return private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _signing_with(private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> Callable[[bytes], bytes]:
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.sign
    return lambda message: private_key.sign(message, ec.ECDSA(SHA256()))
