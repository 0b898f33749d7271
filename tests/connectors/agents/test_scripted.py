"""The agent that ships, without a model, in the sandbox that ships: what a first look at missions is made of."""

from pathlib import Path

import pytest

from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.agents_file import read_agents
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.scripted import SCRIPTED_MODES, scripted_program
from haloop.ports.agents import Artifact, Autonomy, Check, ImplementationResult, Made, Task
from haloop.ports.projects import Copy, Use
from tests.connectors.agents.conftest import Works
from tests.connectors.projects.conftest import made_garden

RAW = """Dark mode for the settings page

People work at night. The page must follow what the system says, and it should be switchable by hand.

- remember the choice in the browser
- never flash white while it loads

What about the printed view?
"""
STEPS = {
    "cleanup-agent": ("structured-text.md", (Check.MARKDOWN_HEADING, Check.NOT_EMPTY)),
    "research-agent": ("research-output.md", (Check.MARKDOWN_HEADING, Check.NOT_EMPTY)),
    "planning-agent": ("implementation-plan.md", (Check.MARKDOWN_HEADING, Check.NOT_EMPTY)),
    "impl-agent": ("implementation-result.json", (Check.IMPLEMENTATION_RESULT,)),
}


async def given(house: Works, text: str, name: str = "raw-input.md") -> Artifact:
    return await house.files.keep("acc_ana", "run_1", name, text.encode())


async def test_the_four_steps_follow_from_a_paragraph(house: Works) -> None:
    """Each makes of the one before it what a person can read and approve, in the words of whoever asked."""
    agents, artifact, made = read_agents(), await given(house, RAW), dict[str, str]()
    for agent, (output, checks) in STEPS.items():
        task = await house.task(agent=agent, given=artifact, output=output, checks=checks)
        worked = await house.agents(agents[agent], agent).work(task)
        assert isinstance(worked, Made), worked
        artifact, made[agent] = worked.artifact, house.made(worked)

    assert made["cleanup-agent"].startswith("# Dark mode for the settings page\n\n## What is wanted\n")
    assert "- never flash white while it loads" in made["cleanup-agent"]
    assert "- What about the printed view?" in made["cleanup-agent"]
    assert "No project is linked" in made["research-agent"]
    assert "2. never flash white while it loads" in made["planning-agent"]
    assert "- What about the printed view?" in made["planning-agent"]
    result = ImplementationResult.model_validate_json(made["impl-agent"])
    assert (result.status, result.files_created) == ("blocked", ())
    assert house.work_folders() == []


async def test_it_looks_at_the_project_and_leaves_a_page_there(house: Works) -> None:
    """Where there is a project, the plan is a file of it, and the result names just that; what it read, it names."""

    def beside_a_project(task: Task) -> Program:
        project = house.missions / task.mission / "work" / task.attempt / "project"
        (project / "src").mkdir(parents=True)
        (project / "src" / "settings.py").write_text("# the settings page, always white")
        (project / "src" / "away").symlink_to("/etc/passwd")
        return scripted_program(task)

    driver = AcpAgent(beside_a_project)
    research = await house.task(agent="research-agent", given=await given(house, RAW), output="research-output.md")
    found = house.made(await house.agents(driver, "research-agent").work(research))
    plan = await given(house, "# Dark mode\n\n## Steps\n\n1. Do it", "implementation-plan.md")
    implement = await house.task(agent="impl-agent", given=plan, output="implementation-result.json")
    worked = await house.agents(driver, "impl-agent").work(implement)

    result = ImplementationResult.model_validate_json(house.made(worked))
    assert "- `src/settings.py`: 3 of the words" in found
    assert "passwd" not in found
    assert (result.status, result.files_created, result.files_modified) == ("partial", ("docs/dark-mode.md",), ())


async def test_where_its_step_looks_the_project_stays_as_it_is(house: Works, tmp_path: Path) -> None:
    """It is set to its mode for that, and git finds nothing new there; its file it leaves all the same."""
    garden = made_garden(tmp_path)
    base = await garden.repositories.pin(garden.project)
    plan = await given(house, "# Dark mode\n\n## Steps\n\n1. Do it", "implementation-plan.md")
    step = {"agent": "impl-agent", "given": plan, "output": "implementation-result.json"}
    agents = house.agents(AcpAgent(scripted_program, SCRIPTED_MODES), "impl-agent")

    looked, asked = [
        await agents.work(
            await house.task(**step, autonomy=one, project=Copy(base=base, use=Use.CHANGE, title="Dark mode"))
        )
        for one in (Autonomy.LOOK, Autonomy.ASK)
    ]

    assert ImplementationResult.model_validate_json(house.made(looked)).status == "blocked"
    assert isinstance(looked, Made)
    assert looked.change is None
    assert isinstance(asked, Made)
    assert asked.change is not None
    assert (asked.change.files, asked.change.removed) == (1, 0)


async def test_the_reason_it_was_sent_back_for_is_in_what_it_makes_anew(house: Works) -> None:
    """Whoever sent it back finds their words again."""
    task = await house.task(given=await given(house, RAW), why="Say what happens on paper.\nAnd keep it short.")

    worked = await house.agents(AcpAgent(scripted_program)).work(task)

    reason = "> Say what happens on paper.\n> And keep it short.\n"
    assert house.made(worked).endswith(f"## Why it was done again\n\n{reason}")


@pytest.mark.parametrize("text", ["?", "\n\n\n# \n", "- \n-", "x" * 100_000, "\x1b[31m\x00", "a.b.c." * 20_000])
async def test_it_makes_something_of_any_text(house: Works, text: str) -> None:
    """Nobody's first try ends with a program that fell over."""
    task = await house.task(given=await given(house, text), checks=(Check.MARKDOWN_HEADING, Check.NOT_EMPTY))

    worked = await house.agents(AcpAgent(scripted_program)).work(task)

    assert isinstance(worked, Made)


async def test_its_log_says_what_it_did(house: Works) -> None:
    """Whoever watches sees it read, be allowed to write, and leave its file."""
    worked = await house.agents(AcpAgent(scripted_program)).work(await house.task())

    assert isinstance(worked, Made)
    assert house.said(worked) == (
        "[haloop] It is scripted 1.\n"
        "I read /mission/artifacts/raw-input.md.\n"
        "[haloop] It may, in its own folder: Write structured-text.md\n"
        "I left /mission/artifacts/structured-text.md.\n"
    )


async def test_the_mock_needs_only_a_shell(house: Works) -> None:
    """The plans' stand-in works in the real sandbox as it does outside."""
    worked = await house.agents().work(await house.task())

    assert house.made(worked).startswith("# Output from Cleanup\n")
