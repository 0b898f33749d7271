"""Passkeys through the door: added, taken away, and asked for a yes to exactly this."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from haloop.api.asking import SESSION_COOKIE
from haloop.identity import Caller
from haloop.kernel.fact import CredentialEnrolled
from haloop.kernel.ids import AccountId, PersonId
from haloop.kernel.passkey import EDDSA, ES256, base64url
from haloop.kernel.people import Role
from haloop.testing.passkey import Passkey
from haloop.wire.passkeys import PasskeyMade
from haloop.wire.sessions import SESSION_HEADER
from tests.api.conftest import Door, tea

STRANGE_KEYS: dict[str, Mapping[int, int | bytes]] = {
    "RS256": {1: 3, 3: -257, -1: bytes(256), -2: b"\x01\x00\x01"},
    "ES384": {1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)},
    "not on the curve": {1: 2, 3: -7, -1: 1, -2: bytes(31) + b"\x01", -3: bytes(31) + b"\x01"},
    "no key at all": {},
}


def made_at(door: Door, algorithm: int = ES256) -> Passkey:
    return Passkey.made(algorithm, origin=door.address)


async def options(door: Door, client: httpx2.AsyncClient | None = None) -> dict[str, Any]:
    answer = await (client or door.client).post("/api/passkeys/options")
    assert answer.status_code == 200, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


async def add(door: Door, made: PasskeyMade, client: httpx2.AsyncClient | None = None) -> httpx2.Response:
    return await (client or door.client).post("/api/passkeys", json=made.model_dump())


async def added(door: Door, algorithm: int = ES256) -> Passkey:
    """Ana's first passkey."""
    passkey = made_at(door, algorithm)
    asked = await options(door)
    answer = await add(door, passkey.introduce(asked["creation"]["challenge"]))
    assert answer.status_code == 201, answer.text
    return passkey


async def added_beside(door: Door, first: Passkey) -> Passkey:
    """Ana's second, confirmed by her first."""
    passkey = made_at(door)
    challenge = (await options(door))["confirm"]["challenge"]
    confirmed = passkey.introduce(challenge).model_copy(update={"assertion": first.answer_in_browser(challenge)})
    answer = await add(door, confirmed)
    assert answer.status_code == 201, answer.text
    return passkey


async def given_to(door: Door, person: PersonId) -> Passkey:
    """A passkey somebody else has had for long."""
    passkey = made_at(door)
    key = passkey.key
    fact = CredentialEnrolled(
        person=person, credential=passkey.credential, algorithm=key.algorithm, public_key=key.public_key.hex()
    )
    await door.practice.engine.record(door.practice.account, fact, by="kernel")
    return passkey


def browser_of(door: Door, person: PersonId, account: AccountId | None = None) -> httpx2.AsyncClient:
    """The page in somebody's own browser."""
    opened = door.house.identity.begin(
        Caller(account=account or door.practice.account, person=person), browser="a test"
    )
    cookie = f"{SESSION_COOKIE}={opened.session}"
    headers = {"Cookie": cookie, SESSION_HEADER: opened.secret, "Origin": door.address}
    return httpx2.AsyncClient(base_url=door.address, headers=headers)


async def challenge_for(door: Door, gate: dict[str, Any], said: dict[str, Any]) -> str:
    answer = await door.client.post(f"/api/gates/{gate['id']}/challenge", json=said)
    assert answer.status_code == 200, answer.text
    challenge: str = answer.json()["challenge"]
    return challenge


async def send(door: Door, gate: dict[str, Any], said: dict[str, Any], answer: Any) -> httpx2.Response:
    sent = await door.client.post(
        f"/api/gates/{gate['id']}/decisions", json={**said, "assertion": answer and answer.model_dump()}
    )
    await door.practice.engine.settled()
    return sent


async def turned_away(door: Door) -> list[str]:
    """The codes of the answers that did not count, as the ledger has them."""
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    return [event["says"]["code"] for event in events if event["kind"] == "answer.refused"]


async def revocation(door: Door, credential: str, **body: Any) -> httpx2.Response:
    return await door.client.request("DELETE", f"/api/passkeys/{credential}", json=body or None)


# Adding


