"""Many steps at once: each has its turn and says where it stands until then; there are never more than may be."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from haloop.connectors.agents.program import Program
from haloop.connectors.agents.session import Session
from haloop.connectors.agents.workplace import Workplace
from haloop.kernel.queueing import heard_by
from haloop.ports.agents import Asks, Made, Permission, Task, Worked
from haloop.ports.sandboxes import Sandbox, Work
from tests.connectors.agents.conftest import Works, shell
from tests.connectors.agents.plain import PlainSandbox, PlainSandboxes
from tests.connectors.agents.test_acp import playing
from tests.engines.outside import until

SLOW_SECONDS = 0.3
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


async def test_an_agent_gives_way_once_and_then_gets_on(works: Works) -> None:
    """It asks in other words each time it begins; others that want its place do not take it a second time."""
    works.at_once_max = 1
    agents, task = works.agents(Wavering()), await works.task()
    asked, questions = await agents.work(task), 0
    while isinstance(asked, Asks):
        questions += 1
        await agents.work(await works.task(run="run_2"))
        task = _answered(task, asked)
        asked = await agents.work(task)

    assert questions == 2
    assert works.made(asked) == "once\n# Done\n"


async def test_there_are_never_more_than_two_sandboxes_for_each_turn(works: Works) -> None:
    """Many agents that gave way wait again: whoever gave way least often does so once more."""
    works.at_once_max, works.sandboxes = 1, (counting := Counting())
    agents, tasks = works.agents(Wavering()), [await works.task(run=f"run_{number}") for number in range(4)]

    for _ in range(3):
        asked = [await agents.work(task) for task in tasks]
        tasks = [_answered(*one) for one in zip(tasks, asked, strict=True)]

    assert counting.most == 2


async def test_one_that_was_cancelled_keeps_its_place_until_its_sandbox_is_gone(works: Works) -> None:
    """Its turn is over at once, its sandbox takes a while: the next begins after that."""
    works.at_once_max, works.sandboxes = 1, (slow := SlowToGo())
    agents = works.agents(shell("cp {input} {output}"))
    first = asyncio.create_task(agents.work(await works.task()))
    await until(lambda: slow.is_going)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.create_task(agents.work(await works.task()))
    asyncio.get_running_loop().call_later(SLOW_SECONDS, slow.may_go.set)

    assert isinstance(await second, Made)
    assert not slow.came_early


async def test_at_the_end_all_sandboxes_go_also_those_that_are_going_already(works: Works) -> None:
    """A step is cancelled and the house closes: nothing of it is there any more."""
    works.sandboxes = slow = SlowToGo()
    agents = works.agents(shell("cp {input} {output}"))
    work = asyncio.create_task(agents.work(await works.task()))
    await until(lambda: slow.is_going)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    asyncio.get_running_loop().call_later(SLOW_SECONDS, slow.may_go.set)
    await agents.close()

    assert (works.work_folders(), slow.there) == ([], {})


async def test_a_yes_counts_once_however_often_its_agent_begins(works: Works) -> None:
    """It was told yes, made room for another and began anew: what was done under that yes is asked for again."""
    works.at_once_max = 1
    agents, task = works.agents(playing("run make\nrun push\nleave # Done")), await works.task()
    asked, makes = await agents.work(task), list[str]()
    while isinstance(asked, Asks):
        makes.append(asked.detail)
        if makes == ["make", "push"]:
            await agents.work(await works.task())
        task = _answered(task, asked)
        asked = await agents.work(task)

    assert makes == ["make", "push", "make"]
    assert works.log(task.attempt).count("It may: Run it") == 3  # push, which was said yes to meanwhile, only once
    assert works.made(asked) == "once\nonce\n# Done\n"


async def test_a_yes_counts_once_also_after_a_restart(works: Works) -> None:
    """Another process finds on disk which yeses were handed out; one that nobody has heard yet is handed out."""
    agents, task = works.agents(playing("run make\nrun push\nleave # Done")), await works.task()
    for _ in range(2):
        task = _answered(task, await agents.work(task))
    await agents.close()

    again = works.agents(playing("run make\nrun push\nleave # Done"))
    asked = await again.work(task)

    assert isinstance(asked, Asks)
    assert asked.detail == "make"
    assert works.made(await again.work(_answered(task, asked))) == "once\nonce\n# Done\n"


async def test_an_agent_whose_answer_comes_while_it_is_ended_begins_after_that(works: Works) -> None:
    """Its sandbox takes a while to go: what begins anew under its name is not taken away with it."""
    works.sandboxes = slow = SlowToGo()
    agents, task = works.agents(playing(ASKS)), await works.task()
    asked = await agents.work(task)

    leaving = asyncio.create_task(agents.let_go(task.attempt))
    await until(lambda: slow.is_going)
    asyncio.get_running_loop().call_later(SLOW_SECONDS, slow.may_go.set)
    worked = await agents.work(_answered(task, asked))
    await leaving

    assert works.made(worked) == "once\n# Done\n"
    assert (works.work_folders(), works.sandboxes.there) == ([], {})


@dataclass
class SlowToGo(PlainSandboxes):
    """A provider that removes nothing before it may, or before there is another that it could take for the first."""

    is_going: bool = False
    came_early: bool = False
    may_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, work: Work) -> PlainSandbox:
        if self.is_going:
            self.came_early = not self.may_go.is_set()
            self.may_go.set()
        return await super().start(work)

    async def remove(self, name: str) -> None:
        self.is_going = True
        await self.may_go.wait()
        await super().remove(name)


@dataclass
class Counting(PlainSandboxes):
    """A provider that knows how many there ever were at once."""

    most: int = 0

    async def start(self, work: Work) -> PlainSandbox:
        started = await super().start(work)
        self.most = max(self.most, len(self.there))
        return started


@dataclass
class Wavering:
    """A driver whose agent never asks in the same words twice, as models do not."""

    begun: int = 0

    def program(self, task: Task) -> Program:
        self.begun += 1
        return playing(f"run make -j{self.begun}\nleave # Done").program(task)

    async def session(self, sandbox: Sandbox, place: Workplace, task: Task, prompt: str) -> Session:
        return await playing("").session(sandbox, place, task, prompt)


def _has_begun(works: Works, task: Task) -> bool:
    return any(one.name == f"haloop-{task.attempt}" for one in works.sandboxes.works)


def _answered(task: Task, asked: Worked) -> Task:
    assert isinstance(asked, Asks)
    yes = Permission(act=asked.act, allowed=True)
    return task.model_copy(update={"permissions": (*task.permissions, yes)})
