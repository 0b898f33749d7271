"""A look at the machine and the home, and what to do about whatever is wrong.

Each check is one small function that answers with a sentence. They read beside a running process and change
nothing: not even the lock is touched, because for the moment of a try a starting process would be refused.
"""

import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import apsw

from haloop.kernel.checkpoint import read_unverified
from haloop.kernel.clock import JUMP_SECONDS_MAX, Clock, as_text
from haloop.kernel.errors import BadInput, HaloopError, LibraryTooOld
from haloop.kernel.ledger import PAYLOAD_ERASED, read_origin
from haloop.store import schema
from haloop.store.bodies import Bodies
from haloop.store.database import SQLITE_OLDEST, open_for_reading, require_library
from haloop.store.doubt import Doubt, is_jump
from haloop.store.erasure import PART_NAME as ERASURE_PART
from haloop.store.erasure import Erasure
from haloop.store.home import BALLAST_BYTES, Home
from haloop.store.keys import KeyRing
from haloop.store.letters import FILE as LETTERS
from haloop.store.letters import read_looks
from haloop.store.reader import Reader, Tree
from haloop.store.tree import contains
from haloop.store.witness import read_notes, witness_path

PYTHON_OLDEST = (3, 11)
LOCKS = Path("/proc/locks")

_SECOND = 1_000_000


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing is broken."""
    FAILED = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the examination."""

    name: str
    verdict: Verdict
    sentence: str
    next_step: str = ""


def examine(home: Path, witness_folder: Path, clock: Clock, *, sqlite: str | None = None) -> list[Check]:
    """Check everything that can be checked; a home that cannot be opened ends the list early."""
    found = [_check_python(), _check_sqlite(sqlite), _check_cryptography()]
    target = Home(home)
    if not target.path.is_dir():
        missing = f"There is no folder {home}."
        return [*found, _failed("home", missing, "Give the home with --home or HALOOP_HOME, or start Haloop once.")]
    found += [_check_permissions(target), _check_room(target), _check_lock(target), _check_unfinished(target)]
    found += _check_letters(target)
    try:
        with ExitStack() as stack:
            return found + _Ledger(target, witness_folder, clock, stack).checks()
    except HaloopError as error:
        return [*found, _failed("ledger", error.sentence, error.next_step)]
    except apsw.Error as error:
        return [*found, _failed("ledger", f"{target.ledger} cannot be read: {error}.", "Run haloop verify.")]


def newest_notes(reader: Reader, notes: Mapping[str, str]) -> dict[str, str]:
    """The witness's notes that this ledger must still begin with.

    Notes of an older epoch are about what a recovery has already given up.
    """
    stored = [reader.newest_checkpoint(tree.number) for tree in reader.trees()]
    epoch = max([checkpoint.epoch for checkpoint in stored if checkpoint is not None], default=1)
    return {account: note for account, note in notes.items() if _epoch(note) >= epoch}


def _epoch(note: str) -> int:
    return read_origin(read_unverified(note).origin)[1]


# The machine


def _check_python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_OLDEST:
        return _failed("python", f"Python {found} is too old.", "Install Python 3.11 or newer.")
    return _ok("python", f"Python {found}.")


def _check_sqlite(found: str | None) -> Check:
    found = found or apsw.sqlite_lib_version()
    try:
        require_library(found)
    except LibraryTooOld as error:
        return _failed("sqlite", error.sentence, error.next_step)
    wanted = ".".join(map(str, SQLITE_OLDEST))
    return _ok("sqlite", f"SQLite {found}, in apsw {apsw.apsw_version()}; {wanted} is the oldest that is safe.")


def _check_cryptography() -> Check:
    try:
        return _ok("cryptography", f"cryptography {version('cryptography')}.")
    except PackageNotFoundError:
        return _failed("cryptography", "cryptography is not installed.", "Install the locked dependencies (uv sync).")


# The folder


def _check_permissions(home: Home) -> Check:
    for path in (home.path, home.secrets):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            mode = "0700" if path == home.path else "0600"
            return _failed("permissions", f"Others can reach {path}.", f"chmod {mode} {path}")
    if not os.access(home.path, os.W_OK):
        return _note("permissions", f"{home.path} cannot be written.", "To look is fine; to start, make it writable.")
    return _ok("permissions", f"{home.path} and its secrets are its owner's alone.")


