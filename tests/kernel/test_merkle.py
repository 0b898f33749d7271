"""The tree over the ledger: the published RFC 6962 values, its definition, and every kind of tampering."""

from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.errors import BadProof
from haloop.kernel.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    SIZE_MAX,
    TILE_WIDTH,
    CompactRange,
    ReadTile,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)

# Published with Certificate Transparency: eight leaves, the root over the first n of them, and some paths.
PUBLISHED_LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLISHED_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PUBLISHED_INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
PUBLISHED_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}

LARGEST = 65_793  # one level-2 hash, one more full tile, and one leaf beyond it
TILE_EDGES = (255, 256, 257, 258, 511, 512, 513, 65_535, 65_536, 65_537, LARGEST)
SMALL = 70


def leaf(index: int) -> bytes:
    return leaf_hash(index.to_bytes(4, "big"))


@cache
def defined_root(start: int, stop: int) -> bytes:
    """MTH of RFC 6962 section 2.1, as it is written there."""
    if stop - start == 0:
        return EMPTY_ROOT
    if stop - start == 1:
        return leaf(start)
    middle = start + split(stop - start)
    return node_hash(defined_root(start, middle), defined_root(middle, stop))


def defined_path(index: int, start: int, stop: int) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1, as it is written there."""
    if stop - start == 1:
        return []
    middle = start + split(stop - start)
    if index < middle:
        return [*defined_path(index, start, middle), defined_root(middle, stop)]
    return [*defined_path(index, middle, stop), defined_root(start, middle)]


def defined_consistency(old: int, start: int, stop: int, *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2, as it is written there."""
    if old == stop:
        return [] if whole else [defined_root(start, stop)]
    middle = start + split(stop - start)
    if old <= middle:
        return [*defined_consistency(old, start, middle, whole=whole), defined_root(middle, stop)]
    return [*defined_consistency(old, middle, stop, whole=False), defined_root(start, middle)]


def split(count: int) -> int:
    half = 1
    while half * 2 < count:
        half *= 2
    return half


class Tree:
    """A store in miniature: leaf hashes, the tiles above as appends return them, and what was read."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels: list[list[bytes]] = [list(leaves), [], [], []]
        self.edge = CompactRange()
        self.reads: list[tuple[int, int]] = []
        for item in leaves:
            for gained in self.edge.append(item):
                assert gained.index == len(self.levels[gained.level])
                self.levels[gained.level].append(gained.hash)

    def read_tile(self, level: int, index: int) -> bytes:
        self.reads.append((level, index))
        return b"".join(self.levels[level][index * TILE_WIDTH : (index + 1) * TILE_WIDTH])


@pytest.fixture(scope="module")
def tree() -> Tree:
    grown = Tree([leaf(index) for index in range(LARGEST)])
    assert grown.edge.root() == defined_root(0, LARGEST)
    return grown


def hexes(hashes: tuple[bytes, ...]) -> list[str]:
    return [item.hex() for item in hashes]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_come_out(size: int) -> None:
    """Whoever appends the published leaves gets the published root at every size."""
    published = Tree(PUBLISHED_LEAVES[:size])
    assert published.edge.root().hex() == PUBLISHED_ROOTS[size]
    assert root_at(size, Tree(PUBLISHED_LEAVES).read_tile).hex() == PUBLISHED_ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PUBLISHED_INCLUSION)
def test_the_published_inclusion_paths_come_out_and_hold(index: int, size: int) -> None:
    """The published inclusion paths are the ones we make and the ones we accept."""
    proof = inclusion_proof(index, size, Tree(PUBLISHED_LEAVES).read_tile)
    assert hexes(proof) == PUBLISHED_INCLUSION[index, size]
    verify_inclusion(PUBLISHED_LEAVES[index], index, size, proof, bytes.fromhex(PUBLISHED_ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), PUBLISHED_CONSISTENCY)
def test_the_published_consistency_paths_come_out_and_hold(old: int, new: int) -> None:
    """The published consistency paths are the ones we make and the ones we accept."""
    proof = consistency_proof(old, new, Tree(PUBLISHED_LEAVES).read_tile)
    assert hexes(proof) == PUBLISHED_CONSISTENCY[old, new]
    old_root, new_root = bytes.fromhex(PUBLISHED_ROOTS[old]), bytes.fromhex(PUBLISHED_ROOTS[new])
    verify_consistency(old, old_root, new, new_root, proof)


def test_a_leaf_can_never_pass_for_a_node() -> None:
    """Two child hashes handed in as the data of a leaf do not make their parent's hash."""
    assert leaf_hash(leaf(0) + leaf(1)) != node_hash(leaf(0), leaf(1))


