"""What a person found out about an effect whose outcome nobody knew.

It takes what approving took: the same roles, and the same proof. A passkey signs the finding itself, so that
nobody else can say it, nor say it of another effect, nor say anything else of this one.
"""

from dataclasses import dataclass
from hashlib import sha256

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.gate import GateId
from haloop.kernel.ids import PersonId

_TAG = b"haloop/finding/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How an uncertain effect ended, by a person's word."""

    gate: GateId
    effect: str
    """Its name in the draft."""
    person: PersonId
    happened: bool
    result: Canonical = None
    """What the outside made of it, in the plain form of the operation's result; nothing where it did not happen."""
    sentence: str = ""
    assertion: bytes | None = None

    def statement(self) -> bytes:
        """What is recorded, and what a passkey signs."""
        return canonical.encode(
            {
                "effect": self.effect,
                "gate": self.gate,
                "happened": self.happened,
                "person": self.person,
                "result": self.result,
                "sentence": self.sentence,
            }
        )

    def challenge(self) -> bytes:
        return sha256(_TAG + self.statement()).digest()
