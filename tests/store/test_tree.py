"""A stored tree at the start: newest leaves, nodes and checkpoint tell one story, or the ledger does not open."""

import pytest

from haloop.kernel.errors import Corrupt
from haloop.store import schema
from tests.store.conftest import Place, history, refusal

DAMAGED_TAILS = {
    "its header changed": (
        "UPDATE event SET header = CAST(replace(header, 'step.done', 'step.gone') AS BLOB) WHERE position = {3}",
        3,
    ),
    "its hash changed": ("UPDATE event SET leaf_hash = zeroblob(32) WHERE position = {2}", 2),
    "dropped in the middle": ("DELETE FROM event WHERE position = {2}", 2),
    "dropped at the end": ("DELETE FROM event WHERE position = {3}", 3),
    "dropped at the start": ("DELETE FROM event WHERE position = {0}", 0),
    "one too many": (
        "INSERT INTO event SELECT position + 1, run, run_seq + 1, kind, ts, actor, header, parts, leaf_hash"
        " FROM event WHERE position = {3}",
        4,
    ),
}


@pytest.mark.parametrize(("statement", "index"), DAMAGED_TAILS.values(), ids=DAMAGED_TAILS.keys())
async def test_a_corrupt_tail_is_refused_and_named(place: Place, statement: str, index: int) -> None:
    """A ledger whose newest facts were tampered with does not open; the first bad event is named."""
    chain = await history(place)
    place.edit(statement.format(*[schema.position(2, number) for number in range(4)]))
    refused = await refusal(place)
    assert isinstance(refused, Corrupt)
    assert chain.account in refused.sentence
    assert f"Event {index} " in refused.sentence or f"; {index} are there" in refused.sentence


BROKEN_TREES = {
    "smaller": "UPDATE tree SET size = size - 1 WHERE tree = 2",
    "larger": "UPDATE tree SET size = size + 1 WHERE tree = 2",
    "another range": "UPDATE tree SET range = zeroblob(length(range)) WHERE tree = 2",
    "another checkpoint": (
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE tree = 1 ORDER BY size DESC) WHERE tree = 2"
    ),
    "a checkpoint of more": (
        "UPDATE checkpoint SET note = replace(note, char(10, 52, 10), char(10, 53, 10)) WHERE tree = 2 AND size = 4"
    ),
    "no note": "UPDATE checkpoint SET note = 'nothing' WHERE tree = 2",
}


@pytest.mark.parametrize("statement", BROKEN_TREES.values(), ids=BROKEN_TREES.keys())
async def test_a_tree_that_contradicts_itself_is_refused(place: Place, statement: str) -> None:
    """A tree's row, its edge and its newest checkpoint must tell one story, or the ledger does not open."""
    chain = await history(place)
    place.edit(statement)
    refused = await refusal(place)
    assert isinstance(refused, Corrupt)
    assert chain.account in refused.sentence