async def test_a_browser_is_told_what_kind_of_passkey_will_do(door: Door) -> None:
    """Two algorithms, somebody verified, kept on the device if it can, for this machine's one name."""
    creation = (await options(door))["creation"]

    assert [one["alg"] for one in creation["pubKeyCredParams"]] == [ES256, EDDSA]
    assert creation["authenticatorSelection"]["userVerification"] == "required"
    assert creation["authenticatorSelection"]["residentKey"] == "preferred"
    assert (creation["rp"]["id"], creation["attestation"]) == ("localhost", "none")
    assert creation["excludeCredentials"] == []


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
async def test_a_first_passkey_is_added_with_the_machines_token(door: Door, algorithm: int) -> None:
    """It is in the ledger with the very key, in the list, and the next one is asked not to be the same."""
    passkey = await added(door, algorithm)

    (known,) = await door.got("/api/passkeys")
    credential = (await door.practice.engine.account(door.practice.account)).credentials[passkey.credential]
    assert (credential.person, credential.key) == (door.ana, passkey.key)
    assert known["credential"] == passkey.credential
    assert known["algorithm"] == {ES256: "es256", EDDSA: "eddsa"}[algorithm]
    again = await options(door)
    assert [one["id"] for one in again["creation"]["excludeCredentials"]] == [passkey.credential]
    assert again["confirm"]["credentials"] == [passkey.credential]


@pytest.mark.parametrize("how", [{"verified": False}, {"present": False}, {"kind": "webauthn.get"}])
async def test_a_passkey_of_nobody_in_particular_is_not_added(door: Door, how: dict[str, Any]) -> None:
    """Nobody was there, nobody was asked who it is, or it was answering and not being made."""
    challenge = (await options(door))["creation"]["challenge"]

    answer = await add(door, made_at(door).introduce(challenge, **how))

    assert (answer.status_code, answer.json()["code"]) == (422, "passkey.unfit")
    assert await door.got("/api/passkeys") == []


@pytest.mark.parametrize("elsewhere", [{"origin": "http://localhost:1"}, {"rp_id": "haloop.example"}])
async def test_a_passkey_made_elsewhere_is_not_added(door: Door, elsewhere: dict[str, Any]) -> None:
    """By another page, if only at another port, or under another site's name."""
    challenge = (await options(door))["creation"]["challenge"]

    answer = await add(door, replace(made_at(door), **elsewhere).introduce(challenge))

    assert (answer.status_code, answer.json()["code"]) == (422, "passkey.unfit")


@pytest.mark.parametrize("key", STRANGE_KEYS.values(), ids=STRANGE_KEYS)
async def test_a_passkey_of_another_kind_is_not_added(door: Door, key: Mapping[int, int | bytes]) -> None:
    """What could prove nothing later is refused at once."""
    challenge = (await options(door))["creation"]["challenge"]

    answer = await add(door, made_at(door).introduce(challenge, key=key))

    assert (answer.status_code, answer.json()["code"]) == (422, "passkey.unfit")


@pytest.mark.parametrize(
    "changes",
    [
        {"attestation": "AAAA"},
        {"attestation": base64url(b"\xa1\x63fmt\x64none")},
        {"client_data": base64url(b"[]")},
        {"client_data": base64url(b"\xff")},
        {"credential": "AAAA"},
    ],
    ids=["no attestation", "half an attestation", "no client data", "not even text", "another name"],
)
async def test_what_cannot_be_read_is_not_added(door: Door, changes: dict[str, Any]) -> None:
    """Whatever is sent in a browser's name, it is refused by name."""
    challenge = (await options(door))["creation"]["challenge"]

    answer = await add(door, made_at(door).introduce(challenge).model_copy(update=changes))

    assert (answer.status_code, answer.json()["code"]) == (422, "passkey.unfit")


async def test_a_challenge_is_good_once(door: Door) -> None:
    """Also when what it was used for failed."""
    challenge = (await options(door))["creation"]["challenge"]
    failed = await add(door, made_at(door).introduce(challenge, verified=False))
    again = await add(door, made_at(door).introduce(challenge))

    assert [failed.json()["code"], again.json()["code"]] == ["passkey.unfit", "passkey.challenge"]
    assert again.status_code == 409