@pytest.mark.parametrize("size", [*range(1, SMALL + 1), *TILE_EDGES])
def test_every_leaf_is_proved_at_every_size(tree: Tree, size: int) -> None:
    """A leaf's path is that of the definition and leads to the root, in small trees and at tile edges."""
    root = root_at(size, tree.read_tile)
    assert root == defined_root(0, size)
    for index in places(size):
        proof = inclusion_proof(index, size, tree.read_tile)
        assert list(proof) == defined_path(index, 0, size)
        verify_inclusion(leaf(index), index, size, proof, root)


@pytest.mark.parametrize("new", [*range(SMALL + 1), *TILE_EDGES])
def test_every_shorter_tree_is_proved_to_begin_a_longer_one(tree: Tree, new: int) -> None:
    """The path from an older root to a newer one is the one of the definition, and holds."""
    for old in (0, *places(new), new):
        proof = consistency_proof(old, new, tree.read_tile)
        assert list(proof) == (defined_consistency(old, 0, new) if old else [])
        verify_consistency(old, defined_root(0, old), new, defined_root(0, new), proof)


def places(size: int) -> list[int]:
    """Every place of a small tree, and those next to the tiles' edges of a large one."""
    if size <= SMALL:
        return list(range(size))
    near = {edge + step for edge in (0, *TILE_EDGES, size) for step in (-1, 0, 1)}
    return sorted(place for place in near if 0 <= place < size)


@given(st.integers(1, LARGEST), st.data())
def test_any_leaf_of_any_tree_is_proved(tree: Tree, size: int, data: st.DataObject) -> None:
    """Whatever the size and the place, both proofs are those of the definition."""
    place = data.draw(st.integers(0, size - 1))
    assert list(inclusion_proof(place, size, tree.read_tile)) == defined_path(place, 0, size)
    assert list(consistency_proof(place + 1, size, tree.read_tile)) == defined_consistency(place + 1, 0, size)


def test_a_proof_reads_at_most_two_tiles_of_a_level(tree: Tree) -> None:
    """Proving never scans a large ledger: a tile a level on the path, and one more at the right edge."""
    for prove in (inclusion_proof, consistency_proof):
        tree.reads.clear()
        prove(33_333, LARGEST - 1, tree.read_tile)
        assert max(level_reads(tree, level) for level in range(3)) <= 2


def level_reads(tree: Tree, level: int) -> int:
    return sum(read[0] == level for read in tree.reads)


