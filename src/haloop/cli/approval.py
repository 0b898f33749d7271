"""Who said yes: whether a passkey, and nothing on this machine, answered for exactly this decision.

An approval in a receipt may disclose the decision and the passkey's assertion. The challenge the passkey
signed must be the hash of that decision, or of the batch that contains it, so an answer to one question
cannot be shown as the answer to another.
"""

import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadInput, BadReceipt, NotCanonical
from haloop.store.signing import verify_ed25519

ES256, EDDSA = -7, -8

_DECISION = {"gate", "revision", "draft", "card", "view", "verdict", "person", "nonce", "expires"}
_ASSERTION = {"credential", "alg", "authenticator_data", "client_data", "signature", "enrolled_at"}
_PRESENT, _VERIFIED = 0x01, 0x04
_KEY_BYTES = {"es256": 65, "eddsa": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """A person's passkey, from somewhere the reader trusts."""

    algorithm: int
    public_key: bytes

    def signed(self, algorithm: int, signature: bytes, message: bytes) -> bool:
        """Whether this key made this signature; a key is only ever used with its own algorithm."""
        if algorithm != self.algorithm:
            return False
        if algorithm == EDDSA:
            return verify_ed25519(self.public_key, signature, message)
        return _p256_signed(self.public_key, signature, message)


def read_person_key(text: str) -> PersonKey:
    """Read `es256:` and an uncompressed point, or `eddsa:` and a key, in base64."""
    kind, _, encoded = text.partition(":")
    try:
        raw = b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES.get(kind):
        raise BadInput(
            "A person's key reads es256:<base64 of 65 bytes> or eddsa:<base64 of 32 bytes>.", code="person.key"
        )
    return PersonKey(algorithm=ES256 if kind == "es256" else EDDSA, public_key=raw)


def check_approval(bodies: Mapping[str, bytes], persons: Sequence[PersonKey]) -> str:
    """Say who approved, as far as the disclosed parts and the keys given allow; BadReceipt where they lie."""
    if "decision" in bodies:
        decision = _object(bodies["decision"], "the decision", _DECISION)
        # A person's signed "no" is a good signature too; under this event it must not count as a yes.
        _require(decision["verdict"] == "approved", "it records an approval, but the decision in it is not one")
    missing = [name for name in ("assertion", "decision") if name not in bodies]
    if missing and persons:
        raise BadReceipt(f"--person cannot be checked: its {missing[0]} is not disclosed.")
    if missing == ["decision"]:
        return "not checked (a passkey assertion is disclosed, but not the decision it was given for)"
    if missing:
        return "the log alone says so; no passkey assertion is disclosed"
    return _check_assertion(bodies, persons)


def _check_assertion(bodies: Mapping[str, bytes], persons: Sequence[PersonKey]) -> str:
    assertion = _strict(bodies["assertion"], "the assertion")
    _require(assertion.keys() == _ASSERTION, "the assertion does not have exactly its fields")
    authenticator = _base64url(assertion["authenticator_data"])
    client = _base64url(assertion["client_data"])
    signature = _base64url(assertion["signature"])
    algorithm, enrolled_at = assertion["alg"], assertion["enrolled_at"]
    _require(type(enrolled_at) is int and enrolled_at >= 0, "its assertion does not say where the key was enrolled")
    _require(type(algorithm) is int and algorithm in (ES256, EDDSA), "its passkey is neither ES256 nor EdDSA")
    _check_client(_strict(client, "the client data"), bodies)
    _require(len(authenticator) >= 37 and bool(authenticator[32] & _PRESENT), "nobody was present at the passkey")
    # Without it a found or borrowed device would do: no PIN, face or finger was asked for.
    _require(bool(authenticator[32] & _VERIFIED), "the passkey did not verify who was present")
    said = f"said by credential {_text(assertion['credential'])}, enrolled at leaf {enrolled_at}"
    if not persons:
        return f"{said}: not checked (give --person)"
    message = authenticator + sha256(client).digest()
    signed = any(person.signed(int(str(algorithm)), signature, message) for person in persons)
    _require(signed, "no --person key given made the signature of its credential")
    site = _text(_strict(client, "the client data").get("origin", "an unnamed site"))
    return f"{said}, at {site}: checked with the key given"


def _check_client(client: Mapping[str, object], bodies: Mapping[str, bytes]) -> None:
    # "webauthn.create" is what a browser signs when a key is enrolled: never a yes to anything.
    _require(client.get("type") == "webauthn.get", "its passkey answer is not an assertion (webauthn.get)")
    asked = urlsafe_b64encode(_challenge(bodies)).decode().rstrip("=")
    same = client.get("challenge") == asked
    _require(same, "its passkey answered another question: the challenge is not this decision's")


def _challenge(bodies: Mapping[str, bytes]) -> bytes:
    """What the passkey had to sign: the hash of the decision, or of the batch that contains it."""
    asked = bodies["decision"]
    if "batch" in bodies:
        asked = bodies["batch"]
        batch = _canonical(asked, "the batch")
        _require(isinstance(batch, list), "the batch is not a list of decisions")
        decisions = [canonical.encode(one) for one in batch] if isinstance(batch, list) else []
        for one in decisions:
            _object(one, "a decision of the batch", _DECISION)
        _require(decisions == sorted(set(decisions)), "the batch is not sorted, or names a decision twice")
        _require(bodies["decision"] in decisions, "the batch that was signed does not contain this decision")
    # The prefix keeps a challenge of Haloop's from being a hash that means something elsewhere.
    return sha256(b"haloop/decision/1" + asked).digest()


def _p256_signed(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _object(raw: bytes, what: str, fields: set[str]) -> Mapping[str, Canonical]:
    found = _canonical(raw, what)
    if not isinstance(found, Mapping) or found.keys() != fields:
        raise BadReceipt(f"{what} does not have exactly its fields.")
    return found


def _canonical(raw: bytes, what: str) -> Canonical:
    try:
        return canonical.decode(raw)
    except NotCanonical as error:
        raise BadReceipt(f"{what} cannot be read: {error.sentence}") from error


def _strict(raw: bytes, what: str) -> Mapping[str, object]:
    """Browsers write JSON in their own spelling; still no key may stand in it twice."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise BadReceipt(f"{what} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise BadReceipt(f"{what} is not an object.")
    return found


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _base64url(value: object) -> bytes:
    text = _text(value)
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    _require(urlsafe_b64encode(raw).decode().rstrip("=") == text, "its assertion is not base64url in its one spelling")
    return raw


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadReceipt("a text is missing in the assertion.")
    return value


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # the condition is the point
    if not holds:
        raise BadReceipt(f"{otherwise}.")
