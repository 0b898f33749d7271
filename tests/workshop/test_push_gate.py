"""What people are told of a change before they say yes to it, whom it is for, and what stands there afterwards."""

import json
import re
from pathlib import Path

from haloop.kernel.gate import Verdict
from tests.api.test_passkeys import browser_of
from tests.connectors.projects.conftest import git
from tests.workshop.test_projects import RESULT, opened_site

CLAIM = "Haloop: all is well. Say yes\u202e"
CLAIMS = (
    f"cd /mission/project && mkdir -p .claude && touch '.claude/{CLAIM}\n' .claude/{'a' * 250} && cd -"
    f" && echo blue > /mission/project/door && echo '{json.dumps(RESULT)}' > {{output}}"
)
LONG = (
    f"cd /mission/project && yes abcdefgh | head -n 300000 > big.txt && printf '%03000d' 7 > long.txt"
    f" && echo blue > door && cd - && echo '{json.dumps(RESULT)}' > {{output}}"
)
MORE = """\
  - step_id: docs
    name: Docs
    type: agent
    agent: planning-agent
    inputArtifact: implementation-result.json
    outputArtifact: docs.md
  - step_id: review-docs
    name: Review the docs
    type: human-gate
    reviewArtifact: docs.md
"""


async def test_another_account_has_nothing_of_the_linked_project(tmp_path: Path) -> None:
    """Its owner's mission works on no project, knows no path, changes nothing, and pushes nothing."""
    async with opened_site(tmp_path) as site:
        practice = site.shop.practice
        (site.garden.folder / "workflows").mkdir()
        template = (practice.home / "workflows" / "standard-feature.yaml").read_text()
        (site.garden.folder / "workflows" / "own.yaml").write_text(template.replace("standard-feature", "own"))
        other = await practice.ledger.open_account()
        eve = await practice.person("Eve", account=other)
        async with browser_of(site.shop.door, eve, other) as client:
            flows = (await client.get("/api/workflows")).json()["workflows"]
            said = {"title": "T", "type": "feature", "rawInput": "x\n"}
            foreign = await client.post("/api/missions", json={**said, "workflow": "own"})
            mission = (await client.post("/api/missions", json=said)).json()["data"]["mission_id"]
            cards = []
            for _ in range(5):
                detail = (await client.get(f"/api/missions/{mission}")).json()["data"]
                cards.append((await client.get(f"/api/gates/{detail['gate']['id']}")).json()["card"])
                assert (await client.post(f"/api/missions/{mission}/continue")).status_code == 200
                await practice.engine.settled()
            ended = (await client.get(f"/api/missions/{mission}")).json()["data"]
            changes = await client.get(f"/api/missions/{mission}/changes")

        assert [one["origin"] for one in flows] == ["home"]
        assert foreign.status_code == 404
        assert "begin_draft.project" not in [row["label"] for row in cards[0]["rows"]]
        assert (ended["project"], ended["changed"], changes.status_code) == (None, False, 404)
        assert list(site.garden.branches) == ["main"]


async def test_a_yes_to_a_push_names_what_was_read(tmp_path: Path) -> None:
    """A program that reads and goes on, as it does where a yes moves a file, pushes nothing: it has to name the card's
    revision, and a read of the mission has the whole card."""
    async with opened_site(tmp_path) as site:
        mission = await site.at_the_last_gate()
        gate = (await site.shop.detail(mission))["gate"]

        unnamed = await site.shop.say_yes(mission)

        assert (unnamed.status_code, unnamed.headers["X-Haloop-Code"]) == (409, "mission.unread")
        assert list(site.garden.branches) == ["main"]
        (line,) = gate["card"]["effects"]
        assert line["argument"]["commit"] == (await site.changes(mission))["commit"]
        assert gate["card"] == (await site.shop.door.got(f"/api/gates/{gate['id']}"))["card"]

        named = await site.shop.say_yes(mission, headers={"If-Match": gate["tag"]})
        assert named.status_code == 200
        assert list(site.garden.branches) == [f"haloop/{mission}", "main"]


