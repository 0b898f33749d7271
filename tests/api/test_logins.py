"""Logins from elsewhere, against a real issuer and against one that lies: who gets in, and who does not."""

import base64
import hmac
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import OctKey, RSAKey
from oidc_provider_mock import run_server_in_thread

from haloop.api.asking import SESSION_COOKIE
from haloop.issuer import login_key
from haloop.kernel.people import Role
from haloop.wire.sessions import SESSION_HEADER
from tests.api.conftest import TOKEN, Door, client_of, tea
from tests.api.elsewhere import (
    PUBLIC,
    SECRET,
    STRANGER,
    Browser,
    Crook,
    agreed,
    asked,
    changed,
    crooked,
    reachable,
)
from tests.api.test_errors import told
from tests.api.test_noting import logs, noted
from tests.api.test_passkeys import browser_of

__all__ = ["logs"]


@pytest.fixture
def provider() -> Iterator[str]:
    """A real issuer's server, on this machine."""
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
async def away(tmp_path: Path, provider: str) -> AsyncIterator[Door]:
    """A house that people reach from elsewhere, by the logins of a real issuer."""
    async with reachable(tmp_path / "away", provider) as door:
        yield door


async def owner_of(door: Door, subject: str = "ana") -> Browser:
    """Ana's browser, elsewhere, after her first login with the machine's address."""
    browser = Browser.at(door)
    answer = await browser.log_in(subject, key=door.house.identity.issue_once())
    assert answer.status_code == 303, answer.text
    return browser


async def me(browser: Browser) -> dict[str, Any]:
    answer = await browser.get("/api/me")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


# The way in


async def test_the_holder_of_the_machines_address_is_the_owner_from_elsewhere_too(away: Door) -> None:
    """The first login takes the address that was printed; from then on the login alone is enough."""
    async with await owner_of(away) as first, Browser.at(away) as later:
        assert (await me(first))["person"] == away.ana
        assert (await later.log_in("ana")).status_code == 303
        assert ((await me(later))["person"], later.session != first.session) == (away.ana, True)


async def test_a_login_that_nobody_linked_opens_nothing(away: Door) -> None:
    """Neither on a fresh installation nor later does a stranger become anybody by being first."""
    async with Browser.at(away) as stranger:
        assert told(await stranger.log_in("eve")) == (401, "login.unknown")
        assert stranger.session == ""
    assert (await away.practice.engine.account(away.practice.account)).logins == {}


async def test_the_question_is_bound_to_us(away: Door, provider: str) -> None:
    """PKCE by S256, a state, a nonce, our own address to come back to, whatever the request says of itself."""
    async with Browser.at(away) as browser:
        first, second = await browser.begun(), await browser.begun()
    said = asked(first)
    assert first.startswith(f"{provider}/")
    assert (said["redirect_uri"], said["code_challenge_method"]) == (f"{PUBLIC}/api/login/callback", "S256")
    assert (said["response_type"], said["scope"]) == ("code", "openid")
    for name in ("state", "nonce", "code_challenge"):
        assert len(said[name]) >= 43
        assert said[name] != asked(second)[name]
    assert "prompt" not in said


async def test_what_the_browser_gets_is_for_tls_and_this_name_alone(away: Door) -> None:
    """The cookie's prefix says so to the browser, and the answers ask it to stay with TLS."""
    async with Browser.at(away) as browser:
        key = away.house.identity.issue_once()
        answer = await browser.came_back(await agreed(await browser.begun(key=key), "ana"))
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert set(browser.cookies) == {"__Host-haloop_login", "__Host-haloop_session"}
        begun = await browser.post("/api/login", {})
        cookie = begun.headers["set-cookie"].lower()
        assert all(one in cookie for one in ("secure", "httponly", "path=/", "samesite=lax"))
        assert "domain" not in cookie
    assert "strict-transport-security" not in (await away.client.get("/api/me")).headers


