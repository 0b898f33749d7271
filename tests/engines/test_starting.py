"""Starting a run: the first word is durable or there is no run, and a key is one request."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.desk import Desk
from haloop.kernel.errors import BadInput, Conflict, NoRoom, Refused
from haloop.kernel.procedure import Procedure, Request, procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.disk import full_disk
from tests.engines.outside import World, ask, connector, doze, house


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world) as opened:
        yield opened


UNWRITABLE: list[tuple[str, Callable[[], Request[Any]], str]] = [
    ("an actor of two words", lambda: ask.of("why"), "agent:of many words"),
    ("half a letter", lambda: ask.of("\ud800"), "agent:test"),
    ("a number beyond all paper", lambda: doze.of(1 << 60), "agent:test"),
]


@pytest.mark.parametrize(("request_", "by"), [one[1:] for one in UNWRITABLE], ids=[one[0] for one in UNWRITABLE])
async def test_a_run_whose_first_word_cannot_be_written_was_never_begun(
    practice: Practice, world: World, request_: Callable[[], Request[Any]], by: str
) -> None:
    """Whoever asks hears why, nothing is left behind, and the key is free for the same wish put well."""
    with pytest.raises(BadInput):
        await practice.engine.start(practice.account, request_(), by=by, key="monday")
    await practice.engine.settled()
    left = (list(practice.ledger.open_runs()), dict(practice.engine.parked))

    run = await practice.start(ask.of("why"), key="monday")

    assert left == ([], {})
    assert (await practice.ended(run)).result == "why!"


async def test_a_run_that_found_no_room_can_be_asked_for_again(practice: Practice) -> None:
    """On a full disk nothing begins and whoever asks hears it; with room, the same key begins the run."""
    with full_disk(practice.ledger), pytest.raises(NoRoom):
        await practice.engine.start(practice.account, ask.of("why"), by="agent:test", key="monday")
    await practice.engine.settled()
    left = (list(practice.ledger.open_runs()), dict(practice.engine.parked))

    run = await practice.start(ask.of("why"), key="monday")

    assert left == ([], {})
    assert (await practice.ended(run)).result == "why!"


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize(
    "other", [lambda: ask.of("who"), lambda: doze.of(1)], ids=["other arguments", "another procedure"]
)
async def test_a_key_is_one_request(
    practice: Practice, world: World, other: Callable[[], Request[Any]], restarts: int
) -> None:
    """Whoever asks for something else under a key that is taken is told so, and nothing of it is done."""
    run = await practice.start(ask.of("why"), key="monday")
    for _ in range(restarts):
        await practice.restart()

    with pytest.raises((Refused, Conflict)):
        await practice.start(other(), key="monday")

    assert world.asked == {"why": 1}
    assert (await practice.ended(run)).result == "why!"


def _namesake() -> Procedure[..., Any]:
    """What another desk does under the same name."""

    @procedure(version=1)
    async def ask(run: Run, question: str) -> str:
        return f"nobody was asked {question}"

    return ask


async def test_a_key_is_one_request_to_one_desk(tmp_path: Path, world: World) -> None:
    """The same name with the same arguments at another desk is another request."""
    namesake = _namesake()
    desks = [Desk("tries", procedures=[ask]), Desk("namesakes", procedures=[namesake])]
    async with Practice.opened(tmp_path, desks=desks, connectors=[connector(world)]) as practice:
        await practice.start(ask.of("why"), key="monday")
        with pytest.raises(Refused, match="another request"):
            await practice.start(namesake.of("why"), key="monday")
