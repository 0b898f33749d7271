"""Missions that work on a project: an agent changes its own copy, and a person's yes makes a branch of it, once."""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from haloop.connectors.agents.agents import SandboxedAgents, sandboxed_agents
from haloop.connectors.agents.command import CommandAgent, mock_program
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.session import Driver
from haloop.connectors.projects.repositories import (
    DEADLINE,
    SETTLED_AFTER,
    Repositories,
    linked_repositories,
    look_up,
)
from haloop.desks.missions.mission import run_of_mission
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Absent, Call, Found, NotDone, Unknown, effect, queryable
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import RunId
from haloop.kernel.people import Role
from haloop.ports.projects import Base, Caution, Change, Project, Projects, Push, Pushed, Standing
from haloop.store.verify import verify_home
from haloop.workshop.files import LedgerFiles
from tests.api.test_passkeys import browser_of
from tests.connectors.agents.conftest import PROMPTS, shell
from tests.connectors.agents.plain import PlainSandboxes
from tests.connectors.gateway.conftest import gateway
from tests.connectors.projects.conftest import Garden, git, made_garden
from tests.workshop.conftest import Shop, opened_shop

RESULT = {"status": "completed", "filesCreated": [], "filesModified": ["door"], "testsAdded": [], "notes": "Blue."}
PAINTS = f"echo blue > /mission/project/door && echo '{json.dumps(RESULT)}' > {{output}}"
STEPS_BEFORE = 5
"""So often somebody says yes until the last gate is open."""


@dataclass(kw_only=True)
class Site:
    """A house whose agents work on a garden."""

    shop: Shop
    garden: Garden

    async def at_the_last_gate(self) -> str:
        """A mission whose change waits for people."""
        mission = await self.shop.begun()
        for _ in range(STEPS_BEFORE - 1):
            answer = await self.shop.go_on(mission)
            assert answer.status_code == 200, answer.text
        return mission

    async def card(self, mission: str) -> dict[str, Any]:
        """What is shown to whoever is asked."""
        gate = (await self.shop.detail(mission))["gate"]["id"]
        said = await self.shop.door.got(f"/api/gates/{gate}")
        card: dict[str, Any] = said["card"]
        return {"effects": card["effects"], **{row["label"].split(".")[1]: row["value"] for row in card["rows"]}}

    async def changes(self, mission: str) -> dict[str, Any]:
        return dict((await self.shop.door.got(f"/api/missions/{mission}/changes"))["data"])

    async def kinds(self, mission: str) -> list[str]:
        return await self.shop.practice.kinds(RunId(run_of_mission(mission)))


@asynccontextmanager
async def opened_site(folder: Path, *, paints: str = PAINTS, speaks: Any = None) -> AsyncIterator[Site]:
    garden = made_garden(folder)
    opened = list[SandboxedAgents]()

    def agents(files: LedgerFiles) -> Sequence[Connector]:
        copies: Driver = CommandAgent(mock_program)
        drivers = dict.fromkeys(("cleanup-agent", "research-agent", "planning-agent"), copies)
        opened.append(
            SandboxedAgents(
                {**drivers, "impl-agent": shell(paints)},
                missions=folder / "missions",
                files=files,
                sandboxes=PlainSandboxes(),
                prompts=Prompts(PROMPTS),
                at_once_max=4,
                gateway=no_models,
            )
        )
        git_ = Connector(port=Projects, speaks=speaks(files), name="git") if speaks else None
        return [sandboxed_agents(opened[0]), git_ or linked_repositories(Repositories(files))]

    with gateway(folder) as no_models:
        async with opened_shop(folder, agents=agents, project=garden.folder) as shop:
            yield Site(shop=shop, garden=garden)
        await opened[0].close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """One whose ledger verifies afterwards, whatever happened there."""
    async with opened_site(tmp_path) as site:
        yield site
    assert verify_home(tmp_path / "home").ok


async def test_a_yes_to_the_last_gate_makes_a_branch_of_what_was_changed(site: Site) -> None:
    """The card names repository, branch, base, commit and counts; the receipt and the branch say the same."""
    base = git(site.garden.folder, "rev-parse", "HEAD")
    mission = await site.at_the_last_gate()
    before = site.garden.branches

    card = await site.card(mission)
    (line,) = card["effects"]
    detail = await site.shop.detail(mission)
    result = json.loads(detail["artifacts"]["implementation-result.json"])
    branch = f"haloop/{mission}"
    assert line["operation"] == "Projects.push"
    assert {**line["argument"], "run": 0, "bundle": 0} == {
        "repository": str(site.garden.folder),
        "branch": branch,
        "base": base,
        "commit": result["commit"],
        "files": 1,
        "added": 1,
        "removed": 1,
        "run": 0,
        "bundle": 0,
    }
    assert (result["branch"], result["notes"], detail["gate"]["pushes"]) == (branch, "Blue.", True)
    assert sorted(detail["artifacts"]) == [
        "implementation-plan.md",
        "implementation-result.json",
        "raw-input.md",
        "research-output.md",
        "structured-text.md",
    ]
    assert before == {"main": base}

    assert (await site.shop.go_on(mission)).status_code == 200

    assert site.garden.branches == {"main": base, branch: result["commit"]}
    assert git(site.garden.folder, "show", f"{branch}:door") == "blue"
    assert (await site.shop.detail(mission))["status"] == "completed"
    assert (await site.changes(mission))["pushed"]
    assert (await site.kinds(mission)).count("effect.happened") == 1


