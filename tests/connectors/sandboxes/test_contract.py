"""What every provider of sandboxes does the same; of Kubernetes, as far as a cluster of the tests' own can show it."""

import asyncio
from datetime import timedelta

import pytest

from haloop.ports.sandboxes import INSTANCE_LABEL, CannotStart, End, Limits, Over
from tests.connectors.sandboxes.conftest import PROVIDERS
from tests.connectors.sandboxes.outside import ENDLESS, OURS, SECONDS_MAX, Place


@pytest.fixture(params=[*PROVIDERS, "kubernetes"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each provider in turn."""
    found: Place = request.getfixturevalue(request.param)
    return found


SAID = 12 << 20
"""More than a daemon or a cluster keeps itself, and as much as is held for whoever listens late."""
MOCK = "{ echo '# Output from cleanup'; cat; } > structured-text.md"
"""The agent `mock`: it copies what it is given, below a line of its own."""


async def test_the_mock_agent_leaves_its_output(place: Place) -> None:
    """A program that hears its input and writes a file in its folder has left it there."""
    ran = await place.run(MOCK, hears=b"as it came\n")

    assert ran.over == Over(end=End.EXITED, exit_code=0)
    assert (place.folder / "structured-text.md").read_text() == "# Output from cleanup\nas it came\n"


async def test_what_it_says_and_how_it_ends_is_heard(place: Place) -> None:
    """Both of its streams arrive apart, and its exit code is its own."""
    ran = await place.run("echo said; echo complained >&2; exit 3")

    assert (ran.said, ran.complained) == ("said\n", "complained\n")
    assert ran.over == Over(end=End.EXITED, exit_code=3)


async def test_all_that_it_says_is_heard(place: Place) -> None:
    """However much it says, and however little a daemon keeps of it, whoever listens late misses nothing."""
    sandbox = await place.start(f"head -c {SAID} /dev/zero; echo over >&2")
    async with asyncio.timeout(SECONDS_MAX):
        assert await sandbox.complains.readline() == b"over\n"
        await asyncio.sleep(2)  # as long as a daemon is waited for, and longer

        assert len(await sandbox.talks.read()) == SAID
        assert (await sandbox.over()).exit_code == 0


async def test_it_talks_and_hears_in_turns(place: Place) -> None:
    """A conversation over its standard streams works line by line, as agents hold it."""
    sandbox = await place.start("while read line; do echo got $line; done")

    sandbox.hears.write(b"one\n")
    assert await sandbox.talks.readline() == b"got one\n"
    sandbox.hears.write(b"two\n")
    assert await sandbox.talks.readline() == b"got two\n"
    sandbox.hears.close()
    assert (await sandbox.over()).exit_code == 0


async def test_it_has_its_environment_and_no_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was given is there; a secret of our own environment is not."""
    monkeypatch.setenv("SECRET_OF_OURS", "sk-1")

    ran = await place.run("echo $GIVEN; env", environment={"GIVEN": "this"})

    assert ran.said.startswith("this\n")
    assert "sk-1" not in ran.said


async def test_a_program_that_is_not_there_cannot_start(place: Place) -> None:
    """It is said at the start, and nothing is left of it."""
    with pytest.raises(CannotStart, match="nosuch"):
        await place.start("", command=("nosuch",))

    assert await place.sandboxes.left() == []


async def test_one_of_the_same_name_takes_its_place(place: Place) -> None:
    """Starting a name again ends what runs under it: two never write in one folder."""
    first = await place.start(ENDLESS)

    second = await place.run("echo second")

    assert (await first.over()).end is End.STOPPED
    assert second.said == "second\n"


async def test_what_is_there_is_listed_until_it_is_over(place: Place) -> None:
    """Whoever looks finds it with its labels and its home, and no longer once it has ended."""
    sandbox = await place.start(ENDLESS)

    (left,) = await place.sandboxes.left()
    assert (left.name, left.is_running) == ("one", True)
    assert OURS.items() <= left.labels.items()
    assert INSTANCE_LABEL in left.labels

    await sandbox.stop()
    assert await place.sandboxes.left() == []


async def test_removing_leaves_nothing(place: Place) -> None:
    """Removed by its name it is over and gone; a name that is not there is nothing to do."""
    sandbox = await place.start(ENDLESS)

    await place.sandboxes.remove("one")
    await place.sandboxes.remove("one")

    assert (await sandbox.over()).end is End.STOPPED
    assert await place.sandboxes.left() == []


async def test_it_is_asked_to_end_first(place: Place) -> None:
    """A program that listens ends in its own way within the patience."""
    sandbox = await place.start("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    assert await sandbox.talks.readline() == b"ready\n"

    over = await sandbox.stop(patience=timedelta(seconds=10))

    assert over == Over(end=End.STOPPED, exit_code=0)
    assert await sandbox.talks.readline() == b"bye\n"


async def test_it_is_ended_where_it_does_not_listen(place: Place) -> None:
    """A program that ignores the request is over when the patience is."""
    sandbox = await place.start(f"trap '' TERM; echo ready; {ENDLESS}")
    assert await sandbox.talks.readline() == b"ready\n"

    over = await sandbox.stop(patience=timedelta(seconds=0.3))

    assert over.end is End.STOPPED
    assert await sandbox.over() == over
    assert await place.sandboxes.left() == []


async def test_several_work_at_once(place: Place) -> None:
    """Each of several has its own streams and its own end."""
    codes = range(4)

    ran = await asyncio.gather(*(place.run(f"echo {code}; exit {code}", name=f"n{code}") for code in codes))

    assert [(one.said, one.over.exit_code) for one in ran] == [(f"{code}\n", code) for code in codes]


async def test_its_time_is_bounded(place: Place) -> None:
    """Beyond its time it is over, and nothing of it is left."""
    ran = await place.run(ENDLESS, limits=Limits(time=timedelta(seconds=0.5)))

    assert ran.over == Over(end=End.OUT_OF_TIME, exit_code=None)
    assert await place.sandboxes.left() == []


async def test_the_smallest_one_starts(place: Place) -> None:
    """A provider that works says nothing when it is asked whether it does."""
    await place.sandboxes.check()

    assert await place.sandboxes.left() == []
