"""Coming in with a passkey: as whose it is, in the very browser that asked, here and from elsewhere."""

from datetime import timedelta

import httpx2
import pytest

from haloop.kernel.fact import CredentialEnrolled, PersonRemoved
from haloop.kernel.passkey import EDDSA, ES256
from haloop.testing.passkey import Passkey
from haloop.wire.sessions import SESSION_HEADER
from tests.api.conftest import Door, client_of
from tests.api.elsewhere import PUBLIC, Browser
from tests.api.test_errors import told
from tests.api.test_logins import away, owner_of, provider
from tests.api.test_passkeys import added, given_to, made_at

__all__ = ["away", "provider"]


async def challenge(browser: httpx2.AsyncClient) -> str:
    answer = await browser.post("/api/login/passkey/challenge")
    assert answer.status_code == 200, answer.text
    asked: str = answer.json()["challenge"]
    return asked


async def shown(
    browser: httpx2.AsyncClient,
    passkey: Passkey,
    asked: str,
    *,
    verified: bool = True,
    present: bool = True,
    again: bool = False,
) -> httpx2.Response:
    assertion = passkey.answer_in_browser(asked, verified=verified, present=present).model_dump()
    return await browser.post("/api/login/passkey", json={"challenge": asked, "assertion": assertion, "again": again})


async def came_in_with(browser: Browser, passkey: Passkey) -> httpx2.Response:
    """Somebody elsewhere shows a passkey."""
    asked = (await browser.post("/api/login/passkey/challenge")).json()["challenge"]
    answer = passkey.answer_in_browser(asked).model_dump()
    begun = await browser.post("/api/login/passkey", {"challenge": asked, "assertion": answer})
    browser.secret = begun.json().get("secret", browser.secret)
    return begun


async def has_public_passkey(away: Door) -> Passkey:
    """One that Ana made at the public address."""
    passkey = Passkey.made(rp_id="haloop.example.org", origin=PUBLIC)
    fact = CredentialEnrolled(
        person=away.ana,
        credential=passkey.credential,
        algorithm=passkey.key.algorithm,
        public_key=passkey.key.public_key.hex(),
    )
    await away.practice.engine.record(away.practice.account, fact, by="kernel")
    return passkey


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
async def test_whoever_has_a_passkey_comes_in_with_it(door: Door, algorithm: int) -> None:
    """Without a name, a token or an address: it is the one it belongs to."""
    passkey = await added(door, algorithm)
    async with client_of(door.address, None) as browser:
        begun = await shown(browser, passkey, await challenge(browser))
        assert begun.status_code == 201, begun.text
        browser.headers[SESSION_HEADER] = begun.json()["secret"]
        assert (await browser.get("/api/me")).json()["person"] == door.ana


async def test_what_was_signed_counts_once_and_in_that_browser(door: Door) -> None:
    """Not a second time, not in another browser, not after its time, and not a challenge that nobody asked for."""
    passkey = await added(door)
    async with client_of(door.address, None) as browser, client_of(door.address, None) as other:
        asked = await challenge(browser)
        await challenge(other)
        assert told(await shown(other, passkey, asked)) == (401, "passkey.challenge")
        assert told(await shown(browser, passkey, asked)) == (401, "passkey.challenge")
        asked = await challenge(browser)
        assert (await shown(browser, passkey, asked)).status_code == 201
        assert told(await shown(browser, passkey, asked)) == (401, "passkey.challenge")
        asked = await challenge(browser)
        await door.practice.move(timedelta(minutes=5))
        assert told(await shown(browser, passkey, asked)) == (401, "passkey.challenge")
        assert told(await shown(browser, passkey, "AAAA")) == (401, "passkey.challenge")