async def test_an_invited_person_comes_in_by_a_login(away: Door) -> None:
    """The invitation is redeemed by it, once, and the login is theirs from then on."""
    sent = (await away.client.post("/api/invitations", json={"name": "Ben", "roles": ["viewer"]})).json()
    assert sent["address"].startswith(f"{PUBLIC}/#invitation=inv_")
    async with Browser.at(away) as his, Browser.at(away) as late:
        direct = await his.post("/api/redemptions", {"invitation": sent["invitation"]})
        assert told(direct) == (403, "login.needed")
        assert (await his.log_in("ben", invitation=sent["invitation"])).status_code == 303
        assert ((await me(his))["name"], (await me(his))["roles"]) == ("Ben", ["viewer"])
        refused = await late.post("/api/login", {"invitation": sent["invitation"]})
        assert told(refused) == (401, "invitation.over")
        assert (await late.log_in("ben")).status_code == 303
        assert (await me(late))["name"] == "Ben"


async def test_whoever_is_taken_out_does_not_come_back_by_their_login(away: Door) -> None:
    """The login is nobody's any more, and their session is over."""
    async with await owner_of(away) as hers, Browser.at(away) as his:
        sent = (await hers.post("/api/invitations", {"name": "Ben", "roles": ["owner"]})).json()
        await his.log_in("ben", invitation=sent["invitation"])
        ben = (await me(his))["person"]
        assert (await hers.ask("DELETE", f"/api/people/{ben}")).status_code == 204
        assert told(await his.get("/api/me")) == (401, "identity.session_over")
        assert told(await his.log_in("ben")) == (401, "login.unknown")


async def test_one_login_belongs_to_several_accounts(away: Door) -> None:
    """A second account is theirs too; the session is switched, and a login comes back to where they were."""
    async with await owner_of(away) as browser:
        opened = (await browser.post("/api/accounts", {"sort": "company", "name": "Garden & Co"})).json()
        switched = await browser.post("/api/session/account", {"account": opened["id"]})
        browser.secret = switched.json()["secret"]
        assert (await me(browser))["account"] == opened["id"]
        await browser.log_in("ana")
        assert (await me(browser))["account"] == opened["id"]
        assert len((await browser.get("/api/accounts")).json()) == 2


async def test_a_login_is_not_given_to_a_second_person(away: Door) -> None:
    """Somebody with an address for another person cannot take a login along that is somebody's already."""
    async with await owner_of(away), Browser.at(away) as browser:
        ben = await away.practice.person("Ben")
        key = away.house.identity.issue_once((await away.house.identity.memberships(ben))[0])
        assert told(await browser.log_in("ana", key=key)) == (409, "login.linked")


# What the way back must be


async def test_a_state_that_was_not_ours_is_refused(away: Door) -> None:
    """Made up, or another browser's: nothing is exchanged, and nobody comes in."""
    async with Browser.at(away) as browser:
        location = await agreed(await browser.begun(key=away.house.identity.issue_once()), "ana")
        assert told(await browser.came_back(changed(location, state="made up"))) == (401, "login.state")
        assert browser.session == ""


async def test_the_way_back_counts_once(away: Door) -> None:
    """Neither the same state nor the same code brings anybody in again."""
    async with await owner_of(away), Browser.at(away) as browser:
        location = await agreed(await browser.begun(), "ana")
        assert (await browser.came_back(location)).status_code == 303
        assert told(await browser.came_back(location)) == (401, "login.state")
        again = asked(await browser.begun())["state"]
        assert told(await browser.came_back(changed(location, state=again))) == (401, "login.code")


async def test_nobody_is_brought_in_as_somebody_else(away: Door) -> None:
    """An attacker has a victim's browser open the way back of their own login, or the key it ends with: no session."""
    async with await owner_of(away), Browser.at(away) as attacker, Browser.at(away) as victim:
        location = await agreed(await attacker.begun(), "ana")
        assert told(await victim.came_back(location)) == (401, "login.browser")

        await victim.begun()
        location = await agreed(await attacker.begun(), "ana")
        assert told(await victim.came_back(location)) == (401, "login.browser")

        location = await agreed(await attacker.begun(), "ana")
        ended = await attacker.get(location.removeprefix(PUBLIC))
        key = urlsplit(ended.headers["location"]).fragment.removeprefix("session=")
        assert told(await victim.come_in(key)) == (401, "identity.used")
        assert victim.session == ""


