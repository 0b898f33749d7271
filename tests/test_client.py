"""The client that outsiders use, against a real door."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from haloop.client import Client, NotReached, Problem
from haloop.connectors.push.encryption import public_point
from haloop.kernel.errors import Exit
from haloop.kernel.passkey import base64url, from_base64url
from haloop.serving import bind
from haloop.testing.passkey import Passkey
from haloop.wire.gates import Found, Seen
from haloop.wire.notices import NoticesWanted, Subscription, SubscriptionKeys
from haloop.wire.passkeys import ChallengeOut, PasskeyAnswer, PasskeyConfirmed
from tests.api.conftest import TOKEN, Door, door, live, tea

__all__ = ["door", "live"]

VIEW = Seen(language="en", renderer="testing/1", catalogue="0" * 64)
ORDER = {"order": {"cents": 500, "item": "tea", "shop": "Karl"}}


@pytest.fixture
async def client(door: Door) -> Client:  # the fixture
    return Client(door.address, TOKEN)


async def test_somebody_asks_changes_approves_and_has_the_receipt(door: Door, client: Client) -> None:
    """The whole way, with the types that an outsider writes against."""
    async with client:
        run = await client.ask("shop", "buy_if_asked", ORDER)
        await door.practice.engine.settled()
        (gate,) = (await client.gates()).gates
        gate = await client.change(gate, 400, view=VIEW)
        await door.practice.engine.settled()
        gate = await client.gate(gate.id)
        assert gate.revision == 2

        assert (await client.approve(gate, view=VIEW)).status == "approved"

        await door.practice.engine.settled()
        shown = await client.run(run)
        (receipt,) = await client.receipts(run)
        assert (shown.state, shown.code, receipt.effect) == ("ended", "done", "buy")
        assert b'"format"' in await client.receipt_file(receipt)
        assert (await client.verifier_key()).startswith("haloop.local/")
        assert (await client.checkpoint()).startswith("haloop.local/")
        assert [one.id for one in (await client.runs()).runs] == [run]
        assert (await client.ledger(limit=500)).events[-1].kind == "run.ended"


async def test_a_person_says_how_they_want_to_be_told(door: Door, client: Client) -> None:
    """What is set is shown; a browser's subscription is taken only if it leads to a push service."""
    wanted = NoticesWanted(address="ana@example.org", mail=True, zone="Europe/Berlin")
    key = base64url(public_point(ec.generate_private_key(ec.SECP256R1())))
    keys = SubscriptionKeys(p256dh=key, auth=base64url(b"sixteen secrets!"))
    async with client:
        assert (await client.set_notices(wanted)).wanted == (await client.notices()).wanted == wanted
        with pytest.raises(Problem) as refused:
            await client.add_device(Subscription(endpoint="https://push.example.org/x", keys=keys))
        made = await client.add_device(Subscription(endpoint="https://fcm.googleapis.com/fcm/send/x", keys=keys))
        assert (refused.value.code, made.service) == ("egress.blocked", "fcm.googleapis.com")
        assert (await client.devices()).devices == [made]
        await client.remove_device(made.id)
        assert (await client.devices()).devices == []
        assert [one.code for one in await client.try_notices()] == ["mail.off"]


async def test_what_happens_is_heard(door: Door, client: Client) -> None:
    """The live stream, as typed events."""
    async with client:
        await client.ask("shop", "buy_if_asked", ORDER)
        kinds = []
        async for event in client.events(after=-1):
            kinds.append(event.kind)
            if event.kind == "gate.opened":
                break
        assert "run.started" in kinds


async def test_a_refusal_says_what_the_server_said(door: Door, client: Client) -> None:
    """Its code, its sentence, what to do next, and the exit code of a command."""
    async with client:
        await client.ask("shop", "buy_if_asked", ORDER)
        await door.practice.engine.settled()
        (gate,) = (await client.gates()).gates
        await client.change(gate, 400, view=VIEW)
        await door.practice.engine.settled()
        with pytest.raises(Problem) as refused:
            await client.approve(gate, view=VIEW)
        assert (refused.value.status, refused.value.code, refused.value.exit) == (409, "answer.stale", Exit.REFUSED)
        assert refused.value.more["difference"]
        with pytest.raises(Problem) as unsupported:
            await client.ask("kitchen", "sink", {})
        assert unsupported.value.code == "request.unsupported"
        with pytest.raises(Problem) as strange:
            await client.run("../../healthz")
        assert strange.value.code in ("request.no_such_address", "id.bad")


async def test_no_proxy_sees_the_token(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the environment names, Haloop is asked directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with Client(door.address, TOKEN) as client:
        assert (await client.me()).person == door.ana


@pytest.mark.parametrize("as_bytes", [False, True])
async def test_a_passkey_is_added_asked_and_taken_away(live: Door, *, as_bytes: bool) -> None:
    """With its answer as a browser gives it, or in the ledger's own bytes."""
    passkey = Passkey.made(origin=live.address)

    async def sign(asked: ChallengeOut) -> PasskeyAnswer | bytes:
        if as_bytes:
            return passkey.answer(from_base64url(asked.challenge))
        return passkey.answer_in_browser(asked.challenge)

    async with Client(live.address, TOKEN) as client:
        options = await client.begin_adding_passkey()
        added = await client.add_passkey(passkey.introduce(options.creation["challenge"]))
        assert [one.credential for one in await client.passkeys()] == [added.credential]
        await client.ask("shop", "buy_if_asked", ORDER)
        await live.practice.engine.settled()
        (gate,) = (await client.gates()).gates

        with pytest.raises(Problem) as refused:
            await client.approve(gate, view=VIEW)
        assert (await client.approve(gate, view=VIEW, sign=sign)).status == "approved"

        assert refused.value.code == "answer.proof"
        asked = await client.begin_revoking_passkey(added.credential)
        confirmed = PasskeyConfirmed(challenge=asked.challenge, assertion=passkey.answer_in_browser(asked.challenge))
        await client.revoke_passkey(added.credential, confirmed)
        assert await client.passkeys() == []


async def test_a_finding_is_signed(live: Door) -> None:
    """What approving took, settling takes: the passkey's answer to exactly this finding."""
    passkey = Passkey.made(origin=live.address)
    live.shop.fails = True

    async def sign(asked: ChallengeOut) -> PasskeyAnswer:
        return passkey.answer_in_browser(asked.challenge)

    async with Client(live.address, TOKEN) as client, await live.agent() as agent:
        options = await client.begin_adding_passkey()
        await client.add_passkey(passkey.introduce(options.creation["challenge"]))
        await agent.post("/api/requests", json=tea())
        await live.practice.engine.settled()
        (gate,) = (await client.gates()).gates
        await client.approve(gate, view=VIEW, sign=sign)
        await live.practice.engine.settled()

        await client.settle(gate.id, Found(effect="buy", happened=False), sign=sign)

        await live.practice.engine.settled()
        assert (await client.run(gate.run)).state == "ended"


async def test_nobody_at_the_address_is_named(tmp_path: Path) -> None:
    """Nothing listens there: the sentence says so, and what to start."""
    at = bind("127.0.0.1", 0)
    port = at.getsockname()[1]
    at.close()
    async with Client(f"http://127.0.0.1:{port}", "x") as client:
        with pytest.raises(NotReached):
            await client.me()