async def test_the_difference_is_read_file_by_file(site: Site) -> None:
    """The list has no lines; each file's are asked for alone, also when the repository is gone."""
    mission = await site.at_the_last_gate()
    shutil.rmtree(site.garden.folder)

    said = await site.changes(mission)
    lines = (await site.shop.door.got(f"/api/missions/{mission}/changes/file?path=door"))["data"]

    assert [(one["path"], one["kind"], one["added"], one["removed"]) for one in said["files"]] == [
        ("door", "changed", 1, 1)
    ]
    assert (said["base_branch"], said["pushed"]) == ("main", False)
    assert ([one["lines"] for one in lines["hunks"]], lines["whole"]) == ([["-red", "+blue"]], True)
    unknown = await site.shop.door.client.get(f"/api/missions/{mission}/changes/file?path=window")
    assert (unknown.status_code, unknown.headers["X-Haloop-Code"]) == (404, "mission.no_such_file")
    vic = await site.shop.practice.person("Vic", Role.VIEWER)
    async with browser_of(site.shop.door, vic) as viewer:
        assert (await viewer.get(f"/api/missions/{mission}/changes")).status_code == 200


async def test_of_a_long_difference_the_lines_of_one_file_are_opened_alone(tmp_path: Path) -> None:
    """The bytes of another file's lines are not looked at: where they are broken, this one is read all the same."""
    leaves = (
        "cd /mission/project",
        "seq 1000 > first && seq 100000 > last",
        f"echo '{json.dumps(RESULT)}' > {{output}}",
    )
    async with opened_site(tmp_path, paints=" && ".join(leaves)) as site:
        mission = await site.at_the_last_gate()
        (patch,) = [one for one in (tmp_path / "home" / "artifacts").rglob("*") if one.stat().st_size > 500_000]
        content = bytearray(patch.read_bytes())
        content[-1] ^= 1
        patch.write_bytes(content)

        read = {
            path: await site.shop.door.client.get(f"/api/missions/{mission}/changes/file?path={path}")
            for path in ("first", "last")
        }

    (hunk,) = read["first"].json()["data"]["hunks"]
    assert hunk["lines"][-1] == "+1000"
    assert read["last"].status_code == 500


async def test_what_cannot_be_seen_of_a_file_is_said(tmp_path: Path) -> None:
    """A line that goes on, bytes that are no text, a file that may be run now: what is shown does not pass for all."""
    leaves = (
        "cd /mission/project && chmod +x door",
        "head -c 3000 /dev/zero | tr '\\0' x > long",
        f"head -c 9 /dev/zero > raw && echo '{json.dumps(RESULT)}' > {{output}}",
    )
    async with opened_site(tmp_path, paints=" && ".join(leaves)) as site:
        mission = await site.at_the_last_gate()

        read = {
            path: (await site.shop.door.got(f"/api/missions/{mission}/changes/file?path={path}"))["data"]
            for path in ("door", "long", "raw")
        }

    assert {path: (one["whole"], one["file"]["runs"]) for path, one in read.items()} == {
        "door": (True, True),
        "long": (False, None),
        "raw": (False, None),
    }


async def test_to_change_what_was_said_is_no_push(site: Site) -> None:
    """The result is edited at its gate: another revision with the same commit, and nothing is pushed by it."""
    mission = await site.at_the_last_gate()
    commit = (await site.card(mission))["effects"][0]["argument"]["commit"]

    saved = await site.shop.save(mission, "implementation-result.json", "{}\n")

    assert saved.status_code == 200, saved.text
    card = await site.card(mission)
    assert card["effects"][0]["argument"]["commit"] == commit
    assert card["edited"] == {"type": "yes_no", "yes": True}
    assert list(site.garden.branches) == ["main"]


async def test_a_no_pushes_nothing_and_the_step_is_done_anew(site: Site) -> None:
    """Its change is forgotten; the next attempt's is based on what is committed then."""
    mission = await site.at_the_last_gate()
    first = (await site.changes(mission))["commit"]
    later = site.garden.commit(window="open\n")
    detail = await site.shop.detail(mission)
    ana = site.shop.door.ana
    practice = site.shop.practice
    answer = await practice.answer(
        detail["gate"]["id"], ana, Verdict.REFUSED, reason="Lighter.", back_to="implementation"
    )
    await practice.say(answer)

    second = await site.changes(mission)
    assert (second["base"], second["commit"] == first) == (later, False)
    assert list(site.garden.branches) == ["main"]