def _check_room(home: Home) -> Check:
    disk = os.statvfs(home.path)
    free = disk.f_bavail * disk.f_frsize
    megabytes = f"{free // 1_000_000:,} MB free"
    if free < BALLAST_BYTES // 4 or (not home.ballast.exists() and free < 2 * BALLAST_BYTES):
        return _failed("disk", f"{megabytes}: too little for new work.", "Free space on the disk that holds the home.")
    if home.ledger.exists() and not home.ballast.exists():
        spent = "the ballast is not laid down yet"
        return _note("disk", f"{megabytes}; {spent}.", "Start Haloop; it lays it down.")
    return _ok("disk", f"{megabytes}.")


def _check_lock(home: Home) -> Check:
    if not home.lock.exists():
        return _ok("lock", "No process has the home.")
    holder = home.lock.read_text(errors="replace").strip()[:32] or "unknown"
    held = _is_locked(home.lock)
    if held is None:
        return _note("lock", f"Process {holder} had it last; whether it still does cannot be seen here.", "")
    return _ok("lock", f"Process {holder} has the home." if held else "No process has the home.")


def _is_locked(path: Path) -> bool | None:
    """Whether somebody holds the lock, as the system's own list says; None where there is no list."""
    about = path.stat()
    named = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    try:
        return any(named in line.split() for line in LOCKS.read_text().splitlines())
    except OSError:
        return None


def _check_letters(home: Home) -> list[Check]:
    """How the mailbox was read last, where anybody ever asked by mail."""
    try:
        looks = read_looks(home.path)
    except (HaloopError, apsw.Error):
        return [_failed("letters", f"{LETTERS} cannot be read.", "Move it away; people then write to new addresses.")]
    if looks is None:
        return []
    passed = sum(looks.counted.values()) - looks.counted.get("taken", 0)
    said = f"{looks.counted.get('taken', 0):,} letters taken up, {passed:,} messages not; {as_text(looks.at)}."
    if looks.problem:
        return [_failed("letters", f"{looks.problem} {said}", "Look at letters.* in the settings, and the log.")]
    return [_ok("letters", said)]


def _check_unfinished(home: Home) -> Check:
    left = home.path / "restore.unfinished"
    if left.exists():
        return _note("restore", "A restore was cut off.", "Run haloop restore again; it clears up after itself.")
    return _ok("restore", "No restore is under way.")


# The ledger


