"""An owner's word about the home: over HTTP, as everything a person does."""

from datetime import timedelta

from tests.api.conftest import Door


async def test_an_owner_says_that_the_clock_is_right(door: Door) -> None:
    """Five minutes were jumped; what was approved waits, and goes on at the owner's word."""
    gate = await door.gate(await door.asked())
    door.practice.clock.turn(timedelta(minutes=5))
    assert (await door.decide(gate)).status_code == 200
    assert door.shop.sold == []
    assert (await door.got("/api/status"))["clock_moved_seconds"] == 300

    assert (await door.client.post("/api/clock/trust")).status_code == 204

    await door.practice.engine.settled()
    assert len(door.shop.sold) == 1
    assert (await door.got("/api/status"))["clock_moved_seconds"] == 0


async def test_where_nothing_went_back_a_recovery_may_be_ended_too(door: Door) -> None:
    """Saying it twice, or for nothing, harms nobody."""
    for _ in range(2):
        assert (await door.client.post("/api/recovery/end")).status_code == 204
    assert (await door.got("/api/status"))["recovery"] is None
