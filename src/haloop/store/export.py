"""Everything an account recorded, as lines of JSON that can be read and checked without a home.

The first line says whose ledger it is and how many events follow; then comes one line for each event, with
its header, the hashes of its parts and every part that can still be read, with its salt; the last line is the
signed checkpoint over exactly these events. Whoever reads the lines once, in order, can rebuild the tree as
it grows and hold its root against the signature. Every line has one accepted spelling, so no byte is free.
"""

import asyncio
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import Checkpoint, VerifierKey, open_note, read_unverified
from haloop.kernel.errors import BadInput, BadProof, Erased, NotFound
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import START, Event, Head, Header, leaf_hash, read_origin
from haloop.kernel.merkle import CompactRange
from haloop.kernel.part import commitment, digest_from_hex, encode_hashes, part_hash
from haloop.store.bodies import Bodies
from haloop.store.database import open_for_reading
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader
from haloop.store.schema import LEDGER_APPLICATION_ID, VERSION
from haloop.store.signing import verify_ed25519

FORMAT = "haloop/export/1"
LINE_BYTES_MAX = 64 * 1024 * 1024

_BAD = "export.bad"
_PAGE = 500
_PAGE_OF_A_STREAM = 100
_RUNS_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What went into a file."""

    events: int
    parts: int
    erased: int
    unsealed: int
    """Events too new for a checkpoint; they are not in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFindings:
    """What an export was found to prove."""

    events: int
    parts: int
    erased: int
    checkpoint: Checkpoint
    signer: VerifierKey | None
    """None: all is consistent, and who signed it is unknown."""


class Export:
    """All events of an account that its newest checkpoint covers, a page of lines at a time.

    It is read page by page, not in one snapshot: a long one would keep erased words in the home's log.
    """

    def __init__(self, reader: Reader, bodies: Bodies, account: AccountId) -> None:
        tree = reader.tree(account)
        newest = reader.newest_checkpoint(tree.number)
        if newest is None:
            raise NotFound(f"No checkpoint of {account} has been signed yet, so nothing could be checked.")
        self._reader = reader
        self._bodies = bodies
        self._tree = tree
        self._newest = newest
        self._parts = 0
        self._erased = 0

    def pages(self, size: int = _PAGE) -> Iterator[bytes]:
        """The lines of the file, so many events at once."""
        yield _line({"account": self._tree.account, "events": self._newest.size, "format": FORMAT})
        for start in range(0, self._newest.size, size):
            limit = min(size, self._newest.size - start)
            events = self._reader.page(self._tree.number, start=start, limit=limit)
            yield b"".join([self._event_line(event) for event in events])
        yield _line({"checkpoint": self._newest.note})

    def exported(self) -> Exported:
        """What the pages held, once they were taken."""
        unsealed = max(0, self._tree.size - self._newest.size)
        return Exported(events=self._newest.size, parts=self._parts, erased=self._erased, unsealed=unsealed)

    def _event_line(self, event: Event) -> bytes:
        spoken = _spoken(event, self._bodies)
        self._parts += len(spoken)
        self._erased += len(event.parts) - len(spoken)
        return _line(_fields(event, self._reader.header(self._tree.number, event.index), spoken))


async def stream_export(ledger: Path, keys: KeyRing, account: AccountId) -> AsyncGenerator[bytes, None]:
    """The same for a ledger that is in use, in a thread of its own, which whoever takes the pages sets the pace of."""
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    reader = Reader(open_for_reading(ledger, application_id=LEDGER_APPLICATION_ID, version=VERSION))
    try:
        pages = Export(reader, Bodies(reader, keys), account).pages(_PAGE_OF_A_STREAM)
        while page := await loop.run_in_executor(thread, next, pages, b""):
            yield page
    finally:
        thread.submit(reader.close)  # there, where a page may still be on its way
        thread.shutdown(wait=False)


def export_account(
    reader: Reader,
    bodies: Bodies,
    account: AccountId,
    write: Callable[[bytes], object],
    progress: Callable[[int], None] = lambda _events: None,
) -> Exported:
    """Write all events of an account that its newest checkpoint covers."""
    export = Export(reader, bodies, account)
    for number, page in enumerate(export.pages()):
        write(page)
        progress(number * _PAGE)
    return export.exported()


def verify_export(
    file: BinaryIO,
    keys: Mapping[str, VerifierKey],
    progress: Callable[[int], None] = lambda _events: None,
) -> ExportFindings:
    """Check an export line by line; BadProof names the first line that does not hold.

    `keys` are verifier keys by their name; if any is given, one of them must have signed.
    """
    return _Check(file, progress).run(keys)


def _spoken(event: Event, bodies: Bodies) -> dict[str, Canonical]:
    """The parts of an event that can be read."""
    spoken: dict[str, Canonical] = {}
    for name in event.parts:
        try:
            opened = bodies.open(event, name)
        except Erased:
            continue
        spoken[name] = {"body": b64encode(opened.body).decode(), "salt": b64encode(opened.salt).decode()}
    return spoken


def _fields(event: Event, header: bytes, spoken: dict[str, Canonical]) -> dict[str, Canonical]:
    return {
        "erased": sorted(event.parts.keys() - spoken.keys()),
        "header": header.decode(),
        "index": event.index,
        "leaf_hash": event.leaf_hash.hex(),
        "parts": {name: digest.hex() for name, digest in event.parts.items()},
        "spoken": spoken,
    }


def _line(fields: dict[str, Canonical]) -> bytes:
    return canonical.encode(fields) + b"\n"


