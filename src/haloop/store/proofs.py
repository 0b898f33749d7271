"""Proofs from what is stored: that an event is in a tree, and that a longer tree begins with a shorter one."""

from haloop.kernel.checkpoint import Proof, read_unverified
from haloop.kernel.errors import NotFound
from haloop.kernel.merkle import ReadTile, consistency_proof, inclusion_proof
from haloop.store.reader import Reader


def prove_event(reader: Reader, tree: int, index: int, note: str) -> Proof:
    """The path from an event to a signed checkpoint."""
    size = read_unverified(note).size
    if index >= size:
        raise NotFound(f"The checkpoint of {size} events does not cover event {index} yet.")
    return Proof(index=index, hashes=inclusion_proof(index, size, _tiles(reader, tree)), note=note)


def prove_growth(reader: Reader, tree: int, since: int, note: str) -> tuple[bytes, ...]:
    """The hashes which show that what a checkpoint signs begins with the tree as it was at an earlier size."""
    size = read_unverified(note).size
    if since > size:
        raise NotFound(f"The checkpoint is of {size} events, and cannot begin with {since}.")
    return consistency_proof(since, size, _tiles(reader, tree))


def _tiles(reader: Reader, tree: int) -> ReadTile:
    return lambda level, tile: reader.read_tile(tree, level, tile)