async def test_a_branch_that_cannot_be_moved_is_told_and_asked_again(site: Site) -> None:
    """Somebody else made that branch: the yes is used up, nothing moves, the next card says why; then it works."""
    mission = await site.at_the_last_gate()
    branch = f"haloop/{mission}"
    other = site.garden.commit(window="open\n")
    git(site.garden.folder, "branch", branch)

    await site.shop.go_on(mission)

    card = await site.card(mission)
    assert "which this does not follow. Rename or delete it there. Nothing was pushed." in card["not_pushed"]["text"]
    assert [one["key"] for one in card["cautions"]["items"]] == [Caution.MOVED, Caution.BRANCH_TAKEN]
    assert site.garden.branches[branch] == other
    detail = await site.shop.detail(mission)
    assert (detail["status"], detail["current_step"]) == ("waiting_human", 7)

    git(site.garden.folder, "branch", "-D", branch)
    await site.shop.go_on(mission)
    assert site.garden.branches[branch] == (await site.changes(mission))["commit"]
    assert (await site.shop.detail(mission))["status"] == "completed"


async def test_what_stands_in_the_way_of_a_step_is_said_and_it_is_tried_again(site: Site) -> None:
    """The project is gone when its step begins: the mission waits and says so, and goes on when it is back."""
    mission = await site.shop.begun()
    away = site.garden.folder.with_name("away")
    site.garden.folder.rename(away)
    await site.shop.go_on(mission)
    await site.shop.go_on(mission)

    detail = await site.shop.detail(mission)
    assert (detail["status"], detail["gate"]["asks"]) == ("failed", "again")
    assert "is not there any more. Put it back, and try again." in detail["last_error"]

    away.rename(site.garden.folder)
    await site.shop.go_on(mission)
    assert (await site.shop.detail(mission))["gate"]["artifact"] == "research-output.md"


async def test_where_nothing_was_changed_nothing_is_pushed(tmp_path: Path) -> None:
    """The last gate is about the file alone, and a commit that the agent claims is not believed."""
    lies = {**RESULT, "branch": "main", "commit": "0" * 40}
    async with opened_site(tmp_path, paints=f"echo '{json.dumps(lies)}' > {{output}}") as site:
        mission = await site.at_the_last_gate()

        assert (await site.card(mission))["effects"] == []
        said = json.loads((await site.shop.detail(mission))["artifacts"]["implementation-result.json"])
        assert (said["branch"], said["commit"]) == (None, None)
        await site.shop.go_on(mission)
        assert (await site.shop.detail(mission))["status"] == "completed"
        assert list(site.garden.branches) == ["main"]


class Unplugged:
    """Repositories of a machine that is killed when a branch was pushed, before anybody heard of it."""

    def __init__(self, real: Repositories) -> None:
        self.real = real
        self.kill: Callable[[], None] = lambda: None

    async def pin(self, project: Project) -> Base:
        return await self.real.pin(project)

    async def beside(self, account: str, run: str, change: Change) -> Standing:
        return await self.real.beside(account, run, change)

    async def look(self, push: Push, call: Call) -> Found[Pushed] | Absent | Unknown:
        return await look_up(self.real, push, call)

    @effect(deadline=DEADLINE, recovery=queryable(look, settled_after=SETTLED_AFTER))
    async def push(self, push: Push, call: Call) -> Pushed | NotDone:
        pushed = await self.real.push(push, call)
        self.kill()
        return pushed


async def test_killed_between_the_push_and_its_record_there_is_one_branch_and_one_receipt(tmp_path: Path) -> None:
    """After the restart it is looked for and found; nothing is pushed twice, and the ledger verifies."""
    spoken = list[Unplugged]()

    def speaks(files: LedgerFiles) -> Unplugged:
        spoken.append(Unplugged(Repositories(files)))
        return spoken[0]

    async with opened_site(tmp_path, speaks=speaks) as site:
        mission, practice = await site.at_the_last_gate(), site.shop.practice
        run = RunId(run_of_mission(mission))
        commit = (await site.changes(mission))["commit"]
        spoken[0].kill = practice.pull_plug
        await practice.say(await practice.answer(practice.gate_of(run), site.shop.door.ana, Verdict.APPROVED))
        assert site.garden.branches[f"haloop/{mission}"] == commit
        assert "effect.happened" not in await practice.kinds(run)

        await practice.crash()
        await practice.move(timedelta(minutes=10))

        ended = await practice.ended(run)
        kinds = await practice.kinds(run)
        assert ended.code == "done"
        assert [kinds.count(kind) for kind in ("effect.intended", "effect.happened", "effect.resent")] == [1, 1, 0]
        assert site.garden.branches == {"main": site.garden.branches["main"], f"haloop/{mission}": commit}
    assert verify_home(tmp_path / "home").ok