@pytest.mark.parametrize("size", range(1, 33))
def test_a_changed_inclusion_proof_is_refused(tree: Tree, size: int) -> None:
    """One bit in any hash, a hash more or less, another place or tree: nothing but the proof itself holds."""
    root = defined_root(0, size)
    for index in range(size):
        proof = inclusion_proof(index, size, tree.read_tile)
        for tampered in tamperings(proof):
            refuse_inclusion(leaf(index), index, size, tampered, root)
        for other in [place for place in range(size) if place != index]:
            refuse_inclusion(leaf(index), other, size, proof, root)
            refuse_inclusion(leaf(other), index, size, proof, root)
        refuse_inclusion(leaf(index), index, size * 2, proof, root)
        refuse_inclusion(leaf(index), index, size // 2, proof, root)
        refuse_inclusion(leaf(index), index, size, proof, flipped(root, 0))
        refuse_inclusion(flipped(leaf(index), 255), index, size, proof, root)


@pytest.mark.parametrize("new", range(1, 25))
def test_a_changed_consistency_proof_is_refused(tree: Tree, new: int) -> None:
    """One bit in any hash, a hash more or less, another size or another root: only the proof itself holds."""
    new_root = defined_root(0, new)
    for old in range(1, new):
        old_root = defined_root(0, old)
        proof = consistency_proof(old, new, tree.read_tile)
        for tampered in tamperings(proof):
            refuse_consistency(old, old_root, new, new_root, tampered)
        for other in [size for size in range(1, new + 1) if size != old]:
            refuse_consistency(other, old_root, new, new_root, proof)
        refuse_consistency(old, old_root, new * 2, new_root, proof)
        refuse_consistency(old, flipped(old_root, 9), new, new_root, proof)
        refuse_consistency(old, old_root, new, flipped(new_root, 9), proof)
        refuse_consistency(old, new_root, new, old_root, proof)
        refuse_consistency(new, new_root, old, old_root, proof)


@given(st.integers(2, 1000), st.data())
def test_any_flipped_bit_of_any_proof_is_refused(tree: Tree, size: int, data: st.DataObject) -> None:
    """Wherever the bit lies, the proof that carries it leads nowhere."""
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, tree.read_tile))
    changed = data.draw(st.integers(0, len(proof) - 1))
    proof[changed] = flipped(proof[changed], data.draw(st.integers(0, 255)))
    refuse_inclusion(leaf(index), index, size, proof, root_at(size, tree.read_tile))


def test_bytes_cannot_move_between_two_neighbours() -> None:
    """A longer hash beside a shorter one would give their parent the same bytes; neither is a hash."""
    pair, root = leaf(0) + leaf(1), defined_root(0, 2)
    refuse_inclusion(pair[:31], 0, 2, (pair[31:],), root)
    refuse_inclusion(pair[33:], 1, 2, (pair[:33],), root)
    refuse_consistency(1, pair[:31], 2, root, (pair[31:],))


def tamperings(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    changed = [(*proof[:n], flipped(proof[n], 8 * n + 3), *proof[n + 1 :]) for n in range(len(proof))]
    shortened = [proof[:-1], proof[1:]] if proof else []
    lengthened = [(*proof, EMPTY_ROOT), (EMPTY_ROOT, *proof), (*proof, b""), (*proof, *proof[-1:], leaf(0))]
    clipped = [(*proof[:-1], proof[-1][:-1]), (proof[0] + b"\x00", *proof[1:])] if proof else []
    return [*changed, *shortened, *lengthened, *clipped]


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def refuse_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    with pytest.raises(BadProof):
        verify_inclusion(leaf, index, size, proof, root)


def refuse_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    with pytest.raises(BadProof):
        verify_consistency(old, old_root, new, new_root, proof)


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "proof"),
    [
        (0, leaf(0), 0, leaf(0), ()),
        (0, leaf(0), 1, leaf(0), ()),
        (0, EMPTY_ROOT, 0, leaf(0), ()),
        (0, EMPTY_ROOT, 1, leaf(0), (leaf(0),)),
        (1, leaf(0), 1, leaf(1), ()),
        (1, leaf(0), 1, leaf(0), (leaf(0),)),
        (1, leaf(0), 2, leaf(1), ()),
        (2, leaf(0), 1, leaf(0), ()),
        (-1, leaf(0), 1, leaf(0), ()),
        (1, leaf(0), SIZE_MAX + 1, leaf(0), ()),
        (1, b"short", 1, b"short", ()),
    ],
)
def test_nonsense_between_two_roots_is_refused(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: tuple[bytes, ...]
) -> None:
    """Sizes that run backwards, roots that cannot be and proofs where none is due are refused."""
    refuse_consistency(old, old_root, new, new_root, proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (0, -1), (0, SIZE_MAX + 1), (5, 3)])