async def test_a_challenge_is_good_for_a_few_minutes(door: Door) -> None:
    """Five, and then it is begun again."""
    challenge = (await options(door))["creation"]["challenge"]
    await door.practice.move(timedelta(minutes=5))

    answer = await add(door, made_at(door).introduce(challenge))

    assert answer.json()["code"] == "passkey.challenge"


async def test_a_challenge_is_good_for_one_person(door: Door) -> None:
    """What Bo asked for adds no passkey of Ana's, and one that nobody asked for adds none at all."""
    bo = await door.practice.person("Bo")
    async with browser_of(door, bo) as his:
        challenge = (await options(door, his))["creation"]["challenge"]

    for one in (challenge, base64url(bytes(32))):
        answer = await add(door, made_at(door).introduce(one))
        assert answer.json()["code"] == "passkey.challenge"


async def test_one_who_left_adds_none(door: Door) -> None:
    """A session outlives its person's place in the account; it opens nothing here."""
    async with browser_of(door, PersonId("per_" + "0" * 32)) as theirs:
        answer = await theirs.post("/api/passkeys/options")

    assert (answer.status_code, answer.json()["code"]) == (401, "identity.removed")


async def test_so_many_challenges_are_out_at_once(door: Door) -> None:
    """The oldest gives way, so asking without end takes no memory."""
    challenge = (await options(door))["creation"]["challenge"]
    for _ in range(100):
        await options(door)

    answer = await add(door, made_at(door).introduce(challenge))

    assert answer.json()["code"] == "passkey.challenge"


# Adding another


async def test_another_passkey_takes_the_answer_of_one_there_is(door: Door) -> None:
    """The token alone, which any program may read, adds no second one."""
    first = await added(door)
    asked = await options(door)

    refused = await add(door, made_at(door).introduce(asked["creation"]["challenge"]))
    second = await added_beside(door, first)

    assert (refused.status_code, refused.json()["code"]) == (403, "passkey.needed")
    assert {one["credential"] for one in await door.got("/api/passkeys")} == {first.credential, second.credential}


async def test_another_passkey_takes_the_answer_to_this_very_challenge(door: Door) -> None:
    """An older answer, one given elsewhere, one of nobody verified, one of Bo's and the new one's own add nothing."""
    first = await added(door)
    bos = await given_to(door, await door.practice.person("Bo"))
    old = base64url(bytes(32))
    elsewhere = replace(first, origin="http://localhost:1")
    new = made_at(door)
    codes = []
    for answering, question, verified in [
        (first, old, True),
        (elsewhere, None, True),
        (first, None, False),
        (bos, None, True),
        (new, None, True),
    ]:
        challenge = (await options(door))["creation"]["challenge"]
        said = answering.answer_in_browser(question or challenge, verified=verified)
        answer = await add(door, new.introduce(challenge).model_copy(update={"assertion": said}))
        codes.append(answer.json()["code"])

    assert codes == ["passkey.bad", "passkey.bad", "passkey.bad", "passkey.needed", "passkey.needed"]
    assert len(await door.got("/api/passkeys")) == 1


async def test_anothers_first_passkey_takes_an_owners_answer(door: Door) -> None:
    """Whoever reads the token can invite somebody; a passkey that approves in their name takes Ana to say so."""
    anas = await added(door)
    cy = await door.practice.person("Cy", Role.APPROVER)
    async with browser_of(door, cy) as theirs:
        asked = await options(door, theirs)
        refused = await theirs.post(
            "/api/passkeys", json=made_at(door).introduce(asked["creation"]["challenge"]).model_dump()
        )
        challenge = (await options(door, theirs))["creation"]["challenge"]
        new = made_at(door).introduce(challenge).model_copy(update={"assertion": anas.answer_in_browser(challenge)})
        done = await theirs.post("/api/passkeys", json=new.model_dump())

    assert asked["confirm"]["credentials"] == [anas.credential]
    assert (refused.status_code, refused.json()["code"]) == (403, "passkey.needed")
    assert done.status_code == 201


async def test_two_first_passkeys_at_once_are_one(door: Door) -> None:
    """Whichever is second is no longer the first, and takes the first one's answer."""
    challenges = [(await options(door))["creation"]["challenge"] for _ in range(2)]

    answers = await asyncio.gather(*(add(door, made_at(door).introduce(one)) for one in challenges))

    assert sorted(answer.status_code for answer in answers) == [201, 403]