class _Check:
    """One pass over the lines of an export. Memory stays flat: of the past only the newest heads are kept."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress
        self._number = 0
        self._grown = CompactRange()
        self._heads: OrderedDict[RunId, Head] = OrderedDict()
        self._forgot_heads = False
        self._ts = 0
        self._parts = 0
        self._erased = 0

    def run(self, keys: Mapping[str, VerifierKey]) -> ExportFindings:
        try:
            account, events = self._read_heading()
            for index in range(events):
                self._check_event(self._read_line(), account, index)
                self._progress(index)
            return self._check_end(self._read_line(), account, keys)
        except BadInput as error:
            if error.code == _BAD:
                raise
            raise self._bad(error.sentence) from error

    def _read_heading(self) -> tuple[str, int]:
        match self._read_line():
            case {"account": str(account), "events": events, "format": "haloop/export/1", **rest} if not rest:
                return account, self._number_in(events)
            case _:
                raise self._bad("it is not the first line of a Haloop export")

    def _check_event(self, fields: Mapping[str, Canonical], account: str, index: int) -> None:
        match fields:
            case {
                "erased": list(erased),
                "header": str(header),
                "index": found,
                "leaf_hash": leaf,
                "parts": dict(parts),
                "spoken": dict(spoken),
                **rest,
            } if not rest:
                self._require(self._number_in(found) == index, f"event {index} should stand here, not event {found}")
                # It proves nothing that the tree does not; it lets a changed header be named at its own line.
                self._require(leaf_hash(header.encode()).hex() == leaf, "its header is not the one of its leaf")
                read = Header.decode(header.encode())
                self._check_header(read, digest_from_hex(leaf), account)
                self._check_parts(read, parts, spoken, erased)
            case _:
                raise self._bad("it is not an event")

    def _check_header(self, header: Header, leaf: bytes, account: str) -> None:
        self._require(header.account == account, "its header names another account")
        self._require(header.ts >= self._ts, "its time is before the event ahead of it")
        known = self._heads.pop(header.run_id, None)
        if known is None and (header.run_seq == 1 or not self._forgot_heads):
            known = START
        if known is not None:
            follows = (header.run_seq, header.prev) == (known.run_seq + 1, known.hash)
            self._require(follows, "it does not follow the event before it in its run")
        self._heads[header.run_id] = Head(run_seq=header.run_seq, hash=leaf)
        if len(self._heads) > _RUNS_MAX:
            self._heads.popitem(last=False)
            self._forgot_heads = True
        self._ts = header.ts
        self._grown.append(leaf)

    def _check_parts(
        self,
        header: Header,
        parts: Mapping[str, Canonical],
        spoken: Mapping[str, Canonical],
        erased: list[Canonical],
    ) -> None:
        hashes = {name: digest_from_hex(digest) for name, digest in parts.items()}
        self._require(commitment(encode_hashes(hashes)) == header.payload, "its parts are not those it commits to")
        told = erased == sorted(hashes.keys() - spoken.keys()) and spoken.keys() <= hashes.keys()
        self._require(told, "its parts are not each either spoken or erased")
        for name, part in spoken.items():
            match part:
                case {"body": str(body), "salt": str(salt), **rest} if not rest:
                    same = part_hash(name, self._bytes(body), self._bytes(salt)) == hashes[name]
                    self._require(same, f"part {name!r} is not what was recorded")
                case _:
                    raise self._bad(f"part {name!r} cannot be read")
        self._parts += len(spoken)
        self._erased += len(erased)

    def _check_end(
        self, fields: Mapping[str, Canonical], account: str, keys: Mapping[str, VerifierKey]
    ) -> ExportFindings:
        match fields:
            case {"checkpoint": str(note), **rest} if not rest:
                claimed = read_unverified(note)
            case _:
                raise self._bad("it is not the checkpoint that ends an export")
        key = keys.get(claimed.origin) or next(iter(keys.values()), None)
        checkpoint = claimed if key is None else open_note(note, key, verify_ed25519)
        self._require(read_origin(checkpoint.origin)[0] == account, "its checkpoint is of another account")
        seen = (checkpoint.size, checkpoint.root) == (self._grown.size, self._grown.root())
        self._require(seen, "the checkpoint saw other events than the file holds: one was changed, added or left out")
        self._number += 1
        self._require(not self._file.read(1), "something follows the end")
        return ExportFindings(
            events=self._grown.size, parts=self._parts, erased=self._erased, checkpoint=checkpoint, signer=key
        )

    def _read_line(self) -> Mapping[str, Canonical]:
        self._number += 1
        line = self._file.readline(LINE_BYTES_MAX + 1)
        self._require(line.endswith(b"\n"), "it is cut short" if line else "it is missing")
        fields = canonical.decode(line[:-1])
        if not isinstance(fields, Mapping):
            raise self._bad("it is not an object")
        return fields

    def _number_in(self, value: Canonical) -> int:
        if type(value) is not int:  # true would pass for 1, and one event would have two spellings
            raise self._bad("a number is missing")
        return value

    def _bytes(self, text: str) -> bytes:
        try:
            raw = b64decode(text, validate=True)
        except ValueError:
            raw = b""
        self._require(b64encode(raw).decode() == text, "it holds bytes in another spelling than the one that counts")
        return raw

    def _require(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  # the condition is the point
        if not holds:
            raise self._bad(otherwise)

    def _bad(self, what: str) -> BadProof:
        return BadProof(f"Line {self._number} does not hold: {what.removesuffix('.')}.", code=_BAD)