class _Ledger:
    """The checks that need an open ledger."""

    def __init__(self, home: Home, witness_folder: Path, clock: Clock, stack: ExitStack) -> None:
        self._home = home
        self._witness_folder = witness_folder
        self._now = clock.read()
        connection = open_for_reading(home.ledger, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION)
        self._reader = Reader(stack.enter_context(closing(connection)))
        self._trees = self._reader.trees()
        self._system = next((tree for tree in self._trees if tree.account.startswith("sys_")), None)
        self._keys = KeyRing.open_read_only(home.keys) if home.keys.exists() else None
        if self._keys is not None:
            stack.enter_context(closing(self._keys))

    def checks(self) -> list[Check]:
        looks: Sequence[Callable[[], Check]] = (
            self._check_keys,
            self._check_clock,
            self._check_witness,
            self._check_checkpoints,
            self._check_recovery,
            self._check_erasures,
        )
        return [self._ask(look) for look in looks]

    def _ask(self, look: Callable[[], Check]) -> Check:
        """A check that meets corruption says so; the others go on."""
        try:
            return look()
        except HaloopError as error:
            return _failed(look.__name__.removeprefix("_check_"), error.sentence, error.next_step)

    def _check_keys(self) -> Check:
        if self._keys is None:
            lost = f"There is no keys.db in {self._home.path}: nothing said can be opened."
            return _failed("keys", lost, "Restore it from its newest backup, before the next start.")
        needed = {key_id for tree in self._trees for key_id in self._reader.live_keys(tree.number)}
        absent = self._keys.absent(needed)
        if absent:
            gone = f"{len(absent)} of {len(needed)} keys are missing, and no erasure says why."
            return _failed("keys", gone, "Restore keys.db from its newest backup, before the next start.")
        return _ok("keys", f"keys.db has the {len(needed)} key(s) the ledger needs.")

    def _check_clock(self) -> Check:
        ahead = max([tree.ts for tree in self._trees], default=0) - self._now.wall
        if ahead > _SECOND:
            behind = f"The wall clock is {ahead // _SECOND:,} s behind the newest event."
            return _failed("clock", behind, "Set the clock of this machine.")
        moved = self._doubt()
        if is_jump(moved):
            wrong = f"The wall clock was moved by {moved // _SECOND:,} s, and nobody has said that it is right."
            return _failed("clock", wrong, "Set the clock; or, where it is right, let an owner say so.")
        return _ok("clock", f"The wall clock moved less than {JUMP_SECONDS_MAX} s against boot time.")

    def _doubt(self) -> int:
        if self._system is None or self._keys is None:
            return 0
        return Doubt(self._system.account, reader=self._reader, bodies=Bodies(self._reader, self._keys)).at(self._now)

    def _check_witness(self) -> Check:
        if self._system is None:
            return _note("witness", "The ledger is empty.", "Start Haloop once.")
        notes = read_notes(witness_path(self._witness_folder, self._system.account))
        if not notes:
            nobody = "Nothing outside the home remembers it, so going back would not be noticed."
            return _note("witness", nobody, "Start Haloop once; keep a checkpoint elsewhere (haloop checkpoint).")
        for account, note in newest_notes(self._reader, notes).items():
            if not self._begins_with(account, note):
                back = f"The ledger of {account} does not begin with what the witness saw: it went back."
                return _failed("witness", back, "The next start is in recovery mode; look at what was done since.")
        return _ok("witness", f"The ledger begins with what the witness saw of {len(notes)} account(s).")

    def _begins_with(self, account: str, note: str) -> bool:
        tree = next((tree for tree in self._trees if tree.account == account), None)
        try:
            return tree is not None and contains(self._reader, tree, read_unverified(note))
        except BadInput:
            return False

    def _check_checkpoints(self) -> Check:
        newest = 0
        uncovered = 0
        for tree in self._trees:
            stored = self._reader.newest_checkpoint(tree.number)
            covered = stored.size if stored else 0
            uncovered += tree.size - covered
            newest = max(newest, self._covered_ts(tree, covered))
        if not newest:
            return _note("checkpoint", "Nothing has been signed yet.", "Start Haloop; it signs within a second.")
        age = max(0, self._now.wall - newest) // _SECOND
        sentence = f"The newest checkpoint covers facts up to {as_text(newest)}, {age:,} s ago."
        if uncovered:
            return _note("checkpoint", f"{sentence} {uncovered} event(s) are newer.", "Start Haloop; it signs them.")
        return _ok("checkpoint", sentence)

    def _covered_ts(self, tree: Tree, covered: int) -> int:
        return self._reader.event(tree.number, covered - 1).header.ts if covered else 0

    def _check_recovery(self) -> Check:
        if self._home.restored.exists():
            why = self._home.restored.read_text(errors="replace").strip()
            return _failed("recovery", why, "Start Haloop: it begins in recovery mode. Look at what was done since.")
        number = self._system.number if self._system else 0
        entered, ended = (self._reader.facts(number, f"recovery.{fact}") for fact in ("entered", "ended"))
        if entered and (not ended or ended[-1].index < entered[-1].index):
            since = f"Recovery mode is on since {as_text(entered[-1].header.ts)}: nothing irreversible starts."
            return _failed("recovery", since, "Settle what may have happened since the backup, then end recovery mode.")
        return _ok("recovery", "Recovery mode is off.")

    def _check_erasures(self) -> Check:
        unfinished = sum(self._count_unfinished(tree) for tree in self._trees) if self._keys is not None else 0
        if unfinished:
            open_ones = f"{unfinished} recorded erasure(s) are not carried out yet."
            return _failed("erasures", open_ones, "If Haloop runs, look again in a minute; if not, start it.")
        return _ok("erasures", "Every recorded erasure was carried out.")

    def _count_unfinished(self, tree: Tree) -> int:
        assert self._keys is not None
        bodies, unfinished = Bodies(self._reader, self._keys), 0
        for event in self._reader.facts(tree.number, PAYLOAD_ERASED):
            erasure = Erasure.read(bodies.open(event, ERASURE_PART).body)
            keys_left = len(erasure.keys) - len(self._keys.absent(erasure.keys))
            part_left = erasure.part is not None and self._reader.part(tree.number, *erasure.part) is not None
            unfinished += bool(keys_left or part_left)
        return unfinished


def _ok(name: str, sentence: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, sentence=sentence)


def _note(name: str, sentence: str, next_step: str) -> Check:
    return Check(name=name, verdict=Verdict.NOTE, sentence=sentence, next_step=next_step)


def _failed(name: str, sentence: str, next_step: str) -> Check:
    return Check(name=name, verdict=Verdict.FAILED, sentence=sentence, next_step=next_step)
