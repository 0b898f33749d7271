"""What people are told of a change before they say yes to it, whom it is for, and what stands there afterwards."""

from pathlib import Path

from tests.api.test_passkeys import browser_of
from tests.workshop.test_projects import opened_site


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
