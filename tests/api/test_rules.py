"""The account's rules through the door: stricter at an owner's word, looser with a passkey's yes to exactly that."""

import asyncio
from typing import Any

import pytest

from haloop.kernel.canonical import INTEGER_MAX
from haloop.kernel.confirmation import challenge
from haloop.kernel.passkey import Assertion, check_assertion
from haloop.kernel.people import Role
from haloop.store.signing import verify_passkey
from haloop.testing.passkey import Passkey
from tests.api.conftest import Door
from tests.api.test_errors import told
from tests.api.test_passkeys import added, browser_of, given_to, made_at

NEED = {"count": 1, "passkey": False, "separation": False}


def ceiling(minor: Any = 50_000, currency: Any = "EUR", days: Any = 30) -> dict[str, Any]:
    return {"amount": {"minor": minor, "currency": currency}, "window_days": days}


async def rules(door: Door, *ceilings: dict[str, Any], **need: Any) -> dict[str, Any]:
    """All the rules as they are to be, instead of those that are there."""
    version = (await door.got("/api/rules"))["version"]
    return {"ceilings": list(ceilings), "need": {**NEED, **need}, "instead_of": version}


async def confirmed(door: Door, passkey: Passkey, wanted: dict[str, Any]) -> dict[str, Any]:
    """The same, with the answer of this passkey to exactly that."""
    asked = (await door.client.post("/api/rules/challenge", json=wanted)).json()["challenge"]
    return {**wanted, "confirmed": {"challenge": asked, "assertion": passkey.answer_in_browser(asked).model_dump()}}


async def set_to(door: Door, *ceilings: dict[str, Any], **need: Any) -> None:
    answer = await door.client.post("/api/rules", json=await rules(door, *ceilings, **need))
    assert answer.status_code == 200, answer.text


async def refused_changes(door: Door) -> list[tuple[str, str, str]]:
    """Who tried what in vain, as the ledger has it."""
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    return [
        (one["actor"].partition(":")[0], one["says"]["change"], one["says"]["code"])
        for one in events
        if one["kind"] == "change.refused"
    ]


async def test_without_any_passkey_an_owner_sets_the_rules(door: Door) -> None:
    """Higher, lower and none: nobody could confirm it, and nothing real is spent. What a ceiling says binds at once."""
    await set_to(door, ceiling(499))
    assert [one["amount"]["minor"] for one in await door.got("/api/budgets")] == [499]
    run = await door.asked()
    assert (await door.got(f"/api/runs/{run}"))["state"] == "ended"

    await set_to(door, ceiling(500))
    assert (await door.decide(await door.gate(await door.asked()))).status_code == 200
    await set_to(door)
    assert await door.got("/api/budgets") == []


async def test_a_higher_ceiling_takes_a_passkey_and_a_lower_one_does_not(door: Door) -> None:
    """Nor does one more; to take one away does. The ledger can show who said yes to exactly that."""
    passkey = await added(door)
    await set_to(door, ceiling(50_000), ceiling(10_000, days=7))
    await set_to(door, ceiling(40_000), ceiling(10_000, days=7))
    for wanted in (
        await rules(door, ceiling(40_001), ceiling(10_000, days=7)),
        await rules(door, ceiling(40_000)),
        await rules(door),
    ):
        assert told(await door.client.post("/api/rules", json=wanted)) == (403, "passkey.needed")
    assert len(await door.got("/api/budgets")) == 2

    wanted = await rules(door, ceiling(60_000))
    assert (await door.client.post("/api/rules", json=await confirmed(door, passkey, wanted))).status_code == 200

    assert [one["amount"]["minor"] for one in await door.got("/api/budgets")] == [60_000]
    assert await refused_changes(door) == [("person", "rules", "passkey.needed")] * 3
    ledger = door.practice.ledger
    made = [event for event in await ledger.events(door.practice.account) if event.header.kind == "rules.set"][-1]
    said = Assertion.decode(await ledger.body(made, "assertion"))
    check_assertion(said, challenge("rules", await ledger.body(made, "asked")), passkey.key, verify_passkey)


async def test_a_yes_that_takes_less_takes_a_passkey_too(door: Door) -> None:
    """Two people, each with a passkey, none of whom asked: stricter at once, and back only with a passkey."""
    await door.practice.person("Ben", Role.APPROVER)
    passkey = await added(door)
    await set_to(door, count=2, passkey=True, separation=True)
    for less in ({"count": 1, "passkey": True, "separation": True}, {"count": 2, "separation": True}, {}):
        wanted = await rules(door, **less)
        assert (await door.client.post("/api/rules/challenge", json=wanted)).json()["credentials"]
        assert told(await door.client.post("/api/rules", json=wanted)) == (403, "passkey.needed")
    wanted = await confirmed(door, passkey, await rules(door))
    assert (await door.client.post("/api/rules", json=wanted)).json()["need"] == NEED