async def test_what_is_no_answer_of_theirs_opens_nothing(door: Door) -> None:
    """A strange passkey, a strange key under a known name, nobody verified, another kind of answer, another site."""
    passkey, strange = await added(door), made_at(door)
    imposter = Passkey(
        credential=passkey.credential, key=passkey.key, rp_id=passkey.rp_id, origin=passkey.origin, sign=strange.sign
    )
    elsewhere = Passkey(
        credential=passkey.credential, key=passkey.key, rp_id="evil", origin="http://evil", sign=passkey.sign
    )
    async with client_of(door.address, None) as browser:
        assert told(await shown(browser, strange, await challenge(browser))) == (401, "login.passkey")
        for wrong in (imposter, elsewhere):
            assert told(await shown(browser, wrong, await challenge(browser))) == (401, "passkey.bad")
        for verified, present in ((False, True), (True, False)):
            answer = await shown(browser, passkey, await challenge(browser), verified=verified, present=present)
            assert told(answer) == (401, "passkey.bad")
        assert "haloop_session" not in browser.cookies


async def test_who_somebody_is_they_show_again_with_their_own(door: Door) -> None:
    """In a browser that two people use, the other's passkey does not go on with what one began."""
    anas, bens = await added(door), await given_to(door, await door.practice.person("Ben"))
    async with client_of(door.address, None) as browser:
        assert told(await shown(browser, anas, await challenge(browser), again=True)) == (401, "identity.session_over")
        begun = await shown(browser, anas, await challenge(browser))
        browser.headers.update({SESSION_HEADER: begun.json()["secret"], "Origin": door.address})

        assert told(await shown(browser, bens, await challenge(browser), again=True)) == (409, "login.another")
        assert (await browser.get("/api/me")).json()["person"] == door.ana
        assert (await shown(browser, anas, await challenge(browser), again=True)).status_code == 201


async def test_a_passkey_of_somebody_who_left_opens_nothing(door: Door) -> None:
    """Also where nobody thought of taking it away."""
    passkey = await added(door)
    await door.practice.engine.record(door.practice.account, PersonRemoved(person=door.ana), by="kernel")
    async with client_of(door.address, None) as browser:
        assert told(await shown(browser, passkey, await challenge(browser))) == (401, "login.passkey")


async def test_from_elsewhere_a_passkey_is_a_login_too(away: Door) -> None:
    """It opens what a login opens, and shows anew who somebody is; one that was made on the machine does not."""
    local, passkey = await added(away), await has_public_passkey(away)
    async with Browser.at(away) as browser:
        assert told(await came_in_with(browser, local)) == (401, "passkey.bad")
        assert (await came_in_with(browser, passkey)).status_code == 201
        assert (await browser.post("/api/tokens", {"agent": "shopper"})).status_code == 201

        await away.practice.move(timedelta(minutes=11))
        before = browser.session
        assert told(await browser.post("/api/tokens", {"agent": "late"})) == (403, "identity.stale")
        await came_in_with(browser, passkey)
        assert browser.session != before
        assert (await browser.post("/api/tokens", {"agent": "late"})).status_code == 201
        assert len((await browser.get("/api/sessions")).json()) == 1


async def test_a_passkey_is_made_and_approves_at_the_public_address(away: Door) -> None:
    """Its site is the public name; with it a yes from elsewhere counts."""
    gate = await away.gate(await away.asked())
    async with await owner_of(away) as browser:
        options = (await browser.post("/api/passkeys/options")).json()
        assert options["creation"]["rp"]["id"] == "haloop.example.org"
        passkey = Passkey.made(rp_id="haloop.example.org", origin=PUBLIC)
        made = passkey.introduce(options["creation"]["challenge"])
        assert (await browser.post("/api/passkeys", made.model_dump())).status_code == 201

        said = away.decision(gate)
        asked = (await browser.post(f"/api/gates/{gate['id']}/challenge", said)).json()
        assert (asked["rp_id"], asked["credentials"]) == ("haloop.example.org", [passkey.credential])
        signed = passkey.answer_in_browser(asked["challenge"]).model_dump()
        answer = await browser.post(f"/api/gates/{gate['id']}/decisions", {**said, "assertion": signed})
        assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    await away.practice.engine.settled()
    assert len(away.shop.sold) == 1
