"""The practice town through the door: an owner of the home sees its servers, and turns their troubles on and off."""

from typing import Any

import pytest
from httpx2 import AsyncClient, HTTPError, Response

from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.api.test_passkeys import browser_of


async def turned(door: Door, server: str, trouble: str, *, on: bool) -> Response:
    return await door.client.put("/api/town/troubles", json={"server": server, "trouble": trouble, "on": on})


async def on_now(door: Door) -> set[tuple[str, str]]:
    servers: list[dict[str, Any]] = await door.got("/api/town")
    return {(server["name"], one["name"]) for server in servers for one in server["troubles"] if one["on"]}


async def test_each_server_says_where_it_is_and_what_can_go_wrong(errands: Door) -> None:
    """All of them are on this machine, and nothing is wrong by itself."""
    servers = {one["name"]: one for one in await errands.got("/api/town")}

    assert set(servers) == {"booking", "resy", "shop", "subscriptions"}
    assert all(one["address"].startswith("http://localhost:") for one in servers.values())
    assert {one["name"] for one in servers["shop"]["troubles"]} >= {"busy", "captcha", "reply_lost", "half_loaded"}
    assert await on_now(errands) == set()


async def test_a_trouble_stays_until_it_is_turned_off(errands: Door) -> None:
    """Every request meets it, and none does afterwards."""
    (booking,) = [one for one in await errands.got("/api/town") if one["name"] == "booking"]
    asked = {"party": "2", "at": "2027-03-04T19:00:00+01:00"}
    async with AsyncClient(base_url=booking["address"], trust_env=False) as guest:
        await turned(errands, "booking", "busy", on=True)
        during = [(await guest.get("/availability", params=asked)).status_code for _ in range(2)]
        seen = await on_now(errands)
        await turned(errands, "booking", "busy", on=False)
        after = (await guest.get("/availability", params=asked)).status_code

    assert (during, seen, after) == ([503, 503], {("booking", "busy")}, 200)


async def test_a_line_has_one_trouble_at_a_time(errands: Door) -> None:
    """The newer one takes the place of the other, and only its own name turns it off."""
    for trouble, on in (("busy", True), ("garbage", True), ("busy", False)):
        await turned(errands, "booking", trouble, on=on)
    assert await on_now(errands) == {("booking", "garbage")}


@pytest.mark.parametrize("wall", ["captcha", "second_factor"])
async def test_the_shop_can_ask_for_a_person(errands: Door, wall: str) -> None:
    """Whoever comes in meets its wall before any page."""
    (shop,) = [one for one in await errands.got("/api/town") if one["name"] == "shop"]
    await turned(errands, "shop", wall, on=True)
    async with AsyncClient(base_url=shop["address"], trust_env=False, follow_redirects=True) as customer:
        walled = (await customer.post("/login", data={"name": "Ana"})).text
        await turned(errands, "shop", wall, on=False)
        open_again = (await customer.get("/orders")).text

    assert "Your orders" not in walled
    assert "Your orders" in open_again


@pytest.mark.parametrize(("trouble", "status"), [("signed_out", 419), ("deposit", 200)])
async def test_resy_in_town_can_forget_everybody_or_ask_for_money(errands: Door, trouble: str, status: int) -> None:
    """Sign-ins are good for nothing while that is on; a deposit is asked for in the details."""
    (resy,) = [one for one in await errands.got("/api/town") if one["name"] == "resy"]
    program = {"Authorization": 'ResyAPI api_key="haloop"'}
    async with AsyncClient(base_url=resy["address"], headers=program, trust_env=False) as guest:
        token = (await guest.post("/3/auth/password", data={"email": "ana"})).json()["token"]
        guest.headers["X-Resy-Auth-Token"] = token
        await turned(errands, "resy", trouble, on=True)
        slot = "luigi/window/2027-03-04T19:00+01:00/2/0"
        details = await guest.get("/3/details", params={"config_id": slot, "day": "2027-03-04", "party_size": "2"})
        listed = (await guest.get("/3/user/reservations")).status_code

    assert listed == status
    assert details.status_code == 419 or details.json()["payment"]["amounts"]["total"] == 25


async def test_what_is_slow_arrives_once_that_is_turned_off(errands: Door) -> None:
    """Nothing is held for ever."""
    (booking,) = [one for one in await errands.got("/api/town") if one["name"] == "booking"]
    await turned(errands, "booking", "slow", on=True)
    async with AsyncClient(base_url=booking["address"], trust_env=False, timeout=0.2) as guest:
        with pytest.raises(HTTPError):
            await guest.get("/reservations", headers={"Authorization": "Bearer ana"})
        assert (await turned(errands, "booking", "slow", on=False)).status_code == 200
        answered = await guest.get("/reservations", headers={"Authorization": "Bearer ana"}, timeout=5)
    assert answered.status_code == 200


@pytest.mark.parametrize(("server", "trouble"), [("bank", "busy"), ("shop", "fire"), ("booking", "captcha")])
async def test_what_is_not_there_is_not_turned(errands: Door, server: str, trouble: str) -> None:
    """The refusal says what there is."""
    refused = await turned(errands, server, trouble, on=True)

    assert (refused.status_code, refused.json()["code"]) == (404, "town.unknown")
    assert "busy" in refused.json()["next_step"] or "shop" in refused.json()["next_step"]


async def test_only_an_owner_of_the_home_turns_anything(errands: Door) -> None:
    """A viewer, an agent and another account's owner are refused, and see nothing of it either."""
    vic = await errands.practice.person("Vic", Role.VIEWER)
    other = await errands.practice.ledger.open_account()
    eve = await errands.practice.person("Eve", account=other)
    wanted = {"server": "shop", "trouble": "captcha", "on": True}
    async with (
        browser_of(errands, vic) as viewer,
        browser_of(errands, eve, other) as stranger,
        await errands.agent() as agent,
    ):
        answers = [
            answer.status_code
            for who in (viewer, stranger, agent)
            for answer in (await who.get("/api/town"), await who.put("/api/town/troubles", json=wanted))
        ]
    assert answers == [403] * 6
    assert await on_now(errands) == set()
