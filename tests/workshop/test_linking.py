"""The linked project over HTTP: what `haloop link` does, for an owner of the home and nobody else."""

from pathlib import Path

import pytest

from haloop.kernel.people import Role
from haloop.settings import Settings
from tests.api.conftest import client_of
from tests.api.test_passkeys import browser_of
from tests.connectors.projects.conftest import Garden, git, made_garden
from tests.workshop.conftest import Shop

LINKED = "/api/projects/linked"


@pytest.fixture
def garden(tmp_path: Path) -> Garden:
    return made_garden(tmp_path)


async def test_an_owner_links_looks_and_unlinks(shop: Shop, garden: Garden) -> None:
    """It is written into the home's file, counts at once, and a folder inside means the whole work tree."""
    client, home = shop.door.client, shop.practice.home
    assert (await client.get(LINKED)).json() == {"path": None, "branch": None, "commit": None, "problem": None}
    (garden.folder / "beds").mkdir()

    linked = await client.put(LINKED, json={"path": str(garden.folder / "beds")})

    commit = git(garden.folder, "rev-parse", "HEAD")
    assert linked.json() == {"path": str(garden.folder), "branch": "main", "commit": commit, "problem": None}
    assert Settings.read({}, home=home).project_linked == garden.folder
    assert (await client.get(LINKED)).json() == linked.json()

    assert (await client.delete(LINKED)).json()["path"] is None
    assert Settings.read({}, home=home).project_linked is None
    assert "# linked = " in (home / "config.toml").read_text()


async def test_what_is_no_project_is_refused_with_a_sentence(shop: Shop, tmp_path: Path) -> None:
    """No work tree, no path from the root, or what no path can be: nothing is written."""
    for path, code in (
        (str(tmp_path), "link.no_work_tree"),
        ("garden", "link.relative"),
        (f"{tmp_path}/a\0b", "link.no_work_tree"),
    ):
        answer = await shop.door.client.put(LINKED, json={"path": path})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not (shop.practice.home / "config.toml").exists()


async def test_a_project_that_is_gone_is_told(shop: Shop, garden: Garden) -> None:
    """It is still linked, and it is said why no step could begin with it."""
    await shop.door.client.put(LINKED, json={"path": str(garden.folder)})
    garden.folder.rename(garden.folder.with_name("away"))

    told = (await shop.door.client.get(LINKED)).json()

    assert told["path"] == str(garden.folder)
    assert "is not there any more" in told["problem"]


async def test_the_environment_wins_and_it_is_said(
    shop: Shop, garden: Garden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is written down does not count while a variable says something else."""
    monkeypatch.setenv("HALOOP_PROJECT_LINKED", str(tmp_path))

    answer = await shop.door.client.put(LINKED, json={"path": str(garden.folder)})

    assert (answer.status_code, answer.json()["code"]) == (422, "link.environment")
    assert (await shop.door.client.get(LINKED)).json()["path"] == str(tmp_path)


async def test_only_an_owner_of_the_home_links(shop: Shop, garden: Garden) -> None:
    """A stranger is asked who they are; a viewer, an approver, an agent and another account's owner are refused."""
    other = await shop.practice.ledger.open_account()
    vic = await shop.practice.person("Vic", Role.VIEWER)
    pia = await shop.practice.person("Pia", Role.APPROVER)
    eve = await shop.practice.person("Eve", account=other)
    async with (
        client_of(shop.door.address, None) as stranger,
        browser_of(shop.door, vic) as viewer,
        browser_of(shop.door, pia) as approver,
        browser_of(shop.door, eve, other) as owner,
        await shop.door.agent() as agent,
    ):
        for client, status in ((stranger, 401), (viewer, 403), (approver, 403), (owner, 403), (agent, 403)):
            for method in ("GET", "PUT", "DELETE"):
                answer = await client.request(method, LINKED, json={"path": str(garden.folder)})
                assert answer.status_code == status, (method, answer.text)
    assert Settings.read({}, home=shop.practice.home).project_linked is None
