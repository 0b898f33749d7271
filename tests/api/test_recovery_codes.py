"""Recovery codes through the door: said once, good once, and no way in for whoever reads the machine's token."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2

from haloop.identity import Caller
from haloop.kernel.fact import RolesChanged
from haloop.kernel.people import Role
from haloop.testing.passkey import Passkey
from tests.api.conftest import Door, client_of
from tests.api.test_errors import told
from tests.api.test_passkeys import add, browser_of, given_to, made_at, options


async def begun(door: Door) -> tuple[Passkey, str]:
    """Ana's first passkey, and the code she was told with it."""
    passkey, challenge = made_at(door), (await options(door))["creation"]["challenge"]
    answer = await add(door, passkey.introduce(challenge))
    return passkey, answer.json()["recovery_code"]


async def recovered(door: Door, code: str, client: httpx2.AsyncClient | None = None) -> httpx2.Response:
    """A new passkey is added with this code, and with no other passkey's answer."""
    challenge = (await options(door, client))["creation"]["challenge"]
    made = made_at(door).introduce(challenge).model_copy(update={"recovery_code": code})
    return await add(door, made, client)


async def made_anew(door: Door, passkey: Passkey) -> httpx2.Response:
    challenge = (await door.client.post("/api/recovery-code/challenge")).json()["challenge"]
    said = {"challenge": challenge, "assertion": passkey.answer_in_browser(challenge).model_dump()}
    return await door.client.post("/api/recovery-code", json=said)


async def test_an_owner_is_told_a_code_with_their_first_passkey(door: Door) -> None:
    """Once: the ledger keeps only its hash, and a second passkey brings no second one."""
    assert (await door.got("/api/recovery-code"))["made_at"] is None
    first, code = await begun(door)

    assert len(code.replace("-", "")) == 28
    events = await door.client.get("/api/ledger/events", params={"limit": 500})
    assert code not in events.text
    assert (await door.got("/api/recovery-code"))["made_at"] is not None
    challenge = (await options(door))["confirm"]["challenge"]
    vouched = made_at(door).introduce(challenge).model_copy(update={"assertion": first.answer_in_browser(challenge)})
    assert (await add(door, vouched)).json()["recovery_code"] is None


async def test_a_code_adds_a_passkey_where_none_is_at_hand(door: Door) -> None:
    """However it was copied off the paper; the ledger says so, the next code is said, and this one is spent."""
    first, code = await begun(door)
    spelt = code.upper().replace("-", " ").replace("0", "O").replace("1", "l")

    answer = await recovered(door, spelt)

    assert answer.status_code == 201, answer.text
    assert answer.json()["recovery_code"] not in (None, code)
    assert {one["credential"] for one in await door.got("/api/passkeys")} == {
        first.credential,
        answer.json()["credential"],
    }
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    spent = [one["says"]["recovery_code"] for one in events if one["kind"] == "credential.enrolled"]
    assert [bool(one) for one in spent] == [False, True]
    assert told(await recovered(door, code)) == (403, "recovery_code.wrong")
    assert (await recovered(door, answer.json()["recovery_code"])).status_code == 201


async def test_a_program_that_reads_the_token_has_no_code(door: Door) -> None:
    """It guesses five times an hour; it has none made without a passkey; and nobody else's code is one."""
    passkey, code = await begun(door)
    ben = await door.practice.person("Ben")
    async with browser_of(door, ben) as his:
        assert told(await recovered(door, code, his)) == (403, "recovery_code.wrong")
    refused = await door.client.post("/api/recovery-code", json={"challenge": "AAAA", "assertion": _nobodys(door)})
    assert told(refused) == (409, "passkey.challenge")
    assert told(await made_anew(door, made_at(door))) == (403, "passkey.needed")
    assert told(await made_anew(door, await given_to(door, ben))) == (403, "passkey.needed")
    for _ in range(5):
        assert told(await recovered(door, "0000-0000")) == (403, "recovery_code.wrong")
    assert told(await recovered(door, code)) == (429, "request.too_many")
    await door.practice.move(timedelta(hours=1))
    assert (await recovered(door, code)).status_code == 201
    assert passkey.credential in (await door.practice.engine.account(door.practice.account)).credentials


async def test_of_many_at_once_a_code_adds_one(door: Door) -> None:
    """Whoever is second holds a code that was just used."""
    _, code = await begun(door)

    answers = await asyncio.gather(*(recovered(door, code) for _ in range(4)))

    assert sorted(one.status_code for one in answers) == [201, 403, 403, 403]


async def test_a_new_code_ends_the_one_before(door: Door) -> None:
    """It takes a passkey of one's own, and is said this once."""
    passkey, code = await begun(door)

    said = await made_anew(door, passkey)

    assert said.status_code == 201, said.text
    assert told(await recovered(door, code)) == (403, "recovery_code.wrong")
    assert (await recovered(door, said.json()["recovery_code"])).status_code == 201


async def test_whoever_recovers_is_known_nowhere_else(door: Door) -> None:
    """Every other session of theirs is over, and every address for one visit; this one and other people's go on."""
    _, code = await begun(door)
    ben = await door.practice.person("Ben", Role.APPROVER)
    key = door.house.identity.issue_once(Caller(account=door.practice.account, person=door.ana))
    async with (
        browser_of(door, door.ana) as here,
        browser_of(door, door.ana) as there,
        browser_of(door, ben) as his,
        client_of(door.address, None) as late,
    ):
        assert (await recovered(door, code, here)).status_code == 201
        answers = [await one.get("/api/me") for one in (here, there, his)]
        assert [one.status_code for one in answers] == [200, 401, 200]
        assert (await late.post("/api/session", json={"key": key})).status_code == 401


async def test_a_code_is_an_owners(door: Door) -> None:
    """Who only approves is told none; it falls with the role, and is read again after a restart."""
    await begun(door)
    ben = await door.practice.person("Ben", Role.APPROVER)
    async with browser_of(door, ben) as his:
        assert (await his.get("/api/recovery-code")).status_code == 403
    account = await door.practice.engine.account(door.practice.account)
    codes = dict(account.recovery_codes)
    assert list(codes) == [door.ana]
    fact = RolesChanged(person=door.ana, roles=["viewer"])
    await door.practice.restart()
    account = await door.practice.engine.account(door.practice.account)
    assert account.recovery_codes == codes
    await door.practice.engine.record(door.practice.account, fact, by="kernel")
    assert account.recovery_codes == {}


def _nobodys(door: Door) -> dict[str, Any]:
    return made_at(door).answer_in_browser("AAAA").model_dump()