async def test_a_printed_address_alone_opens_nothing_from_elsewhere(away: Door) -> None:
    """Whoever reads it in a proxy's log needs a login too; and it is spent once it was used."""
    async with Browser.at(away) as stranger:
        assert told(await stranger.come_in(away.house.identity.issue_once())) == (401, "identity.used")
        await stranger.begun()
        assert told(await stranger.come_in(away.house.identity.issue_once())) == (401, "identity.used")


async def test_a_login_sends_people_nowhere_else(away: Door) -> None:
    """There is no address to be sent on to: not asked for, not in the way back, not by the host's name."""
    async with await owner_of(away), Browser.at(away) as browser:
        for more in ({"next": "https://evil.example"}, {"after": "//evil.example"}):
            assert told(await browser.post("/api/login", more)) == (422, "request.malformed")
        forged = await browser.ask("POST", "/api/login", json={}, **{"X-Forwarded-Host": "evil.example"})
        assert asked(forged.json()["address"])["redirect_uri"].startswith(f"{PUBLIC}/")
        location = await agreed(forged.json()["address"], "ana")
        answer = await browser.get(changed(location, next="https://evil.example").removeprefix(PUBLIC))
        assert answer.headers["location"].startswith("/#session=")
        denied = await browser.ask("GET", "/api/login/callback?state=x&error=//evil.example", Accept="text/html")
        assert denied.headers["location"] == "/#refused=login.state"


async def test_whoever_is_not_let_in_by_the_issuer_is_told_so(away: Door) -> None:
    """They said no there, or too much time went by."""
    async with Browser.at(away) as browser:
        state = asked(await browser.begun())["state"]
        answer = await browser.get(f"/api/login/callback?state={state}&error=access_denied")
        assert told(answer) == (401, "login.denied")
        location = await agreed(await browser.begun(), "ana")
        await away.practice.move(timedelta(minutes=10))
        assert told(await browser.came_back(location)) == (401, "login.state")


async def test_guessing_logins_is_slow_for_whoever_guesses(away: Door) -> None:
    """The twenty-first of a minute is told to wait; somebody at another address is not."""
    async with Browser.at(away) as guesser, Browser.at(away) as other:
        answers = [await guesser.post("/api/session", {"key": f"guess {number}"}) for number in range(21)]
        assert [one.status_code for one in answers] == [401] * 20 + [429]
        other.address = "203.0.113.8"
        assert (await other.come_in("guess")).status_code == 401


async def test_without_an_issuer_nobody_logs_in(door: Door, away: Door) -> None:
    """On the machine itself, and where none is set: the page says what else to do."""
    assert (await door.client.get("/api/login")).json() == {"elsewhere": False, "issuer": False, "passkey": True}
    for there in (door, away):
        assert told(await there.client.post("/api/login", json={})) == (409, "login.none")
    async with Browser.at(away) as browser:
        assert (await browser.get("/api/login")).json() == {"elsewhere": True, "issuer": True, "passkey": True}


# What the machine's own things are worth from elsewhere


async def test_the_machines_token_is_good_on_the_machine_alone(away: Door) -> None:
    """Asked at the public address, or passed on by a proxy under whatever name, it is nobody's."""
    async with Browser.at(away) as browser:
        assert told(await browser.ask("GET", "/api/me", Authorization=f"Bearer {TOKEN}")) == (401, "identity.unknown")
        local = urlsplit(away.address).netloc
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            said = {"Authorization": f"Bearer {TOKEN}", "Host": local, header: "203.0.113.7"}
            async with client_of(away.address, None) as proxy:
                assert told(await proxy.get("/api/me", headers=said)) == (421, "identity.foreign_host")
    assert (await away.client.get("/api/me")).status_code == 200


