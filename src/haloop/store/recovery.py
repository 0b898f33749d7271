"""Recovery mode: how a ledger starts that may have forgotten something, until a person has looked.

A home that was restored, copied or rolled back cannot notice it from the inside. `find_setback` holds the
ledger against what was kept outside it. A ledger that went back says so in itself, begins a new epoch, under
whose name no checkpoint was ever signed, and lets no effect start until somebody ends recovery. Stopping and
starting again is no way out: the mode is read from the ledger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.checkpoint import Checkpoint, read_unverified
from haloop.kernel.errors import Corrupt
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import Entry, WentBack, read_origin
from haloop.kernel.part import Part
from haloop.store.bodies import Bodies
from haloop.store.files import Files
from haloop.store.reader import Reader
from haloop.store.recorder import KERNEL, Recorder
from haloop.store.seals import Seals
from haloop.store.tree import contains

ENTERED = "recovery.entered"
ENDED = "recovery.ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """The ledger went back: it lacks facts it once had, or was restored from a backup."""

    epoch: int
    """Under which the trees are signed from now on."""
    why: str
    outside: str
    """The checkpoint that gave it away, if one did."""
    since: int
    """The newest moment this ledger knows of; what happened after it may be forgotten."""

    def entry(self) -> Entry:
        """The fact that says so."""
        about: dict[str, canonical.Canonical] = {
            "epoch": self.epoch,
            "why": self.why,
            "outside": self.outside,
            "since": self.since,
        }
        part = Part.of("setback", about)
        return Entry(kind=ENTERED, actor=KERNEL, parts=(part,))


def find_setback(reader: Reader, notes: Iterable[str], *, epoch: int, restored: Path) -> Setback | None:
    """Whether the ledger went back, by what was kept outside it.

    The notes' signatures are not asked for: whoever can forge them could as well delete them, and a forged
    note can only make us more careful.
    """
    seen = [(note, read_unverified(note)) for note in notes]
    since = max([tree.ts for tree in reader.trees()], default=0)
    newest = max([epoch, *(read_origin(checkpoint.origin)[1] for _, checkpoint in seen)])
    for note, checkpoint in seen:
        why = _forgotten(reader, AccountId(read_origin(checkpoint.origin)[0]), checkpoint, epoch)
        if why:
            return Setback(epoch=newest + 1, why=why, outside=note, since=since)
    if restored.exists():
        return Setback(epoch=newest + 1, why=restored.read_text().strip(), outside="", since=since)
    return None


def read_epoch(files: Files, system: AccountId) -> int:
    """Under which epoch the trees are signed: each entry into recovery raises it."""
    known = [tree.number for tree in files.reader.trees() if tree.account == system]
    facts = files.reader.facts(known[0], ENTERED) if known else []
    if not facts:
        return 1
    match canonical.decode(files.bodies.open(facts[-1], "setback").body):
        case {"epoch": int(epoch)}:
            return epoch
    raise Corrupt("The entry into recovery mode does not name its epoch.")


class Recovery:
    """Whether recovery mode is on, and why."""

    def __init__(self, system: AccountId, *, reader: Reader, bodies: Bodies, recorder: Recorder, seals: Seals) -> None:
        self._system = system
        self._bodies = bodies
        self._reader = reader
        self._recorder = recorder
        self._seals = seals
        self._why: str | None = None
        self._went_back: WentBack | None = None

    @property
    def why(self) -> str | None:
        """Why recovery mode is on; None when it is not."""
        return self._why

    @property
    def went_back(self) -> WentBack | None:
        """When the ledger last went back, whether that has been looked at since or not."""
        return self._went_back

    async def enter(self, setback: Setback) -> None:
        """Say that the ledger went back, and have every account signed under the new epoch's name."""
        await self._recorder.record(self._system, setback.entry())
        self._why = setback.why
        self._remember()
        for tree in self._reader.trees():  # the new epoch's checkpoints must reach the witness before we go on
            await self._seals.wait(tree.account, tree.size)

    def resume(self) -> None:
        """Go on in recovery mode if an earlier start entered it and nobody has ended it."""
        tree = self._reader.number(self._system)
        entered, ended = self._reader.facts(tree, ENTERED), self._reader.facts(tree, ENDED)
        if entered and (not ended or ended[-1].index < entered[-1].index):
            self._why = "The ledger was restored or rolled back, and nobody has ended recovery yet."
        self._remember()

    async def end(self, actor: str) -> None:
        """Record that somebody has looked at everything that may have happened meanwhile."""
        await self._recorder.record(self._system, Entry(kind=ENDED, actor=actor))
        self._why = None

    def _remember(self) -> None:
        entered = self._reader.facts(self._reader.number(self._system), ENTERED)
        if entered:
            match canonical.decode(self._bodies.open(entered[-1], "setback").body):
                case {"since": int(since)}:
                    self._went_back = WentBack(since=since, at=entered[-1].header.ts)


def _forgotten(reader: Reader, account: AccountId, checkpoint: Checkpoint, epoch: int) -> str:
    """Why a checkpoint kept outside shows that the ledger went back; empty if it does not."""
    trees = {tree.account: tree for tree in reader.trees()}
    seen = f"A checkpoint kept outside saw {checkpoint.size} events of {account}"
    seen_epoch = read_origin(checkpoint.origin)[1]
    if seen_epoch < epoch:
        return ""  # a recovery has already given up what that saw
    if account not in trees:
        return f"{seen}; this ledger has none."
    if seen_epoch == epoch and not contains(reader, trees[account], checkpoint):
        return f"{seen}; this ledger has {trees[account].size} and does not begin with them."
    if seen_epoch > epoch:
        return f"{seen} after a recovery that this ledger knows nothing of."
    return ""