async def test_nobody_takes_over_a_passkey(door: Door) -> None:
    """A passkey of Bo's, sent as if Ana's browser had made it, stays his."""
    bo = await door.practice.person("Bo")
    bos = await given_to(door, bo)
    challenge = (await options(door))["creation"]["challenge"]
    vouched = bos.introduce(challenge).model_copy(update={"assertion": bos.answer_in_browser(challenge)})

    answer = await add(door, vouched)

    assert (answer.status_code, answer.json()["code"]) == (409, "passkey.known")
    account = await door.practice.engine.account(door.practice.account)
    assert account.credentials[bos.credential].person == bo


# Taking away


async def test_a_passkey_is_taken_away_with_the_answer_of_one(door: Door) -> None:
    """The token alone takes none away; a passkey may say yes to its own end."""
    passkey = await added(door)
    refused = await revocation(door, passkey.credential)
    asked = (await door.client.post(f"/api/passkeys/{passkey.credential}/challenge")).json()
    assertion = passkey.answer_in_browser(asked["challenge"]).model_dump()

    done = await revocation(door, passkey.credential, challenge=asked["challenge"], assertion=assertion)

    assert (refused.status_code, refused.json()["code"]) == (403, "passkey.needed")
    assert done.status_code == 204
    assert await door.got("/api/passkeys") == []
    gone = await door.client.post(f"/api/passkeys/{passkey.credential}/challenge")
    assert (gone.status_code, gone.json()["code"]) == (404, "passkey.unknown")


async def test_a_challenge_is_good_for_one_purpose(door: Door) -> None:
    """What was asked for one passkey takes no other away, and what was asked to add one takes none."""
    first = await added(door)
    second = await added_beside(door, first)
    for_first = (await door.client.post(f"/api/passkeys/{first.credential}/challenge")).json()["challenge"]
    for_adding = (await options(door))["creation"]["challenge"]

    for challenge in (for_first, for_adding):
        assertion = first.answer_in_browser(challenge).model_dump()
        answer = await revocation(door, second.credential, challenge=challenge, assertion=assertion)
        assert answer.json()["code"] == "passkey.challenge"
    assert len(await door.got("/api/passkeys")) == 2


async def test_an_owner_takes_anybodys_away_and_others_only_their_own(door: Door) -> None:
    """Bo lost his: Ana takes it away with hers. Cy, who may only approve, takes nobody's."""
    anas = await added(door)
    bos = await given_to(door, await door.practice.person("Bo"))
    cy = await door.practice.person("Cy", Role.APPROVER)
    async with browser_of(door, cy) as theirs:
        refused = await theirs.request("DELETE", f"/api/passkeys/{bos.credential}")

    alone = await revocation(door, bos.credential)
    asked = (await door.client.post(f"/api/passkeys/{bos.credential}/challenge")).json()
    assertion = anas.answer_in_browser(asked["challenge"]).model_dump()
    done = await revocation(door, bos.credential, challenge=asked["challenge"], assertion=assertion)

    assert (refused.status_code, refused.json()["code"]) == (403, "answer.not_allowed")
    assert (alone.status_code, alone.json()["code"]) == (403, "passkey.needed")
    assert done.status_code == 204


async def test_an_agent_has_no_part_in_it(door: Door) -> None:
    """It neither sees, nor adds, nor takes away, nor learns what to sign."""
    passkey = await added(door)
    run = await door.asked()
    gate = await door.gate(run)
    async with await door.agent() as agent:
        answers = [
            await agent.get("/api/passkeys"),
            await agent.post("/api/passkeys/options"),
            await agent.post("/api/passkeys", json=made_at(door).introduce("AAAA").model_dump()),
            await agent.post(f"/api/passkeys/{passkey.credential}/challenge"),
            await agent.delete(f"/api/passkeys/{passkey.credential}"),
            await agent.post(f"/api/gates/{gate['id']}/challenge", json=door.decision(gate)),
        ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "identity.not_allowed")}


# A yes to something real