async def test_an_agents_token_is_good_from_elsewhere(away: Door) -> None:
    """It proposes, and no more."""
    async with await away.agent() as agent, Browser.at(away) as browser:
        shown = {"Authorization": agent.headers["authorization"]}
        assert (await browser.ask("POST", "/api/requests", json=tea(), **shown)).status_code == 201


async def test_a_session_stays_where_it_began(away: Door) -> None:
    """One of the machine's own page is none at the public address, and the other way round."""
    async with client_of(away.address, None) as local, await owner_of(away) as browser:
        begun = await local.post("/api/session", json={"key": away.house.identity.issue_once()})
        stolen = {"Cookie": f"__Host-haloop_session={begun.cookies[SESSION_COOKIE]}"}
        shown = {**stolen, SESSION_HEADER: begun.json()["secret"]}
        assert told(await browser.ask("GET", "/api/me", **shown)) == (401, "identity.session_over")
        carried = {"Cookie": f"{SESSION_COOKIE}={browser.session}", SESSION_HEADER: browser.secret}
        local.cookies.clear()
        assert told(await local.get("/api/me", headers=carried)) == (401, "identity.session_over")


@pytest.mark.parametrize(
    "host", ["evil.example", "haloop.example.org:4000", "haloop.example.org.evil.example", "localhost"]
)
async def test_only_our_own_names_are_answered(away: Door, host: str) -> None:
    """Anything else that points here is turned away."""
    async with Browser.at(away) as browser:
        assert told(await browser.ask("GET", "/api/login", Host=host)) == (421, "identity.foreign_host")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://haloop.example.org", "null", "http://localhost:4000"]
)
async def test_a_page_elsewhere_uses_no_session(away: Door, origin: str) -> None:
    """Neither of another name nor of ours without TLS; nor does it begin a login for somebody."""
    async with await owner_of(away) as browser:
        for path, body in (("/api/requests", tea()), ("/api/login", {})):
            answer = await browser.ask("POST", path, json=body, Origin=origin)
            assert told(answer) == (403, "identity.foreign_origin")


async def test_a_practice_yes_from_elsewhere_takes_a_passkey(away: Door) -> None:
    """The gate says so, a yes without one is refused and recorded, and nothing is bought; on the machine it counts."""
    run = await away.asked()
    gate = await away.gate(run)
    async with await owner_of(away) as browser:
        seen = (await browser.get(f"/api/gates/{gate['id']}")).json()
        assert (gate["need"]["passkey"], seen["need"]["passkey"]) == (False, True)
        yes = await browser.post(f"/api/gates/{gate['id']}/decisions", away.decision(gate))
        assert told(yes) == (403, "answer.proof")
    assert away.shop.sold == []
    events = (await away.got("/api/ledger/events", params={"limit": 500}))["events"]
    assert [one["says"]["code"] for one in events if one["kind"] == "answer.refused"] == ["answer.proof"]
    assert (await away.decide(gate)).status_code == 200
    assert len(away.shop.sold) == 1


async def test_the_practice_town_is_not_turned_from_elsewhere(away: Door) -> None:
    """Its servers are this machine's, and so are its troubles: an owner elsewhere is not even shown them."""
    async with await owner_of(away) as browser:
        wanted = {"server": "shop", "trouble": "busy", "on": True}
        answers = [
            await browser.get("/api/town"),
            await browser.ask("PUT", "/api/town/troubles", json=wanted, Origin=PUBLIC),
        ]
    assert [told(one) for one in answers] == [(403, "town.elsewhere")] * 2