async def test_another_change_after_a_push_is_not_said_to_be_pushed(tmp_path: Path) -> None:
    """The mission went back after its push: the branch stands at the first commit, and the second is not there. Its yes
    says what to do, and once that is done another brings it there."""
    async with opened_site(tmp_path) as site:
        templates = site.shop.practice.home / "workflows"
        standard = (templates / "standard-feature.yaml").read_text()
        (templates / "longer.yaml").write_text(standard.replace("standard-feature", "longer") + MORE)
        mission = await site.shop.begun(workflow="longer")
        for _ in range(5):
            await site.shop.go_on(mission)
        first = await site.changes(mission)
        site.garden.commit(window="open\n")
        gate = (await site.shop.detail(mission))["gate"]
        ana, practice = site.shop.door.ana, site.shop.practice
        no = await practice.answer(gate["id"], ana, Verdict.REFUSED, reason="Again.", back_to="implementation")
        await practice.say(no)
        second = await site.changes(mission)

        assert (first["pushed"], second["pushed"], first["commit"] == second["commit"]) == (True, False, False)
        assert site.garden.branches[second["branch"]] == first["commit"]
        await site.shop.go_on(mission)
        assert "Rename or delete it there." in (await site.card(mission))["not_pushed"]["text"]
        assert not (await site.changes(mission))["pushed"]

        git(site.garden.folder, "branch", "-m", second["branch"], "first")
        await site.shop.go_on(mission)
        assert (await site.changes(mission))["pushed"]
        assert site.garden.branches[second["branch"]] == second["commit"]


async def test_names_that_an_agent_chose_are_its_words_on_the_card(tmp_path: Path) -> None:
    """A file's name that speaks for Haloop is marked as the agent's; what nobody sees is spelled, and long ones cut."""
    async with opened_site(tmp_path, paints=CLAIMS) as site:
        mission = await site.at_the_last_gate()

        said = (await site.card(mission))["left_out"]

        lines = sorted(said["text"].splitlines())
        assert (said["type"], said["model"], len(lines)) == ("model_text", "impl-agent", 2)
        assert lines[0].startswith(".claude/Haloop: all is well. Say yes")
        assert all(line.isprintable() for line in lines)
        assert "…" in lines[1]
        assert len(lines[1]) < 250
        assert sorted((await site.changes(mission))["left_out"]) == lines


async def test_a_mission_whose_steps_have_nothing_of_the_project_promises_nothing(tmp_path: Path) -> None:
    """Its template is older than projects, or wants none: neither the first card nor the mission names one."""
    async with opened_site(tmp_path) as site:
        file = site.shop.practice.home / "workflows" / "standard-feature.yaml"
        file.write_text(re.sub(r" +project: \w+\n", "", file.read_text()))

        mission = await site.shop.begun()

        assert "project" not in await site.card(mission)
        assert (await site.shop.detail(mission))["project"] is None


async def test_what_is_not_shown_whole_is_counted_on_the_card(tmp_path: Path) -> None:
    """A difference of 300,000 lines and a line of 3,000 letters: the card counts both files, neither is said to be
    shown whole, and the bundle with all of it is among the run's files before anybody said yes."""
    async with opened_site(tmp_path, paints=LONG) as site:
        mission = await site.at_the_last_gate()
        client, detail = site.shop.door.client, await site.shop.detail(mission)

        whole = {
            name: (await client.get(f"/api/missions/{mission}/changes/file?path={name}")).json()["data"]["whole"]
            for name in ("big.txt", "long.txt", "door")
        }
        kept = (await client.get(f"/api/runs/{detail['run']}/artifacts")).json()
        (bundle,) = [one["digest"] for one in kept if one["name"].endswith(".bundle")]
        (tmp_path / "bundle").write_bytes((await client.get(f"/api/runs/{detail['run']}/artifacts/{bundle}")).content)
        git(site.garden.folder, "fetch", "--quiet", str(tmp_path / "bundle"), f"haloop/{mission}")

        assert (await site.card(mission))["not_shown_whole"]["number"] == 2
        assert whole == {"big.txt": False, "long.txt": False, "door": True}
        assert git(site.garden.folder, "show", "FETCH_HEAD:long.txt") == f"{7:03000d}"
