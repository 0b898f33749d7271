"""An agent's token may name the desks that it reaches; the others are not there for whoever holds it."""

from tests.api.conftest import Door, client_of, errands, tea

__all__ = ["errands"]


async def test_a_token_reaches_the_desks_it_names(door: Door) -> None:
    """It asks them; another desk is not listed, and asking it begins nothing."""
    made = (await door.client.post("/api/tokens", json={"agent": "shopper", "desks": ["grants"]})).json()
    async with client_of(door.address, made["token"]) as agent:
        refused = await agent.post("/api/requests", json=tea())
        listed = (await agent.get("/api/desks")).json()

    assert (refused.status_code, refused.json()["code"]) == (403, "identity.out_of_scope")
    assert [desk["name"] for desk in listed] == ["grants"]
    assert (await door.got("/api/runs"))["runs"] == []
    assert [one["desks"] for one in await door.got("/api/tokens")] == [["grants"]]


async def test_words_reach_no_further(errands: Door) -> None:
    """What another desk would understand is unsupported for it, and that desk does not exist when it is named."""
    made = (await errands.client.post("/api/tokens", json={"agent": "clerk", "desks": ["grants"]})).json()
    said = {"words": "book a table at Luigi for 2 tomorrow at 7 pm"}
    async with client_of(errands.address, made["token"]) as agent:
        heard = await agent.post("/api/requests", json=said)
        named = await agent.post("/api/requests", json={**said, "desk": "errands"})

    assert (heard.status_code, heard.json()["outcome"], heard.json()["examples"]) == (200, "unsupported", [])
    assert named.status_code == 404
    assert (await errands.got("/api/runs"))["runs"] == []


async def test_a_token_without_desks_reaches_all(door: Door) -> None:
    """Nobody is locked out by saying nothing."""
    async with await door.agent() as agent:
        assert (await agent.post("/api/requests", json=tea())).status_code == 201


async def test_a_token_names_desks_that_there_are(door: Door) -> None:
    """A slip of the pen is no token that reaches nothing."""
    wrong = await door.client.post("/api/tokens", json={"agent": "shopper", "desks": ["shpo"]})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "desk.unknown")
    assert await door.got("/api/tokens") == []