async def test_who_may_do_what_is_changed_by_somebody_who_was_just_there(away: Door) -> None:
    """Ten minutes after the login every such change is refused, until they log in again; looking goes on."""
    ben = await away.practice.person("Ben", Role.VIEWER)
    changes: list[tuple[str, str, Any]] = [
        ("POST", "/api/tokens", {"agent": "shopper"}),
        ("DELETE", f"/api/tokens/{'0' * 16}", None),
        ("DELETE", "/api/grants/grant_1", None),
        ("POST", f"/api/people/{ben}/roles", {"roles": ["viewer"]}),
        ("DELETE", f"/api/people/{ben}", None),
        ("POST", "/api/invitations", {"name": "Cem", "roles": ["owner"]}),
        ("DELETE", f"/api/invitations/{'0' * 16}", None),
        ("POST", "/api/accounts", {"sort": "person", "name": "Ana"}),
        ("POST", "/api/account/name", {"sort": "person", "name": "Ana"}),
        ("POST", "/api/clock/trust", None),
        ("POST", "/api/recovery/end", None),
        ("POST", "/api/visits", None),
        ("POST", "/api/passkeys", {}),
        ("DELETE", "/api/passkeys/AAAA", None),
    ]
    async with await owner_of(away) as browser:
        assert (await browser.post("/api/tokens", {"agent": "early"})).status_code == 201
        await away.practice.move(timedelta(minutes=10, seconds=1))
        for method, path, body in changes:
            assert told(await browser.ask(method, path, json=body)) == (403, "identity.stale"), path
        assert (await browser.get("/api/people")).status_code == 200
        assert (await browser.get("/api/invitations")).status_code == 200


async def test_a_login_may_be_asked_for_anew(away: Door) -> None:
    """Also of somebody whom the issuer still knows; and it ends the session before."""
    async with await owner_of(away) as browser:
        before = browser.session
        page = await browser.begun(again=True)
        assert (asked(page)["prompt"], asked(page)["max_age"]) == ("login", "0")
        await browser.came_back(await agreed(page, "ana"))
        assert browser.session != before
        assert len((await browser.get("/api/sessions")).json()) == 1


async def test_logins_and_their_failures_are_noted_without_what_was_shown(away: Door, logs: Path) -> None:
    """Who came in, and each refusal by its code; no code, state, key, mark or secret stands in the log."""
    async with await owner_of(away) as browser, Browser.at(away) as other:
        location = await agreed(await browser.begun(), "ana")
        await other.came_back(location)
        await other.log_in("eve@example.com")
        await browser.get("/api/me")
        asked_for = asked(location)
        text = logs.read_text(encoding="utf-8")
        shown = [asked_for["code"], asked_for["state"], browser.secret, browser.session, browser.mark, SECRET, "eve@"]
    assert noted(logs, event="login")[0]["actor"] == f"person:{away.ana}"
    assert [line["code"] for line in noted(logs, event="denied")] == ["login.browser", "login.unknown"]
    assert [one for one in shown if one in text] == []


# Taking a login away


async def linked(door: Door, browser: Browser) -> dict[str, str]:
    """Whose each login is."""
    return {one["person"]: one["id"] for one in (await browser.get("/api/logins")).json()}


async def test_a_login_that_was_taken_away_opens_nothing(away: Door) -> None:
    """Ben's, by Ana: his sessions from elsewhere end, nobody has that login, and he sees and takes only his own."""
    sent = (await away.client.post("/api/invitations", json={"name": "Ben", "roles": ["approver"]})).json()
    async with await owner_of(away) as hers, Browser.at(away) as his:
        await his.log_in("ben", invitation=sent["invitation"])
        ben = (await me(his))["person"]
        both = await linked(away, hers)
        assert await linked(away, his) == {ben: both[ben]}
        assert told(await his.ask("DELETE", f"/api/logins/{both[away.ana]}")) == (404, "login.absent")

        assert (await hers.ask("DELETE", f"/api/logins/{both[ben]}")).status_code == 204

        assert (await his.get("/api/me")).status_code == 401
        refused = await his.log_in("ben")
        assert told(refused) == (401, "login.unknown")
        assert (await me(hers))["person"] == away.ana
    before = (await away.practice.engine.account(away.practice.account)).logins
    await away.practice.restart()
    assert (await away.practice.engine.account(away.practice.account)).logins == before == {both[away.ana]: away.ana}


