"""What must hold before a ledger is opened for new facts.

A crash may have cut the last write anywhere. SQLite's log makes it whole; this looks whether the whole is
ours: each tree's newest leaves hash to what is stored, its nodes lead to the root it claims, and it still
begins with its newest signed checkpoint. Then the ledger is held against the witness, which remembers what a
restored or copied home has forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.checkpoint import Checkpoint, read_unverified
from haloop.kernel.errors import BadInput, Corrupt
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import Event, leaf_hash, read_origin
from haloop.kernel.merkle import TILE_WIDTH, CompactRange, root_at
from haloop.store.reader import Reader, Tree
from haloop.store.schema import place, position


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """The ledger went back: it lacks facts it once had, or was restored from a backup."""

    epoch: int
    """Under which the trees are signed from now on."""
    why: str
    outside: str
    """The checkpoint that gave it away, if one did."""


def check_tail(reader: Reader) -> None:
    """Refuse a ledger whose newest leaves, nodes or checkpoints contradict each other."""
    for tree in reader.trees():
        try:
            _check_leaves(reader, tree)
            _check_root(reader, tree)
        except BadInput as error:
            raise Corrupt(f"The tree of {tree.account} does not hold: {error.sentence}") from error


def find_setback(reader: Reader, notes: Mapping[str, str], *, epoch: int, restored: Path) -> Setback | None:
    """Whether the ledger went back, by what was kept outside it.

    The notes' signatures are not asked for: whoever can forge them could as well delete them, and a forged
    note can only make us more careful.
    """
    seen = {account: read_unverified(note) for account, note in notes.items()}
    newest = max([epoch, *(read_origin(checkpoint.origin)[1] for checkpoint in seen.values())])
    for account, checkpoint in seen.items():
        why = _forgotten(reader, AccountId(account), checkpoint, epoch)
        if why:
            return Setback(epoch=newest + 1, why=why, outside=notes[account])
    if restored.exists():
        return Setback(epoch=newest + 1, why=restored.read_text().strip(), outside="")
    return None


def read_epoch(reader: Reader, system: AccountId, body: Callable[[Event, str], bytes]) -> int:
    """Under which epoch the trees are signed: each entry into recovery raises it."""
    known = [tree.number for tree in reader.trees() if tree.account == system]
    facts = reader.facts(known[0], "recovery.entered") if known else []
    if not facts:
        return 1
    match canonical.decode(body(facts[-1], "setback")):
        case {"epoch": int(epoch)}:
            return epoch
    raise Corrupt("The entry into recovery mode does not name its epoch.")


def contains(reader: Reader, tree: Tree, checkpoint: Checkpoint) -> bool:
    """Whether a tree begins with what a checkpoint saw."""
    if checkpoint.size > tree.size:
        return False
    return root_at(checkpoint.size, _tiles(reader, tree)) == checkpoint.root


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


def _check_leaves(reader: Reader, tree: Tree) -> None:
    """The last tile's worth of leaves, one by one, and nothing after them."""
    first = position(tree.number, max(0, tree.size - TILE_WIDTH))
    expected = first
    query = "SELECT position, header, leaf_hash FROM event WHERE position >= ? AND position < ? ORDER BY position"
    for at, header, stored in reader.connection.execute(query, (first, position(tree.number + 1, 0))):
        if at == position(tree.number, tree.size):
            raise Corrupt(f"Event {tree.size} of {tree.account} is one more than its tree claims.")
        if at != expected or leaf_hash(header) != stored:
            raise Corrupt(f"Event {place(expected)[1]} of {tree.account} is missing or was changed.")
        if not header.startswith(f'{{"account":"{tree.account}"'.encode()):
            raise Corrupt(f"Event {place(at)[1]} of {tree.account} belongs to another account.")
        expected += 1
    if expected != position(tree.number, tree.size):
        raise Corrupt(f"{tree.account} claims {tree.size} events; {place(expected)[1]} are there.")


def _check_root(reader: Reader, tree: Tree) -> None:
    root = CompactRange.from_bytes(tree.size, tree.range).root()
    if root_at(tree.size, _tiles(reader, tree)) != root:
        raise Corrupt(f"The tree of {tree.account} does not lead to the root it claims.")
    newest = reader.newest_checkpoint(tree.number)
    if newest is not None and not contains(reader, tree, read_unverified(newest.note)):
        raise Corrupt(f"{tree.account} no longer contains what its own checkpoint of {newest.size} events saw.")


def _tiles(reader: Reader, tree: Tree) -> Callable[[int, int], bytes]:
    return lambda level, index: reader.read_tile(tree.number, level, index)