async def test_a_passkey_approves_what_is_real(live: Door) -> None:
    """The token is not enough; the passkey's answer to exactly this is, and the receipt can be had."""
    passkey = await added(live)
    run = await live.asked()
    gate = await live.gate(run)
    said = live.decision(gate)
    asked = (await live.client.post(f"/api/gates/{gate['id']}/challenge", json=said)).json()

    refused = await send(live, gate, said, None)
    done = await send(live, gate, said, passkey.answer_in_browser(asked["challenge"]))

    assert gate["need"]["passkey"]
    assert (refused.status_code, refused.json()["code"]) == (403, "answer.proof")
    assert (done.status_code, done.json()["status"]) == (200, "approved")
    assert asked["rp_id"] == "localhost"
    assert asked["credentials"] == [passkey.credential]
    assert [one.item for one in live.shop.sold] == ["tea"]
    assert [one["effect"] for one in await live.got(f"/api/runs/{run}/receipts")] == ["buy"]


@pytest.mark.parametrize("how", [{"verified": False}, {"present": False}, {"kind": "webauthn.create"}])
async def test_a_device_that_did_not_make_sure_approves_nothing(live: Door, how: dict[str, Any]) -> None:
    """Nobody was there, nobody was asked who it is, or it was being made and not answering."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    challenge = await challenge_for(live, gate, said)

    answer = await send(live, gate, said, passkey.answer_in_browser(challenge, **how))

    assert (answer.status_code, answer.json()["code"]) == (409, "passkey.bad")
    assert await turned_away(live) == ["passkey.bad"]
    assert live.shop.sold == []


@pytest.mark.parametrize("elsewhere", [{"origin": "http://localhost:1"}, {"rp_id": "haloop.example"}])
async def test_an_answer_that_was_asked_elsewhere_approves_nothing(live: Door, elsewhere: dict[str, Any]) -> None:
    """A page at another address asked the same passkey for the same; that it did stands in the ledger."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    challenge = await challenge_for(live, gate, said)

    answer = await send(live, gate, said, replace(passkey, **elsewhere).answer_in_browser(challenge))

    assert (answer.status_code, answer.json()["code"]) == (409, "passkey.bad")
    assert await turned_away(live) == ["passkey.bad"]


async def test_a_page_that_the_house_allows_may_ask(live: Door) -> None:
    """An answer that was asked at an allowed address counts, though it came in here."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    challenge = await challenge_for(live, gate, said)
    live.app.state.house = replace(live.house, allowed_origins=["http://localhost:1"])

    answer = await send(live, gate, said, replace(passkey, origin="http://localhost:1").answer_in_browser(challenge))

    assert answer.json()["status"] == "approved"


async def test_the_same_machine_by_its_number_is_the_same_site(live: Door) -> None:
    """A browser makes passkeys for names alone; by 127.0.0.1 one is told the name."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    host = live.address.removeprefix("http://").replace("localhost", "127.0.0.1")
    asked = await live.client.post(f"/api/gates/{gate['id']}/challenge", json=said, headers={"Host": host})

    said["assertion"] = passkey.answer_in_browser(asked.json()["challenge"]).model_dump()
    answer = await live.client.post(f"/api/gates/{gate['id']}/decisions", json=said, headers={"Host": host})

    assert asked.json()["rp_id"] == "localhost"
    assert answer.json()["status"] == "approved"


@pytest.mark.parametrize("whose", ["Bo's", "nobody's"])
async def test_another_persons_passkey_approves_nothing(live: Door, whose: str) -> None:
    """What Bo signs is no yes of Ana's, nor is what a passkey signs that nobody added."""
    bos = await given_to(live, await live.practice.person("Bo"))
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    challenge = await challenge_for(live, gate, said)
    signing = bos if whose == "Bo's" else made_at(live)

    answer = await send(live, gate, said, signing.answer_in_browser(challenge))

    assert (answer.status_code, answer.json()["code"]) == (403, "answer.credential")
    assert await turned_away(live) == ["answer.credential"]


async def test_another_key_under_ones_name_approves_nothing(live: Door) -> None:
    """The name of Ana's passkey, and a signature of another."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    challenge = await challenge_for(live, gate, said)

    forged = replace(made_at(live), credential=passkey.credential)

    assert (await send(live, gate, said, forged.answer_in_browser(challenge))).json()["code"] == "passkey.bad"


async def test_a_revoked_passkey_approves_nothing(live: Door) -> None:
    """Not even what it signed before it was taken away."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    signed = passkey.answer_in_browser(await challenge_for(live, gate, said))
    asked = (await live.client.post(f"/api/passkeys/{passkey.credential}/challenge")).json()["challenge"]
    confirmed = {"challenge": asked, "assertion": passkey.answer_in_browser(asked).model_dump()}
    assert (await revocation(live, passkey.credential, **confirmed)).status_code == 204

    answer = await send(live, gate, said, signed)

    assert (answer.status_code, answer.json()["code"]) == (403, "answer.credential")