async def test_a_login_of_several_accounts_is_its_persons_to_take_away(away: Door) -> None:
    """An owner of one of them would take away nothing by it; the person themselves takes it away in all."""
    async with await owner_of(away) as hers:
        opened = await hers.post("/api/accounts", {"sort": "company", "name": "Garden"})
        assert opened.status_code == 201, opened.text
        login = (await linked(away, hers))[away.ana]
        ben = await away.practice.person("Ben")
        async with browser_of(away, ben) as his:
            assert told(await his.delete(f"/api/logins/{login}")) == (409, "login.elsewhere")

        assert (await hers.ask("DELETE", f"/api/logins/{login}")).status_code == 204

        for account in await away.practice.ledger.accounts():
            assert (await away.practice.engine.account(account)).logins == {}
    async with Browser.at(away) as later:
        assert told(await later.log_in("ana")) == (401, "login.unknown")


async def test_taking_a_login_away_takes_somebody_who_was_just_there(away: Door) -> None:
    """A session from elsewhere that is ten minutes old shows a passkey first, or logs in again."""
    async with await owner_of(away) as hers:
        login = (await linked(away, hers))[away.ana]
        await away.practice.move(timedelta(minutes=11))
        assert told(await hers.ask("DELETE", f"/api/logins/{login}")) == (403, "identity.stale")


# An issuer that lies, or somebody who speaks for it


@pytest.fixture
async def crook(tmp_path: Path) -> AsyncIterator[tuple[Door, Crook]]:
    """A house whose issuer says what it is told to; its login is linked to Ana."""
    async with crooked() as crook, reachable(tmp_path, crook.address) as door:
        async with Browser.at(door) as browser:
            answer = await back(browser, crook, key=door.house.identity.issue_once())
            assert answer.headers["location"].startswith("/#session="), answer.text
        yield door, crook


async def back(browser: Browser, crook: Crook, *, more: str = "", **wanted: Any) -> Any:
    """From the page to that issuer and back with some code."""
    crook.asked = dict(asked(await browser.begun(**wanted)))
    return await browser.came_back(f"{crook.asked['redirect_uri']}?state={crook.asked['state']}&code=some{more}")


