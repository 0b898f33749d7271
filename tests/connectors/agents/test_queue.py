"""Many steps at once: each has its turn and says where it stands until then; there are never more than may be."""

import asyncio
from functools import partial

from haloop.kernel.queueing import heard_by
from haloop.ports.agents import Asks, Made, Permission, Task, Worked
from tests.connectors.agents.conftest import Works, shell
from tests.connectors.agents.test_acp import playing
from tests.engines.outside import until

ASKS = "run make\nleave # Done"


async def test_no_more_are_at_work_than_may_be_and_the_others_say_where_they_stand(works: Works) -> None:
    """Three steps, one place: each begins when the one before it is gone, and all are done."""
    works.at_once_max = 1
    agents, heard = works.agents(shell("cp {input} {output}")), list[tuple[int, str, int]]()

    async def work(number: int) -> Worked:
        with heard_by(lambda what, place: heard.append((number, what, place))):
            return await agents.work(await works.task())

    worked = await asyncio.gather(*map(work, range(3)))

    assert [type(one) for one in worked] == [Made] * 3
    assert heard == [(1, "sandbox", 1), (2, "sandbox", 2), (1, "sandbox", 0), (2, "sandbox", 1), (2, "sandbox", 0)]


async def test_a_step_that_is_cancelled_while_it_waits_leaves_the_queue(works: Works) -> None:
    """It has started nothing, and the one behind it is next."""
    works.at_once_max = 1
    agents = works.agents(shell("while [ ! -e go ]; do sleep 0.01; done; cp {input} {output}"))
    tasks = [await works.task() for _ in range(3)]
    first, second, third = (asyncio.create_task(agents.work(task)) for task in tasks)
    await until(lambda: bool(works.sandboxes.works))

    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    for task, worked in ((tasks[0], first), (tasks[2], third)):
        await until(partial(_has_begun, works, task))
        (works.missions / works.mission / "work" / task.attempt / "go").touch()
        assert isinstance(await worked, Made)
    assert [one.name for one in works.sandboxes.works] == [f"haloop-{tasks[0].attempt}", f"haloop-{tasks[2].attempt}"]


async def test_an_agent_that_waits_for_a_person_keeps_nobody_else_from_working(works: Works) -> None:
    """One place: while an agent waits for an answer another asks too; both are answered later, and both are done.

    The first made room, so it is asked anew and told the answer; the second is where it was.
    """
    works.at_once_max = 1
    agents, tasks = works.agents(playing(ASKS)), [await works.task() for _ in range(2)]

    asked = [await agents.work(task) for task in tasks]
    assert [one.name for one in works.sandboxes.works] == [f"haloop-{task.attempt}" for task in tasks]
    assert list(works.sandboxes.there) == [f"haloop-{tasks[1].attempt}"]
    worked = [await agents.work(_answered(*one)) for one in reversed(list(zip(tasks, asked, strict=True)))]

    assert [works.made(one) for one in worked] == ["once\n# Done\n"] * 2
    assert len(works.sandboxes.works) == 3
    assert works.sandboxes.there == {}


def _has_begun(works: Works, task: Task) -> bool:
    return any(one.name == f"haloop-{task.attempt}" for one in works.sandboxes.works)


def _answered(task: Task, asked: Worked) -> Task:
    assert isinstance(asked, Asks)
    return task.model_copy(update={"permissions": (Permission(act=asked.act, allowed=True),)})