def test_a_leaf_outside_the_tree_is_not_believed(tree: Tree, index: int, size: int) -> None:
    """A place that the tree does not have is refused by name."""
    refuse_inclusion(leaf(0), index, size, (), leaf(0))
    with pytest.raises(BadProof, match="has no leaf"):
        inclusion_proof(index, size, tree.read_tile)


def test_a_path_in_the_largest_tree_is_checked_in_no_time() -> None:
    """The largest size the formats allow costs 63 hashes, so a forged size cannot keep a verifier busy."""
    path = (leaf(1),) * 63
    root = leaf(0)
    for neighbour in path:
        root = node_hash(neighbour, root)
    refuse_inclusion(leaf(0), SIZE_MAX - 1, SIZE_MAX, path, root)
    refuse_consistency(SIZE_MAX - 1, leaf(0), SIZE_MAX, root, path)


def test_a_missing_piece_of_the_tree_is_named(tree: Tree) -> None:
    """A store that lost the end of a tile hears which tile it is, and no proof is made from the rest."""

    def torn(level: int, index: int) -> bytes:
        return tree.read_tile(level, index)[: -HASH_SIZE if (level, index) == (0, 2) else None]

    broken: ReadTile = torn
    with pytest.raises(BadProof, match="Tile 2 of level 0"):
        inclusion_proof(700, 768, broken)


def test_appending_says_what_the_tiles_gain() -> None:
    """A store hears of a tile's hash in the very append that completes it, and of nothing in between."""
    edge = CompactRange()
    gains = [edge.append(leaf(index)) for index in range(TILE_WIDTH * TILE_WIDTH)]
    assert [index for index, gained in enumerate(gains) if gained] == [
        *range(TILE_WIDTH - 1, TILE_WIDTH * TILE_WIDTH, TILE_WIDTH)
    ]
    assert [(gained.level, gained.index) for gained in gains[-1]] == [(1, 255), (2, 0)]
    assert gains[-1][1].hash == edge.root()


@given(st.integers(0, 2000), st.integers(0, 300))
def test_a_tree_is_taken_up_where_it_was_put_down(size: int, more: int) -> None:
    """After a restart, the few stored hashes grow on to the same root as if nothing had happened."""
    edge = CompactRange()
    for index in range(size):
        edge.append(leaf(index))
    resumed = CompactRange.from_bytes(edge.size, edge.to_bytes())
    assert resumed == edge
    for index in range(size, size + more):
        resumed.append(leaf(index))
    assert resumed.root() == defined_root(0, size + more)


def test_a_failed_transaction_leaves_the_tree_alone() -> None:
    """What is appended to a copy does not show in the tree it was copied from."""
    edge = CompactRange()
    edge.append(leaf(0))
    edge.copy().append(leaf(1))
    assert (edge.size, edge.root()) == (1, leaf(0))
    assert "size=1" in repr(edge)
    assert edge != edge.root()


@pytest.mark.parametrize(("size", "length"), [(1, 0), (0, 32), (3, 32), (3, 65), (-1, 0), (SIZE_MAX + 1, 32)])
def test_a_compact_range_of_the_wrong_length_is_refused(size: int, length: int) -> None:
    """Stored hashes that do not fit their size are refused before anything is appended to them."""
    with pytest.raises(BadProof, match="compact range"):
        CompactRange.from_bytes(size, b"\x00" * length)


def test_a_leaf_that_is_no_hash_is_refused() -> None:
    """Data handed in where its hash belongs is refused, and the tree stays as it was."""
    edge = CompactRange()
    with pytest.raises(BadProof, match="32 bytes"):
        edge.append(b"data")
    assert edge.root() == EMPTY_ROOT