def _part(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _unsigned(crook: Crook) -> None:
    crook.forge = lambda honest: b".".join([_part(b'{"alg":"none"}'), _part(honest), b""]).decode()


def _confused(crook: Crook) -> None:
    """Signed as if the public key, which everybody knows, were a shared secret."""

    def forge(honest: bytes) -> str:
        signed = b".".join([_part(b'{"alg":"HS256","kid":"1"}'), _part(honest)])
        return b".".join([signed, _part(hmac.digest(crook.key.as_pem(private=False), signed, "sha256"))]).decode()

    crook.forge = forge


def _known_secret(crook: Crook) -> None:
    crook.algorithm, crook.signed_with = "HS256", OctKey.import_key(SECRET)


def _stranger(crook: Crook) -> None:
    crook.algorithm, crook.signed_with = "ES256", STRANGER


LIES: dict[str, tuple[Callable[[Crook], object], str]] = {
    "wrong nonce": (lambda crook: crook.says.update(nonce="another"), "login.nonce"),
    "no nonce": (lambda crook: setattr(crook, "leaves_out", ("nonce",)), "login.nonce"),
    "wrong aud": (lambda crook: crook.says.update(aud="somebody else's client"), "login.aud"),
    "no aud": (lambda crook: setattr(crook, "leaves_out", ("aud",)), "login.aud"),
    "many aud, for another": (lambda crook: crook.says.update(aud=["haloop", "b"], azp="b"), "login.refused"),
    "many aud, for nobody": (lambda crook: crook.says.update(aud=["haloop", "b"]), "login.refused"),
    "wrong iss": (lambda crook: crook.says.update(iss="https://evil.example"), "login.iss"),
    "expired": (lambda crook: crook.says.update(exp=1_700_000_000), "login.exp"),
    "no end": (lambda crook: setattr(crook, "leaves_out", ("exp",)), "login.exp"),
    "from the future": (lambda crook: crook.says.update(iat=4_000_000_000), "login.refused"),
    "no sub": (lambda crook: setattr(crook, "leaves_out", ("sub",)), "login.refused"),
    "no text as sub": (lambda crook: crook.says.update(sub=3), "login.refused"),
    "another's access token": (lambda crook: crook.says.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "login.refused"),
    "alg none": (_unsigned, "login.signature"),
    "HS256 with the public key": (_confused, "login.signature"),
    "HS256 with the secret": (_known_secret, "login.signature"),
    "another key": (
        lambda crook: setattr(crook, "signed_with", RSAKey.generate_key(2048, {"kid": "1"})),
        "login.signature",
    ),
    "another kind of key": (_stranger, "login.signature"),
    "no token at all": (lambda crook: setattr(crook, "forge", lambda _: "x.y.z"), "login.signature"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_login_that_does_not_hold_opens_nothing(crook: tuple[Door, Crook], lie: str) -> None:
    """Each is refused by name, also for somebody whose login it would be; the honest one still works."""
    door, issuer = crook
    tell, code = LIES[lie]
    tell(issuer)
    async with Browser.at(door) as browser:
        assert told(await back(browser, issuer)) == (401, code)
        assert browser.session == ""


async def test_an_answer_that_came_from_another_issuer_is_refused(crook: tuple[Door, Crook]) -> None:
    """By its own word, or where the issuer always says who it is and this time did not."""
    door, issuer = crook
    async with Browser.at(door) as browser:
        assert told(await back(browser, issuer, more="&iss=https://evil.example")) == (401, "login.iss")
        issuer.describes = {"authorization_response_iss_parameter_supported": True}
        assert told(await back(browser, issuer)) == (401, "login.iss")
        assert (await back(browser, issuer, more=f"&iss={issuer.address}")).status_code == 303


async def test_an_issuer_that_describes_somebody_else_is_not_asked(crook: tuple[Door, Crook]) -> None:
    """It says it is another, or has us send the code to a place without TLS: nobody is sent there."""
    door, issuer = crook
    async with Browser.at(door) as browser:
        for lie in (
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": "file:///etc/passwd"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"token_endpoint": 3},
        ):
            issuer.describes = lie
            assert told(await browser.post("/api/login", {})) == (502, "login.issuer"), lie


async def test_what_was_exchanged_proves_who_began(crook: tuple[Door, Crook]) -> None:
    """The verifier fits the challenge that went by the browser; our secret is in no address."""
    door, issuer = crook
    async with Browser.at(door) as browser:
        await back(browser, issuer)
    sent = issuer.exchanged[-1]
    assert sent["grant_type"] == "authorization_code"
    assert len(sent["code_verifier"]) >= 43
    assert sent["code_verifier"] not in str(issuer.asked)
    assert SECRET not in str(issuer.asked)


async def test_a_login_says_when_somebody_was_really_there(crook: tuple[Door, Crook]) -> None:
    """Whom the issuer has known for hours has not just shown who they are: they see, and change nobody."""
    door, issuer = crook
    issuer.says["auth_time"] = int(door.practice.clock.read().wall / 1_000_000) - 3_600
    async with Browser.at(door) as browser:
        await back(browser, issuer)
        assert (await browser.get("/api/people")).status_code == 200
        assert told(await browser.post("/api/tokens", {"agent": "x"})) == (403, "identity.stale")


async def test_the_ledger_does_not_say_who_somebody_is_elsewhere(crook: tuple[Door, Crook]) -> None:
    """It keeps the hash of a login, neither the issuer nor its name for the person."""
    door, issuer = crook
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    (linked,) = [one["says"] for one in events if one["kind"] == "login.linked"]
    assert linked == {"person": door.ana, "login": login_key(issuer.address, "somebody")}
    assert not {"somebody", issuer.address} & {*linked.values()}
