"""A person's yes: whether a passkey, and nothing on this machine, answered exactly this decision.

What a passkey signs names the hash of the decision, or of the batch that contains it, so an answer to one
question cannot be shown as the answer to another. It also says whether a person was present and whether the
device made sure who that was. A gate asks this when a person answers, and whoever holds a receipt asks it
again years later; both ask here. The mathematics of signatures is handed in.
"""

import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias, cast

from haloop.kernel import canonical
from haloop.kernel.canonical import INTEGER_MAX, Canonical
from haloop.kernel.errors import BadAssertion, BadInput, NotCanonical

ES256, EDDSA = -7, -8
"""The two algorithms a person's key may have, by the numbers WebAuthn gives them."""

DECISION_FIELDS = frozenset({"gate", "revision", "draft", "card", "view", "verdict", "person", "nonce", "expires"})
ASSERTION_FIELDS = frozenset({"credential", "alg", "authenticator_data", "client_data", "signature", "enrolled_at"})

PRESENT, VERIFIED = 0x01, 0x04
"""The flags by which a passkey says that somebody touched it, and that it made sure who."""

VerifySignature: TypeAlias = Callable[[int, bytes, bytes, bytes], bool]
"""Given (algorithm, public key, signature, message): does this signature hold?"""

_DECISION_TAG = b"haloop/decision/1"
_RP_ID_HASH_BYTES = 32
_AUTHENTICATOR_BYTES_MIN = 37  # the hash of the site, the flags, a counter
_ALGORITHMS = {"es256": ES256, "eddsa": EDDSA}
_KEY_BYTES = {ES256: 65, EDDSA: 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a passkey may be used: under the name it was made for, on the pages at these addresses."""

    rp_id: str
    origins: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """A person's passkey, from somewhere the reader trusts."""

    algorithm: int
    public_key: bytes
    """An uncompressed point for ES256, the key itself for EdDSA."""

    def __post_init__(self) -> None:
        if len(self.public_key) != _KEY_BYTES.get(self.algorithm):
            raise _no_person_key()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a passkey answered, as it was recorded: read, but believed only after `check_assertion`."""

    credential: str
    algorithm: int
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    enrolled_at: int
    """The leaf of the ledger at which this credential was enrolled."""

    def __post_init__(self) -> None:
        from_base64url(self.credential)
        known = type(self.algorithm) is int and self.algorithm in _KEY_BYTES
        _require(known, "The passkey's algorithm is neither ES256 nor EdDSA.")
        placed = type(self.enrolled_at) is int and 0 <= self.enrolled_at <= INTEGER_MAX
        _require(placed, "The assertion does not say where the key was enrolled.")
        whole = len(self.authenticator_data) >= _AUTHENTICATOR_BYTES_MIN
        _require(whole, "The authenticator data is cut short: it does not say whether anybody was present.")

    @classmethod
    def decode(cls, raw: bytes) -> "Assertion":
        """Read a recorded answer; BadAssertion when it is anything but the six fields, each in its one spelling."""
        fields = _object(raw, "The assertion")
        _require(fields.keys() == ASSERTION_FIELDS, "The assertion does not have exactly its fields.")
        return cls(
            credential=_text(fields["credential"]),
            algorithm=cast("int", fields["alg"]),  # both numbers are checked on creation
            authenticator_data=from_base64url(fields["authenticator_data"]),
            client_data=from_base64url(fields["client_data"]),
            signature=from_base64url(fields["signature"]),
            enrolled_at=cast("int", fields["enrolled_at"]),
        )

    def encode(self) -> bytes:
        """The bytes to record, which `decode` reads."""
        return canonical.encode(
            {
                "alg": self.algorithm,
                "authenticator_data": base64url(self.authenticator_data),
                "client_data": base64url(self.client_data),
                "credential": self.credential,
                "enrolled_at": self.enrolled_at,
                "signature": base64url(self.signature),
            }
        )

    def site(self) -> str:
        """The web address at which the passkey was used, as the browser told it."""
        return _text(_object(self.client_data, "The client data").get("origin", "an unnamed site"))

    def is_signed_by(self, key: PersonKey, verify: VerifySignature) -> bool:
        """Whether this person's key signed this answer; a key is only ever used with its own algorithm."""
        if self.algorithm != key.algorithm:
            return False
        message = self.authenticator_data + sha256(self.client_data).digest()
        return verify(key.algorithm, key.public_key, self.signature, message)


def read_person_key(text: str) -> PersonKey:
    """Read `es256:` and an uncompressed point, or `eddsa:` and a key, in base64."""
    kind, _, encoded = text.partition(":")
    try:
        return PersonKey(algorithm=_ALGORITHMS[kind], public_key=b64decode(encoded, validate=True))
    except (KeyError, ValueError):
        raise _no_person_key() from None


def read_decision(raw: bytes) -> Mapping[str, Canonical]:
    """What was asked and what the person said; BadAssertion when these are not a decision's canonical bytes."""
    return _decision(_canonical(raw, "The decision"), "The decision")


def challenge(decision: bytes, batch: bytes | None = None) -> bytes:
    """What a passkey has to sign for this decision: its hash, or that of the batch it was asked for in."""
    read_decision(decision)
    asked = decision if batch is None else _containing(batch, decision)
    # The prefix keeps a challenge of Haloop's from being a hash that means something elsewhere.
    return sha256(_DECISION_TAG + asked).digest()


def batch_of(decisions: Iterable[bytes]) -> bytes:
    """Several decisions that are asked for together, in the one spelling that a passkey signs."""
    return canonical.encode([canonical.decode(one) for one in sorted(decisions)])


def check_assertion(
    assertion: Assertion, challenge: bytes, key: PersonKey, verify: VerifySignature, *, site: Site | None = None
) -> None:
    """Make sure that this person's passkey answered this challenge; BadAssertion names what does not hold."""
    check_answer(assertion, challenge, site=site)
    _require(assertion.is_signed_by(key, verify), "The signature is not of this person's key.")


def check_answer(assertion: Assertion, challenge: bytes, *, site: Site | None = None) -> None:
    """Check all that an answer says; whose answer it is stays open until its signature is checked too.

    Whoever reads it years later need not know the site; whoever takes it in must.
    """
    client = _object(assertion.client_data, "The client data")
    _check_client(client, challenge)
    _check_authenticator(assertion.authenticator_data)
    if site is not None:
        _check_site(client, assertion.authenticator_data, site)


def base64url(raw: bytes) -> str:
    """Bytes as browsers write them: base64url without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def from_base64url(value: object) -> bytes:
    """The bytes that browsers wrote so; BadAssertion when it is anything but their one spelling."""
    text = _text(value)
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    # The decoder ignores stray characters and low bits: several texts would stand for the same bytes.
    _require(raw != b"" and base64url(raw) == text, "The assertion is not base64url in its one spelling.")
    return raw


def _check_client(client: Mapping[str, object], challenge: bytes) -> None:
    # "webauthn.create" is what a browser signs when a key is enrolled: never a yes to anything.
    _require(client.get("type") == "webauthn.get", "The passkey's answer is not an assertion (webauthn.get).")
    same = client.get("challenge") == base64url(challenge)
    _require(same, "The passkey answered another question: the challenge is not this decision's.")


def _check_site(client: Mapping[str, object], data: bytes, site: Site) -> None:
    # A key may be used at the site it was made for and at no other; the browser vouches for that hash.
    here = data[:_RP_ID_HASH_BYTES] == sha256(site.rp_id.encode()).digest()
    _require(here, f"The passkey was used at another site than {site.rp_id}.")
    # Every program that serves a page on this machine is "localhost" too: only its whole address tells it from us.
    _require(_text(client.get("origin")) in site.origins, "The passkey was asked by a page at another address.")
    _require(client.get("crossOrigin", False) is False, "The passkey was asked inside somebody else's page.")


def _check_authenticator(data: bytes) -> None:
    flags = data[_RP_ID_HASH_BYTES]
    _require(bool(flags & PRESENT), "The passkey says that nobody was present.")
    # Without it a found or borrowed device would do: no PIN, face or finger was asked for.
    _require(bool(flags & VERIFIED), "The passkey did not verify who was present.")


def _containing(batch: bytes, decision: bytes) -> bytes:
    listed = _canonical(batch, "The batch")
    if not isinstance(listed, list):
        raise BadAssertion("The batch is not a list of decisions.")
    decisions = [canonical.encode(_decision(one, "A decision of the batch")) for one in listed]
    _require(decisions == sorted(set(decisions)), "The batch is not sorted, or names a decision twice.")
    _require(decision in decisions, "The batch that was signed does not contain this decision.")
    return batch


def _decision(value: Canonical, what: str) -> Mapping[str, Canonical]:
    if not isinstance(value, Mapping) or value.keys() != DECISION_FIELDS:
        raise BadAssertion(f"{what} does not have exactly its fields.")
    return value


def _canonical(raw: bytes, what: str) -> Canonical:
    try:
        return canonical.decode(raw)
    except NotCanonical as error:
        raise BadAssertion(f"{what} cannot be read: {error.sentence}") from error


def _object(raw: bytes, what: str) -> Mapping[str, object]:
    """Browsers write JSON in their own spelling; still it must mean one thing to every reader."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_without_duplicates)
        canonical.encode(found)  # refuses floats and half characters, which no two readers keep alike
    except (ValueError, RecursionError) as error:
        raise BadAssertion(f"{what} cannot be read: {error}.") from error
    except NotCanonical as error:
        raise BadAssertion(f"{what} cannot be read: {error.sentence}") from error
    if not isinstance(found, dict):
        raise BadAssertion(f"{what} is not an object.")
    return found


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadAssertion("In the assertion a text is missing.")
    return value


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # the condition is the point
    if not holds:
        raise BadAssertion(otherwise)


def _no_person_key() -> BadInput:
    return BadInput("A person's key reads es256:<base64 of 65 bytes> or eddsa:<base64 of 32 bytes>.", code="person.key")
