"""Erasing a run through the door: an owner, a passkey where there is one, and then nobody reads it again."""

from typing import Any

from haloop.kernel.ids import RunId
from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.api.test_errors import told
from tests.api.test_passkeys import added, browser_of, made_at


async def ended(door: Door) -> RunId:
    run = await door.asked(item="a secret")
    assert (await door.decide(await door.gate(run))).status_code == 200
    return run


async def said(door: Door, run: RunId) -> str:
    return (await door.client.get(f"/api/runs/{run}")).text


async def confirmed(door: Door, run: RunId, passkey: Any) -> dict[str, Any]:
    challenge = (await door.client.post(f"/api/runs/{run}/erasure/challenge")).json()["challenge"]
    return {"challenge": challenge, "assertion": passkey.answer_in_browser(challenge).model_dump()}


async def test_an_owner_erases_what_a_run_said(door: Door) -> None:
    """It is there and says nothing; who erased it and why stands in the ledger."""
    run = await ended(door)
    assert "a secret" in await said(door, run)

    answer = await door.client.post(f"/api/runs/{run}/erasure", json={"why": "asked for by Ben"})

    assert answer.status_code == 204, answer.text
    assert "a secret" not in await said(door, run)
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    (erasure,) = [one for one in events if one["kind"] == "payload.erased"]
    assert erasure["actor"] == f"person:{door.ana}"


async def test_only_an_owner_erases_and_only_what_has_ended(door: Door) -> None:
    """Neither an approver nor an agent; neither what goes on, nor what is not there, nor without a reason."""
    run, open_run = await ended(door), await door.asked()
    ben = await door.practice.person("Ben", Role.APPROVER)
    async with browser_of(door, ben) as his, await door.agent() as agent:
        for who in (his, agent):
            refused = await who.post(f"/api/runs/{run}/erasure", json={"why": "mine"})
            assert told(refused) == (403, "identity.not_allowed")
    for at, wanted, expected in [
        (open_run, {"why": "early"}, (409, "erase.not_ended")),
        ("run_" + "0" * 32, {"why": "gone"}, (404, "ledger.not_found")),
        (run, {"why": ""}, (422, "request.malformed")),
    ]:
        assert told(await door.client.post(f"/api/runs/{at}/erasure", json=wanted)) == expected
    assert "a secret" in await said(door, run)


async def test_where_there_is_a_passkey_erasing_takes_one(door: Door) -> None:
    """A program that reads the token erases nothing, nor does a yes to erasing something else."""
    run, other = await ended(door), await ended(door)
    passkey = await added(door)
    alone = await door.client.post(f"/api/runs/{run}/erasure", json={"why": "x"})
    assert told(alone) == (403, "passkey.needed")
    for answering, about, expected in [
        (made_at(door), run, (403, "passkey.needed")),
        (passkey, other, (409, "passkey.challenge")),
    ]:
        wanted = {"why": "x", "confirmed": await confirmed(door, about, answering)}
        assert told(await door.client.post(f"/api/runs/{run}/erasure", json=wanted)) == expected
    assert "a secret" in await said(door, run)

    wanted = {"why": "x", "confirmed": await confirmed(door, run, passkey)}
    assert (await door.client.post(f"/api/runs/{run}/erasure", json=wanted)).status_code == 204
    assert "a secret" not in await said(door, run)
