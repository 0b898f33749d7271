"""What was done: approved beside executed, who said yes and how soon, what came of it, and the receipt."""

from datetime import timedelta

from tests.api.conftest import Door


async def test_an_execution_shows_what_was_approved_beside_what_ran(door: Door) -> None:
    """Ana takes a minute to read; then it happens, and the receipt can be had."""
    gate = await door.gate(await door.asked())
    await door.practice.move(timedelta(minutes=1))
    await door.decide(gate)

    (done,) = (await door.got("/api/activity"))["executions"]

    assert done["approved"] == done["executed"] == {"cents": 500, "item": "tea", "shop": "Karl"}
    assert (done["outcome"], done["attempts"], done["exceeded"]) == ("happened", 1, False)
    assert done["approved_by"] == [f"person:{door.ana}"]
    assert done["confirmation_seconds"] == 60
    assert (await door.client.get(done["receipt"])).status_code == 200
    assert await door.got(f"/api/runs/{gate['run']}/executions") == [done]


async def test_what_nobody_knows_is_shown_as_that(door: Door) -> None:
    """The line broke: no end, no receipt, and the reason in words."""
    door.shop.fails = True
    await door.decide(await door.gate(await door.asked()))

    (open_one,) = (await door.got("/api/activity"))["executions"]

    assert (open_one["outcome"], open_one["ended_at"], open_one["receipt"]) == ("uncertain", None, None)
    assert open_one["reason"]


async def test_a_change_is_what_was_approved(door: Door) -> None:
    """Ana wanted it cheaper: the approved revision is the second, and that ran."""
    run = await door.asked()
    await door.decide(await door.gate(run), "changed", change=400)
    await door.decide(await door.gate(run))

    (done,) = (await door.got("/api/activity"))["executions"]

    assert (done["revision"], done["approved"]["cents"], done["executed"]["cents"]) == (2, 400, 400)


async def test_pages_reach_every_run_and_an_agent_sees_its_own(door: Door) -> None:
    """Three were bought, page by page; the agent bought nothing."""
    for item in ("tea", "milk", "wax"):
        await door.decide(await door.gate(await door.asked(item=item)))
    bought, before = [], None
    while True:
        page = await door.got("/api/activity", params={"limit": 2, **({} if before is None else {"before": before})})
        bought += [one["executed"]["item"] for one in page["executions"]]
        before = page["before"]
        if before is None:
            break
    assert bought == ["wax", "milk", "tea"]
    async with await door.agent() as agent:
        assert (await agent.get("/api/activity")).json()["executions"] == []


async def test_what_is_looked_for_is_found_with_what_it_did(door: Door) -> None:
    """Words, desk and state choose the runs; each is told with its executions, and one that did nothing without."""
    bought, open_one = await door.asked(item="oolong"), await door.asked(item="sencha")
    await door.decide(await door.gate(bought))

    ended = await door.got("/api/activity", params={"state": "ended", "desk": "shop"})
    waiting = await door.got("/api/activity", params={"search": "sencha"})
    nothing = await door.got("/api/activity", params={"search": "sencha", "state": "ended"})

    assert ([one["id"] for one in ended["runs"]], len(ended["executions"])) == ([bought], 1)
    assert ([one["id"] for one in waiting["runs"]], waiting["executions"]) == ([open_one], [])
    assert (nothing["runs"], nothing["executions"]) == ([], [])