@pytest.mark.parametrize(
    "other", [{"nonce": "n" * 16}, {"expires": 1}, {"verdict": "refused"}, {"disclosures_read": True}]
)
async def test_an_answer_belongs_to_the_decision_it_was_asked_for(live: Door, other: dict[str, Any]) -> None:
    """Changed in any of what a passkey signs it counts for nothing; what it does not sign may be said beside it."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    signed = passkey.answer_in_browser(await challenge_for(live, gate, said))

    answer = await send(live, gate, {**said, **other}, signed)

    assert answer.json().get("code") == (None if "disclosures_read" in other else "passkey.bad")


async def test_an_answer_cannot_be_shown_again(live: Door) -> None:
    """Neither to another gate that asks the same, nor to a later revision of this one."""
    passkey = await added(live)
    one, other = [await live.gate(await live.asked()) for _ in range(2)]
    said = live.decision(one)
    signed = passkey.answer_in_browser(await challenge_for(live, one, said))

    elsewhere = await send(live, other, {**said, "draft": other["draft"], "card": other["card_hash"]}, signed)
    await live.decide(one, "changed", change=700)
    revised = await live.got(f"/api/gates/{one['id']}")
    later = await send(live, revised, {**live.decision(revised), "nonce": said["nonce"]}, signed)

    assert (elsewhere.json()["code"], later.json()["code"]) == ("passkey.bad", "passkey.bad")
    assert live.shop.sold == []


async def test_nothing_is_asked_for_a_gate_that_is_not_there(live: Door) -> None:
    """404, before a person is bothered."""
    gate = await live.gate(await live.asked())

    answer = await live.client.post(f"/api/gates/gate_{'0' * 32}_1/challenge", json=live.decision(gate))

    assert (answer.status_code, answer.json()["code"]) == (404, "answer.foreign")


@pytest.mark.parametrize("field", ["credential", "authenticator_data", "client_data", "signature"])
async def test_half_an_answer_is_named(live: Door, field: str) -> None:
    """What is no answer of a passkey at all never comes to the gate."""
    passkey = await added(live)
    gate = await live.gate(await live.asked())
    said = live.decision(gate)
    signed = passkey.answer_in_browser(await challenge_for(live, gate, said))

    for half in ("", "!", "A"):
        answer = await send(live, gate, said, signed.model_copy(update={field: half}))
        assert answer.status_code == 422


async def test_a_finding_takes_what_approving_took(live: Door) -> None:
    """The line broke: Ana says how it ended, with her passkey on exactly that."""
    passkey = await added(live)
    live.shop.fails = True
    async with await live.agent() as agent:
        run = (await agent.post("/api/requests", json=tea())).json()["run"]
    await live.practice.engine.settled()
    gate = await live.gate(run)
    said = live.decision(gate)
    await send(live, gate, said, passkey.answer_in_browser(await challenge_for(live, gate, said)))
    found: dict[str, Any] = {"effect": "buy", "happened": False, "sentence": "Karl says no."}
    at = f"/api/gates/{gate['id']}/findings"
    asked = (await live.client.post(f"{at}/challenge", json=found)).json()
    signed = passkey.answer_in_browser(asked["challenge"]).model_dump()
    elsewhere = replace(passkey, origin="http://localhost:1").answer_in_browser(asked["challenge"]).model_dump()

    refused = [
        await live.client.post(at, json=found),
        await live.client.post(at, json={**found, "sentence": "It is fine.", "assertion": signed}),
        await live.client.post(at, json={**found, "assertion": elsewhere}),
    ]
    done = await live.client.post(at, json={**found, "assertion": signed})

    assert [answer.json()["code"] for answer in refused] == ["answer.proof", "passkey.bad", "passkey.bad"]
    assert done.status_code == 204, done.text
