"""Every route of missions, walked: nobody gets in without rights, and nothing of another account is there."""

from collections.abc import Iterator

from haloop.kernel.people import Role
from tests.api.conftest import client_of
from tests.api.test_passkeys import browser_of
from tests.workshop.conftest import Shop

BODIES = {
    ("POST", "/api/missions"): {"title": "x", "type": "fix", "rawInput": "x"},
    ("PUT", "/api/missions/{mission}/artifacts/{filename}"): {"content": "x"},
    ("POST", "/api/missions/{mission}/artifacts/{filename}/put-back"): {"digest": "0" * 64},
    ("POST", "/api/missions/{mission}/artifacts/{filename}/take"): {"digest": "0" * 64},
}
NOBODY = "m-00000000-0000-0000-0000-000000000000"


def routes(shop: Shop) -> Iterator[tuple[str, str]]:
    paths = shop.door.app.openapi()["paths"]
    yield from (
        (method.upper(), path)
        for path, methods in paths.items()
        if path.startswith("/api/missions")
        for method in methods
    )


def where(path: str, mission: str, filename: str) -> str:
    return path.format(mission=mission, filename=filename) + ("?path=door" if path.endswith("/file") else "")


async def test_there_are_the_plan_s_six_and_five_for_the_log_changes_and_what_was_written_by_hand(shop: Shop) -> None:
    """No more, no fewer."""
    assert sorted(routes(shop)) == [
        ("GET", "/api/missions"),
        ("GET", "/api/missions/{mission}"),
        ("GET", "/api/missions/{mission}/changes"),
        ("GET", "/api/missions/{mission}/changes/file"),
        ("GET", "/api/missions/{mission}/log"),
        ("POST", "/api/missions"),
        ("POST", "/api/missions/{mission}/artifacts/{filename}/put-back"),
        ("POST", "/api/missions/{mission}/artifacts/{filename}/take"),
        ("POST", "/api/missions/{mission}/continue"),
        ("POST", "/api/missions/{mission}/mark-completed"),
        ("PUT", "/api/missions/{mission}/artifacts/{filename}"),
    ]


async def test_a_stranger_is_asked_who_they_are(shop: Shop) -> None:
    """Each answers 401, in the envelope."""
    async with client_of(shop.door.address, None) as stranger:
        for method, path in routes(shop):
            answer = await stranger.request(method, where(path, NOBODY, "x.md"))
            assert (answer.status_code, answer.json()["success"]) == (401, False), path


async def test_a_stranger_is_not_told_which_workflows_there_are(shop: Shop) -> None:
    """What lies in a project's folder is for those of the house."""
    async with client_of(shop.door.address, None) as stranger:
        assert (await stranger.get("/api/workflows")).status_code == 401


async def test_a_viewer_reads_and_changes_nothing(shop: Shop) -> None:
    """What changes something answers 403; the mission is as it was."""
    mission = await shop.begun()
    vic = await shop.practice.person("Vic", Role.VIEWER)
    async with browser_of(shop.door, vic) as viewer:
        for filename in ("raw-input.md", "notes.md"):
            for method, path in routes(shop):
                said = BODIES.get((method, path))
                answer = await viewer.request(method, where(path, mission, filename), json=said)
                reads = 404 if "/changes" in path else 200  # this one changed nothing
                assert answer.status_code == (reads if method == "GET" else 403), (method, path, answer.text)
    now = await shop.detail(mission)
    assert (now["status"], list(now["artifacts"])) == ("ready", ["raw-input.md"])


async def test_nothing_of_another_account_is_there(shop: Shop) -> None:
    """Another account's owner hears of a mission what they would hear of one that nobody has, and lists none."""
    mission = await shop.begun()
    other = await shop.practice.ledger.open_account()
    eve = await shop.practice.person("Eve", account=other)
    before = await shop.practice.ledger.size(shop.practice.account)
    async with browser_of(shop.door, eve, other) as owner:
        for method, path in routes(shop):
            if "{" not in path:
                continue
            there, nowhere = [
                await owner.request(method, where(path, one, "x.md"), json=BODIES.get((method, path)))
                for one in (mission, NOBODY)
            ]
            assert (there.status_code, nowhere.status_code) == (404, 404), path
            assert there.text.replace(mission, NOBODY) == nowhere.text
        assert (await owner.get("/api/missions")).json()["data"] == []
    assert await shop.practice.ledger.size(shop.practice.account) == before
