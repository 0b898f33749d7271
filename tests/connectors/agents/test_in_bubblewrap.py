"""What holds of agents holds in the sandbox that ships, too: they wait, end and are stopped in it as they should."""

import asyncio
import resource
from pathlib import Path

import pytest

from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.scripted import scripted_program
from haloop.ports.agents import Asks, Fell, Made, Permission, Task
from haloop.ports.projects import Copy, Use
from tests.connectors.agents.conftest import Works, shell
from tests.connectors.projects.conftest import made_garden
from tests.engines.outside import until

ACTOR = Path(__file__).parent / "actor.py"


def playing(script: str) -> AcpAgent:
    """The actor, with the Python that the scripted agent brings."""

    def program(task: Task) -> Program:
        brought = scripted_program(task)
        command = (brought.command[0], "/opt/actor.py", script, brought.command[-1])
        return Program(command=command, readable={**brought.readable, "/opt/actor.py": ACTOR})

    return AcpAgent(program)


async def test_an_agent_waits_in_its_sandbox_for_the_answer(house: Works) -> None:
    """It asks, stays where it is, and goes on with what it was told."""
    agents, task = house.agents(playing("run make\nleave # Done")), await house.task()
    asked = await agents.work(task)
    assert isinstance(asked, Asks)
    assert house.real is not None
    assert [left.name for left in await house.real.left()] == [f"haloop-{task.attempt}"]

    yes = Permission(act=asked.act, allowed=True)
    worked = await agents.work(task.model_copy(update={"permissions": (yes,)}))

    assert house.made(worked) == "once\n# Done\n"


async def test_a_message_without_end_is_not_waited_for(house: Works) -> None:
    """The agent that sends it is stopped, with what nobody has read."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    worked = await house.agents(playing("shout 100000000\nleave # Done")).work(await house.task())

    assert isinstance(worked, Fell)
    assert worked.reason == "It sent a message of more than 524288 bytes, and was stopped."
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


@pytest.mark.parametrize("driver", [playing("say begun\nsleep"), shell("echo begun; yes")])
async def test_a_cancelled_step_leaves_no_sandbox(house: Works, driver: AcpAgent) -> None:
    """One that waits and one that talks without end are stopped alike, and nothing of them is left."""
    task = await house.task()
    working = asyncio.create_task(house.agents(driver).work(task))
    await until(lambda: "begun" in house.log(task.attempt))

    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert house.work_folders() == []


async def test_an_agent_reaches_nothing_but_its_folder(house: Works) -> None:
    """No other mission, no home, no process of this machine, and nobody over the network."""
    other = house.missions / "m-other"
    other.mkdir(parents=True)
    looked = f"ls {other} /root {Path.home()}; ls /proc | grep -c '^[0-9]'; echo x > /usr/x; cat < /dev/tcp/1.1.1.1/80"

    worked = await house.agents(shell(f"({looked}) > {{output}} 2>/dev/null; touch {{output}}")).work(
        await house.task()
    )

    assert isinstance(worked, Made)
    assert int(house.made(worked).split()[-1]) < 10
    assert "m-other" not in house.made(worked)


async def test_many_agents_work_at_once(house: Works) -> None:
    """Eight scripted steps, each in a sandbox of its own."""
    agents = house.agents(AcpAgent(scripted_program))

    worked = await asyncio.gather(*[agents.work(await house.task()) for _ in range(8)])

    assert all(isinstance(one, Made) for one in worked)
    assert house.work_folders() == []


async def test_what_a_project_tells_agents_cannot_be_changed_in_the_sandbox(house: Works, tmp_path: Path) -> None:
    """An agent reads it and writes beside it; to write in it, take it away or put something else there is refused."""
    garden = made_garden(tmp_path)
    base = await garden.repositories.pin(garden.project)
    tries = (
        "cd /mission/project && echo mine > AGENTS.md; rm -f AGENTS.md; mv AGENTS.md x; echo blue > door;"
        " cat AGENTS.md > {output}; git log --oneline | wc -l >> {output}"
    )

    worked = await house.done(tries, project=Copy(base=base, use=Use.CHANGE, title="Blue"))

    assert house.made(worked) == "Be kind.\n1\n"
    assert isinstance(worked, Made)
    assert worked.change is not None
    assert (worked.change.files, worked.change.left_out) == (1, ())
    assert not house.work_folders()
