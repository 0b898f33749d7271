"""What the ledger signs about itself: "these many facts, and exactly these".

A checkpoint travels as a C2SP signed note, a few lines of text that a person can mail. Anyone who
kept one can later be shown that the ledger still begins with what it said. A proof is a second text
that carries one leaf's path to a checkpoint, so that a receipt is checked without asking us. Nothing
here is lenient: of two texts that mean the same, at most one is accepted, because a second spelling
is a second document, about which two verifiers could disagree.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Protocol, TypeAlias

from haloop.kernel.errors import BadNote, BadProof
from haloop.kernel.merkle import HASH_SIZE, SIZE_MAX

PROOF_HEADING = "c2sp.org/tlog-proof@v1"
SIGNATURES_MAX = 64

_ED25519 = b"\x01"
_KEY_ID_SIZE = 4
_PUBLIC_KEY_SIZE = 32
_SIGNATURE_SIZE = 64
_SIGNATURE_MARK = "— "
_PATH_LENGTH_MAX = 63

VerifySignature: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""Given (public key, signature, message): does this Ed25519 signature hold?"""


class Signer(Protocol):
    """Who signs checkpoints with Ed25519; handed in, so that the kernel never sees a private key."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that verify what `sign` signs."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of signature over the message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """What someone needs in order to know who signed: a name, its public key, and the short id of both."""

    name: str
    key_id: bytes
    public_key: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public_key) != _PUBLIC_KEY_SIZE:
            raise BadNote(f"An Ed25519 public key has {_PUBLIC_KEY_SIZE} bytes, not {len(self.public_key)}.")
        if self.key_id != _key_id(self.name, self.public_key):
            raise BadNote(f"The id in the verifier key of {self.name!r} belongs to another name or key.")

    @classmethod
    def of(cls, name: str, public_key: bytes) -> "VerifierKey":
        """The verifier key for a name and its public key."""
        _require_name(name)
        return cls(name=name, key_id=_key_id(name, public_key), public_key=public_key)

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+id+key`, as `str()` writes it."""
        fields = text.split("+", 2)  # base64 may hold a plus too; a name never does
        if len(fields) != 3:
            raise BadNote("A verifier key reads name+id+key.")
        name, key_id, key = fields
        typed_key = _from_base64(key)
        if typed_key[:1] != _ED25519:
            raise BadNote("Only verifier keys of type 1, Ed25519, are understood.")
        parsed = cls.of(name, typed_key[1:])
        if parsed.key_id.hex() != key_id:
            raise BadNote(f"The id in the verifier key of {name!r} belongs to another name or key.")
        return parsed

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public_key)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of one log at one moment: whose it is, how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _require_name(self.origin)
        if not 0 <= self.size <= SIZE_MAX:
            raise BadNote(f"A checkpoint cannot speak of {self.size} leaves.")
        if len(self.root) != HASH_SIZE:
            raise BadNote(f"A root has {HASH_SIZE} bytes, not {len(self.root)}.")

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def parse_text(cls, text: str) -> "Checkpoint":
        """Read the three lines. The format allows more; they are refused, as no proof covers them."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise BadNote("A checkpoint is three lines: origin, size, root.")
        return cls(origin=lines[0], size=_from_decimal(lines[1]), root=_from_base64(lines[2]))


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note for a checkpoint, under the name of its origin."""
    text = checkpoint.text()
    key = VerifierKey.of(checkpoint.origin, signer.public_key)
    signature = signer.sign(text.encode())
    if len(signature) != _SIGNATURE_SIZE:
        raise BadNote(f"An Ed25519 signature has {_SIGNATURE_SIZE} bytes; the signer gave {len(signature)}.")
    return f"{text}\n{_SIGNATURE_MARK}{key.name} {_base64(key.key_id + signature)}\n"


def open_note(note: str, key: VerifierKey, verify: VerifySignature) -> Checkpoint:
    """The checkpoint in a note that this key signed; the code of BadNote says why any other is refused."""
    checkpoint = Checkpoint.parse_text(signed_text(note, key, verify))
    # A key speaks for one log only: otherwise whoever runs a log could sign the state of somebody else's.
    if checkpoint.origin != key.name:
        sentence = f"The key of {key.name!r} does not speak for the log {checkpoint.origin!r}."
        raise BadNote(sentence, code="note.unknown_signer")
    return checkpoint


