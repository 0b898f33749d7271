"""Grants and budgets through the door: given through a gate, counted as they are used, free again in time, revoked."""

from datetime import timedelta
from typing import Any

from haloop.client import Client
from haloop.kernel.gate import Need
from haloop.kernel.grant import GrantTerms
from haloop.kernel.policy import Ceiling
from tests.api.conftest import TOKEN, Door
from tests.engines.buying import eur

DAY = timedelta(days=1)


def _terms(door: Door, **more: Any) -> GrantTerms:
    until = door.practice.engine.world.now() + 60 * 86_400_000_000
    said: dict[str, Any] = {"operations": ("Shop.buy",), "payees": ("Karl",), "each_max": eur(600), "live": False}
    return GrantTerms(**{**said, "total_max": eur(1_000), "window_days": 7, "expires_at": until, **more})


async def _given(door: Door) -> None:
    """Karl was paid once, and Ana gave a grant through its card."""
    await door.decide(await door.gate(await door.asked()))
    async with Client(door.address, TOKEN) as client:
        run = await client.ask_for_grant(_terms(door))
    await door.practice.engine.settled()
    await door.decide(await door.gate(run))  # type: ignore[arg-type]  # an id that went over the wire


async def _bought(door: Door, cents: int) -> None:
    order = {"order": {"cents": cents, "item": "tea", "shop": "Karl"}, "asks": {}}
    asked = {"desk": "shop", "procedure": "buy", "arguments": order}
    answer = await door.client.post("/api/requests", json=asked)
    assert answer.status_code == 201, answer.text
    await door.practice.engine.settled()


async def test_a_grant_says_what_is_used_up_and_when_it_is_free_again(door: Door) -> None:
    """What it paid counts; seven days after the first payment some of it is free, after the last all of it."""
    await _given(door)
    await _bought(door, 300)
    first = (await door.got("/api/grants"))[0]["used"]
    await door.practice.move(DAY)
    await _bought(door, 400)

    (grant,) = await door.got("/api/grants")

    used = grant["used"]
    assert (first["spent"]["minor"], first["left"]["minor"]) == (300, 700)
    assert (used["spent"]["minor"], used["held"]["minor"], used["left"]["minor"]) == (700, 0, 300)
    assert first["some_free_at"] == first["all_free_at"] == used["some_free_at"]
    assert used["all_free_at"] > used["some_free_at"]
    await door.practice.move(6 * DAY + timedelta(minutes=1))
    assert (await door.got("/api/grants"))[0]["used"]["spent"]["minor"] == 400


async def test_what_is_uncertain_is_held_and_names_no_day(door: Door) -> None:
    """Nobody knows whether it was paid: it is not left, and only a finding frees it."""
    await _given(door)
    door.shop.fails = True
    await _bought(door, 300)

    (grant,) = await door.got("/api/grants")

    used = grant["used"]
    assert (used["spent"]["minor"], used["held"]["minor"], used["left"]["minor"]) == (0, 300, 700)
    assert used["some_free_at"] is None


async def test_a_revoked_grant_is_gone_and_one_whose_time_came_is_over(door: Door) -> None:
    """The list says which is which; an agent sees none of it."""
    await _given(door)
    await door.practice.move(61 * DAY)
    (grant,) = await door.got("/api/grants")
    async with await door.agent() as agent:
        hidden = [(await agent.get(path)).status_code for path in ("/api/grants", "/api/budgets")]

    revoked = await door.client.delete(f"/api/grants/{grant['id']}")

    assert (grant["is_over"], hidden, revoked.status_code) == (True, [403, 403], 204)
    assert await door.got("/api/grants") == []
    assert (await door.client.delete(f"/api/grants/{grant['id']}")).status_code == 404


async def test_a_ceiling_counts_what_anybody_approved(door: Door) -> None:
    """Ten euros a week: five are spent, by whoever's yes; next week they are free."""
    await door.practice.rules(Need(), Ceiling(amount=eur(1_000), window=7 * DAY))
    assert (await door.got("/api/budgets"))[0]["used"]["left"]["minor"] == 1_000
    await door.decide(await door.gate(await door.asked()))

    (budget,) = await door.got("/api/budgets")

    assert (budget["amount"]["minor"], budget["window_days"]) == (1_000, 7)
    assert (budget["used"]["spent"]["minor"], budget["used"]["left"]["minor"]) == (500, 500)
    await door.practice.move(8 * DAY)
    assert (await door.got("/api/budgets"))[0]["used"]["spent"]["minor"] == 0