@pytest.mark.parametrize(
    "other",
    [{"ceilings": [ceiling(99_999)]}, {"ceilings": []}, {"need": {**NEED, "separation": True}}],
    ids=["a higher one", "none", "another need"],
)
async def test_a_yes_to_some_rules_is_none_to_others(door: Door, other: dict[str, Any]) -> None:
    """Whatever is different, the answer does not hold, and it is spent with that."""
    passkey = await added(door)
    await set_to(door, ceiling(100))
    wanted = await confirmed(door, passkey, await rules(door, ceiling(200)))

    assert told(await door.client.post("/api/rules", json={**wanted, **other})) == (422, "passkey.bad")
    assert told(await door.client.post("/api/rules", json=wanted)) == (409, "passkey.challenge")
    assert [one["amount"]["minor"] for one in await door.got("/api/budgets")] == [100]


async def test_only_a_passkey_that_vouches_makes_rules_looser(door: Door) -> None:
    """None that nobody knows, none of somebody who only approves, and no other owner with this one's challenge."""
    await added(door)
    await set_to(door, ceiling(100))
    bens = await given_to(door, await door.practice.person("Ben", Role.APPROVER))
    for passkey in (made_at(door), bens):
        wanted = await confirmed(door, passkey, await rules(door, ceiling(200)))
        assert told(await door.client.post("/api/rules", json=wanted)) == (403, "passkey.needed")
    cem = await door.practice.person("Cem")
    cems = await given_to(door, cem)
    wanted = await confirmed(door, cems, await rules(door, ceiling(200)))
    async with browser_of(door, cem) as his:
        assert told(await his.post("/api/rules", json=wanted)) == (409, "passkey.challenge")


async def test_an_agent_that_would_spend_more_is_on_the_record(door: Door) -> None:
    """It is refused whatever it sends, and the ledger says who tried; so is an approver, who is a person."""
    await set_to(door, ceiling(100))
    ben = await door.practice.person("Ben", Role.APPROVER)
    async with await door.agent("shopper") as agent, browser_of(door, ben) as his:
        for sent in (await rules(door), {"nonsense": True}):
            assert told(await agent.post("/api/rules", json=sent)) == (403, "identity.not_allowed")
        assert told(await agent.get("/api/rules")) == (403, "identity.not_allowed")
        assert told(await his.post("/api/rules", json=await rules(door))) == (403, "identity.not_allowed")
    assert await refused_changes(door) == [("agent", "rules", "identity.not_allowed")] * 2
    assert [one["amount"]["minor"] for one in await door.got("/api/budgets")] == [100]


@pytest.mark.parametrize(
    "bad",
    [
        ceiling(-1),
        ceiling(0),
        ceiling(12.5),
        ceiling(500.0),
        ceiling(minor=True),
        ceiling("500"),
        ceiling(INTEGER_MAX + 1),
        ceiling(currency="EUU"),
        ceiling(currency="eur"),
        ceiling(currency=None),
        ceiling(days=0),
        ceiling(days=367),
        ceiling(days="month"),
        ceiling(days=1.5),
        {**ceiling(), "live": True},
    ],
)
async def test_a_ceiling_that_nobody_could_mean_is_refused(door: Door, bad: dict[str, Any]) -> None:
    """Nothing, less than nothing, no whole number, no such currency, no such window, more than can be written."""
    assert told(await door.client.post("/api/rules", json=await rules(door, bad))) == (422, "request.malformed")
    assert await door.got("/api/budgets") == []


async def test_rules_that_bind_nobody_or_everybody_are_refused(door: Door) -> None:
    """Two ceilings for the same days, and more people for a yes than there are; the most that can be written holds."""
    twice = await rules(door, ceiling(1), ceiling(2))
    assert told(await door.client.post("/api/rules", json=twice)) == (422, "rules.twice")
    many = await rules(door, count=2)
    assert told(await door.client.post("/api/rules", json=many)) == (409, "rules.too_few")
    await set_to(door, ceiling(INTEGER_MAX, days=366))
    assert (await door.got("/api/budgets"))[0]["used"]["left"]["minor"] == INTEGER_MAX


async def test_nobody_replaces_rules_that_they_have_not_read(door: Door) -> None:
    """Of two owners at once one is told to look again; saying the same again is no second fact."""
    first, second = await rules(door, ceiling(100)), await rules(door, ceiling(200))
    answers = await asyncio.gather(*(door.client.post("/api/rules", json=one) for one in (first, second)))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"rules.changed"}

    before = await door.practice.ledger.size(door.practice.account)
    kept = (await door.got("/api/rules"))["ceilings"]
    await set_to(door, *kept)
    assert await door.practice.ledger.size(door.practice.account) == before
