"""The tree over the ledger, as RFC 6962 draws it.

Every fact is a leaf, every two neighbouring hashes are hashed again, and the one hash at the top
stands for all of them. Whoever keeps that top hash can later be shown that a fact is in the ledger
(inclusion) and that a longer ledger still begins with the one they saw (consistency), and needs to
see nothing else. Appending takes only a compact range: the roots of the complete subtrees so far.
Proofs read tiles, runs of 256 hashes of every eighth level, so that proving one fact among millions
reads a few kilobytes instead of the whole ledger.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import TypeAlias

from haloop.kernel.errors import BadProof

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
SIZE_MAX = (1 << 63) - 1  # the published formats carry sizes as signed 64-bit integers
EMPTY_ROOT = sha256(b"").digest()

ReadTile: TypeAlias = Callable[[int, int], bytes]
"""Given (level, index), the hashes of that tile end to end. A tile may hold more than the size asked
about needs, because the tree has grown since."""


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf. Without its own prefix, two child hashes could be passed off as a leaf's data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into their parent."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TileHash:
    """A hash that an append completed: the next one of tile `index // TILE_WIDTH` of its level."""

    level: int
    index: int
    hash: bytes


class CompactRange:
    """The growing edge of a tree: one root for each complete subtree, the largest first.

    The writer appends to a copy and installs it after its commit, so that a failed transaction
    leaves no trace. An append returns what the tiles above level 0 gain by it: nothing, 255 times
    out of 256. That is all a store needs: the leaf hashes beside its events are level 0 already, and
    the returned hashes, added in order, are the tiles above.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self) -> None:
        """Begin with the empty tree."""
        self._size = 0
        self._hashes: list[bytes] = []

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> "CompactRange":
        """Take up the tree that `to_bytes` wrote at this size."""
        if not 0 <= size <= SIZE_MAX or len(data) != HASH_SIZE * size.bit_count():
            raise BadProof(f"{len(data)} bytes cannot be the compact range of a tree of {size} leaves.")
        resumed = cls()
        resumed._size = size
        resumed._hashes = _hashes_in(data)
        return resumed

    def to_bytes(self) -> bytes:
        """The subtree roots, end to end; keep the size beside them."""
        return b"".join(self._hashes)

    def copy(self) -> "CompactRange":
        """A second range that grows on its own."""
        twin = CompactRange()
        twin._size = self._size
        twin._hashes = self._hashes.copy()
        return twin

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    def append(self, leaf: bytes) -> tuple[TileHash, ...]:
        """Add one leaf hash, and return the hashes that the tiles above level 0 gain."""
        if len(leaf) != HASH_SIZE:
            raise BadProof(f"A leaf hash has {HASH_SIZE} bytes, not {len(leaf)}.")
        completed: tuple[TileHash, ...] = ()
        hashes, node, index, height = self._hashes, leaf, self._size, 0
        while index & 1:  # an odd position closes a subtree with the neighbour waiting at its left
            node = sha256(b"\x01" + hashes.pop() + node).digest()
            index >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                completed += (TileHash(level=height // TILE_HEIGHT, index=index, hash=node),)
        hashes.append(node)
        self._size += 1
        return completed

    def root(self) -> bytes:
        """The hash that stands for all leaves so far."""
        return _join(self._hashes) if self._hashes else EMPTY_ROOT

    def __eq__(self, other: object) -> bool:
        """Two ranges are equal when they stand for the same leaves."""
        if not isinstance(other, CompactRange):
            return NotImplemented
        return self._size == other._size and self._hashes == other._hashes

    __hash__ = None  # type: ignore[assignment]  # it grows, so it must not be a key

    def __repr__(self) -> str:
        """Name the tree by its size and root."""
        return f"CompactRange(size={self._size}, root={self.root().hex()})"


def root_at(size: int, read_tile: ReadTile) -> bytes:
    """The root the tree had when it was this long."""
    _require(0 <= size <= SIZE_MAX, f"A tree cannot have {size} leaves.")
    return _Subtrees(size, read_tile).root(range(size)) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """The hashes that lead from a leaf to the root of this many leaves, its own neighbour first."""
    _require(0 <= index < size <= SIZE_MAX, f"A tree of {size} leaves has no leaf {index}.")
    subtrees = _Subtrees(size, read_tile)
    return tuple(subtrees.root(sibling) for sibling in _siblings_of_leaf(index, size))


def consistency_proof(old_size: int, new_size: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """The hashes which show that the tree of the new size begins with the tree of the old one."""
    _require(0 <= old_size <= new_size <= SIZE_MAX, f"{old_size} leaves cannot begin a tree of {new_size}.")
    if old_size in (0, new_size):
        return ()
    subtrees = _Subtrees(new_size, read_tile)
    shared, siblings = _siblings_of_prefix(old_size, new_size)
    base = [subtrees.root(shared)] if shared.start else []  # at 0 it is the old root itself
    return (*base, *(subtrees.root(sibling) for sibling in siblings))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return when the leaf hash stands at this index under this root; raise BadProof otherwise.

    Take size and root from one signed checkpoint: a root alone does not fix its size, because trees of
    several sizes can give a leaf a path of the same shape.
    """
    _require(0 <= index < size <= SIZE_MAX, f"A tree of {size} leaves has no leaf {index}.")
    _require_hashes(leaf, root, *proof)
    siblings = _siblings_of_leaf(index, size)
    needed = len(siblings)
    # A proof of another length would let an inner node pass for a leaf.
    _require(len(proof) == needed, f"The inclusion proof has {len(proof)} hashes; it needs {needed}.")
    found = leaf
    for sibling, neighbour in zip(siblings, proof, strict=True):
        found = node_hash(found, neighbour) if sibling.start > index else node_hash(neighbour, found)
    _require(found == root, f"The proof of leaf {index} does not lead to the root of {size} leaves.")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return when the tree under the new root begins with the older one; raise BadProof otherwise."""
    _require(0 <= old_size <= new_size <= SIZE_MAX, f"{old_size} leaves cannot begin a tree of {new_size}.")
    _require_hashes(old_root, new_root, *proof)
    if old_size == 0:
        _require(old_root == EMPTY_ROOT, "The root of the older, empty tree is not the empty root.")
    if new_size in (0, old_size):
        _require(old_root == new_root, f"Two trees of {new_size} leaves have different roots.")
    if old_size in (0, new_size):
        _require(not proof, "Between these sizes a consistency proof has no hashes; this one has.")
        return
    shared, siblings = _siblings_of_prefix(old_size, new_size)
    needed = len(siblings) + bool(shared.start)  # a subtree that starts at 0 is the old tree itself
    _require(len(proof) == needed, f"The consistency proof has {len(proof)} hashes; it needs {needed}.")
    path = list(proof) if shared.start else [old_root, *proof]
    old = new = path[0]
    for sibling, neighbour in zip(siblings, path[1:], strict=True):
        if sibling.start >= old_size:
            new = node_hash(new, neighbour)
        else:
            old, new = node_hash(neighbour, old), node_hash(neighbour, new)
    _require(old == old_root, f"The consistency proof does not lead to the older root, of {old_size} leaves.")
    _require(new == new_root, f"The consistency proof does not lead to the newer root, of {new_size} leaves.")


def _siblings_of_leaf(index: int, size: int) -> list[range]:
    """The leaves under each neighbour met on the way up from a leaf."""
    siblings, here = [], range(size)
    while len(here) > 1:
        left, right = _halves(here)
        here, sibling = (left, right) if index < right.start else (right, left)
        siblings.append(sibling)
    return siblings[::-1]


def _siblings_of_prefix(old_size: int, new_size: int) -> tuple[range, list[range]]:
    """The last subtree both trees share, and the leaves under each neighbour on the way up from it."""
    siblings, here = [], range(new_size)
    while here.stop != old_size:
        left, right = _halves(here)
        here, sibling = (left, right) if old_size <= right.start else (right, left)
        siblings.append(sibling)
    return here, siblings[::-1]


def _halves(leaves: range) -> tuple[range, range]:
    """The children of the node over these leaves; the left is the largest complete subtree below it."""
    middle = leaves.start + (1 << (len(leaves) - 1).bit_length() - 1)
    return range(leaves.start, middle), range(middle, leaves.stop)


class _Subtrees:
    """Roots of subtrees of one tree, read from tiles, each tile once."""

    __slots__ = ("_read_tile", "_size", "_tiles")

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self._size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, leaves: range) -> bytes:
        """The root over these leaves, which may end at the ragged right edge of the tree."""
        complete, start = [], leaves.start
        while start < leaves.stop:
            height = (leaves.stop - start).bit_length() - 1
            complete.append(self._complete(height, start))
            start += 1 << height
        return _join(complete)

    def _complete(self, height: int, start: int) -> bytes:
        level, rest = divmod(height, TILE_HEIGHT)
        first = start >> level * TILE_HEIGHT
        index, offset = divmod(first, TILE_WIDTH)
        begin, end = offset * HASH_SIZE, (offset + (1 << rest)) * HASH_SIZE
        return _fold(_hashes_in(self._tile(level, index)[begin:end]))

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            width = min(TILE_WIDTH, (self._size >> level * TILE_HEIGHT) - index * TILE_WIDTH)
            tile = self._read_tile(level, index)
            # A short tile would fold into another tree's hash, and the proof would blame the wrong fact.
            whole = len(tile) >= width * HASH_SIZE
            _require(whole, f"Tile {index} of level {level} has less than {width} hashes.")
            self._tiles[level, index] = tile
        return self._tiles[level, index]


def _fold(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def _join(subtrees: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that shrink from left to right."""
    return reduce(lambda rest, left: node_hash(left, rest), reversed(subtrees))


def _hashes_in(data: bytes) -> list[bytes]:
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


def _require_hashes(*hashes: bytes) -> None:
    _require(all(len(item) == HASH_SIZE for item in hashes), f"Every hash in a proof has {HASH_SIZE} bytes.")


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # the condition is the whole point
    if not holds:
        raise BadProof(otherwise)
