"""An account's tree as it is stored: whether it holds together, and what it begins with.

A crash may have cut the last write anywhere. SQLite's log makes it whole; `check_tail` looks whether the whole
is ours: each tree's newest leaves hash to what is stored, its nodes lead to the root it claims, and it still
begins with its newest signed checkpoint. Whoever remembers an earlier size of a tree, as a checkpoint or as a
copy, asks here whether the tree only grew since.
"""

from collections.abc import Callable

from haloop.kernel.checkpoint import Checkpoint, read_unverified
from haloop.kernel.errors import BadInput, Corrupt
from haloop.kernel.ledger import leaf_hash, origin
from haloop.kernel.merkle import TILE_WIDTH, CompactRange, root_at
from haloop.store.reader import Reader, Tree
from haloop.store.schema import place, position


def check_tail(reader: Reader) -> None:
    """Refuse a ledger whose newest leaves, nodes or checkpoints contradict each other."""
    for tree in reader.trees():
        try:
            _check_leaves(reader, tree)
            _check_root(reader, tree)
        except BadInput as error:
            raise Corrupt(f"The tree of {tree.account} does not hold: {error.sentence}") from error


def contains(reader: Reader, tree: Tree, checkpoint: Checkpoint) -> bool:
    """Whether a tree begins with what a checkpoint saw."""
    if checkpoint.size > tree.size:
        return False
    return root_at(checkpoint.size, _tiles(reader, tree)) == checkpoint.root


def begins_with(reader: Reader, tree: Tree, copy: Tree) -> bool:
    """Whether a tree begins with what a copy of it holds."""
    root = CompactRange.from_bytes(copy.size, copy.range).root()
    return contains(reader, tree, Checkpoint(origin=origin(copy.account, 1), size=copy.size, root=root))


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