def signed_text(note: str, key: VerifierKey, verify: VerifySignature) -> str:
    """The text of any note, once this key's signature under it was found to hold."""
    opened = _open(note)
    known = [line for line in opened.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    if not known:
        raise BadNote(f"The note is not signed by {key.name!r} with this key.", code="note.unknown_signer")
    message = opened.text.encode()
    if not all(_holds(line.signature, key, verify, message) for line in known):
        raise BadNote(f"The signature of {key.name!r} under the note is false.", code="note.bad_signature")
    return opened.text


def split_notes(text: str) -> list[str]:
    """The signed notes in a text: one, or several one after the other; BadNote where the last is cut short."""
    *lines, rest = text.split("\n")
    notes: list[str] = []
    signed = True  # a line after the signatures of one note begins the next
    for line in lines:
        if signed and not line.startswith(_SIGNATURE_MARK):
            notes.append("")
        notes[-1:] = [(notes[-1] if notes else "") + line + "\n"]
        signed = line.startswith(_SIGNATURE_MARK)
    if rest or not notes:
        raise BadNote("What follows the last note is cut short.")
    return notes


def read_unverified(note: str) -> Checkpoint:
    """What a note claims, whoever wrote it: good for the answer "signer unknown" and nothing else."""
    opened = _open(note)
    checkpoint = Checkpoint.parse_text(opened.text)
    if all(line.name != checkpoint.origin for line in opened.signatures):
        raise BadNote(f"Nobody signed it as {checkpoint.origin}.", code="note.unknown_signer")
    return checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One leaf's path to a signed checkpoint, for checking offline. No signature covers the extra data."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        size = read_unverified(self.note).size
        if not 0 <= self.index < size:
            raise BadProof(f"A checkpoint of {size} leaves has no leaf {self.index}.")
        if len(self.hashes) > _PATH_LENGTH_MAX or any(len(item) != HASH_SIZE for item in self.hashes):
            raise BadProof(f"A path is at most {_PATH_LENGTH_MAX} hashes of {HASH_SIZE} bytes.")

    def text(self) -> str:
        """The file a stranger can check."""
        extra = [] if self.extra is None else [f"extra {_base64(self.extra)}"]
        path = [_base64(item) for item in self.hashes]
        return "\n".join([PROOF_HEADING, *extra, f"index {self.index}", *path, "", self.note])

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Read the file back; raise BadProof for its own lines and BadNote for the checkpoint in it."""
        head, _, note = text.partition("\n\n")
        heading, *lines = head.split("\n")
        if heading != PROOF_HEADING:
            raise BadProof(f"A proof begins with {PROOF_HEADING!r}.")
        extra = _from_base64(lines.pop(0)[6:], BadProof) if lines and lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise BadProof("A proof names the index of its leaf before the path.")
        index = _from_decimal(lines.pop(0)[6:], BadProof)
        hashes = tuple(_from_base64(line, BadProof) for line in lines)
        return cls(index=index, hashes=hashes, note=note, extra=extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignatureLine:
    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenedNote:
    text: str
    signatures: tuple[_SignatureLine, ...]


def _open(note: str) -> _OpenedNote:
    try:
        note.encode()
    except UnicodeEncodeError:
        raise BadNote("A note is UTF-8 text.") from None
    if any(character < " " and character != "\n" for character in note):
        raise BadNote("A note has no control characters but the newline.")
    text, blank, rest = note.rpartition("\n\n")
    lines = rest.split("\n")
    if not blank or lines.pop() or not lines:
        raise BadNote("A note is a text, an empty line, and lines of signature that each end in a newline.")
    if len(lines) > SIGNATURES_MAX:
        raise BadNote(f"A note has at most {SIGNATURES_MAX} signatures.")  # each costs the verifier work
    return _OpenedNote(text=text + "\n", signatures=tuple(_signature_line(line) for line in lines))


def _signature_line(line: str) -> _SignatureLine:
    name, space, signature = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    if not line.startswith(_SIGNATURE_MARK) or not space:
        raise BadNote("A line of signature reads: em dash, name, signature.")
    _require_name(name)
    signed = _from_base64(signature)
    if len(signed) <= _KEY_ID_SIZE:
        raise BadNote("A signature follows the id of its key.")
    return _SignatureLine(name=name, key_id=signed[:_KEY_ID_SIZE], signature=signed[_KEY_ID_SIZE:])


def _holds(signature: bytes, key: VerifierKey, verify: VerifySignature, message: bytes) -> bool:
    return len(signature) == _SIGNATURE_SIZE and verify(key.public_key, signature, message)


def _key_id(name: str, public_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:_KEY_ID_SIZE]


def _require_name(name: str) -> None:
    """A plus or a space in a name would let one line be read as another name and another key."""
    if not _may_name(name):
        raise BadNote(f"{name[:80]!r} cannot name a log: no spaces, no plus, no control characters.")


@lru_cache(maxsize=4096)
def _may_name(name: str) -> bool:
    return bool(name) and not any(_never_in_a_name(character) for character in name)


def _never_in_a_name(character: str) -> bool:
    return character == "+" or character < " " or character.isspace() or "\ud800" <= character <= "\udfff"


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _from_base64(text: str, refusal: type[BadNote] | type[BadProof] = BadNote) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise refusal(f"{text[:80]!r} is not base64.") from None
    # The decoder ignores stray low bits before the padding, so several texts would stand for the same bytes.
    if _base64(data) != text:
        raise refusal(f"{text[:80]!r} is base64 in another spelling than the one that counts.")
    return data


def _from_decimal(text: str, refusal: type[BadNote] | type[BadProof] = BadNote) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(SIZE_MAX))
    if not digits or text != str(int(text)):
        raise refusal(f"{text[:80]!r} is not a whole number up to 2^63-1 without leading zeros.")
    return int(text)
