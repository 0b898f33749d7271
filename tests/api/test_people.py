"""People come into an account by invitation, do what their roles allow, and leave it; somebody always owns it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from haloop.identity import Caller
from haloop.kernel.confirmation import challenge
from haloop.kernel.fact import RolesChanged
from haloop.kernel.passkey import Assertion, check_assertion
from haloop.kernel.people import AccountSort, Role
from haloop.store.signing import verify_passkey
from haloop.testing.passkey import Passkey
from haloop.wire.sessions import SESSION_HEADER
from tests.api.conftest import Door, client_of, tea
from tests.api.test_errors import told
from tests.api.test_passkeys import add, added, browser_of, given_to, made_at, options


async def invited(door: Door, *roles: str, name: str = "Ben", **more: Any) -> dict[str, Any]:
    answer = await door.client.post("/api/invitations", json={"name": name, "roles": roles or ["approver"], **more})
    assert answer.status_code == 201, answer.text
    sent: dict[str, Any] = answer.json()
    return sent


async def redeemed(door: Door, sent: dict[str, Any], browser: httpx2.AsyncClient) -> httpx2.Response:
    browser.headers["Origin"] = door.address
    answer = await browser.post("/api/redemptions", json={"invitation": sent["invitation"]})
    if answer.status_code == 201:
        browser.headers[SESSION_HEADER] = answer.json()["secret"]
    return answer


async def people(door: Door) -> dict[str, list[str]]:
    return {one["name"]: one["roles"] for one in await door.got("/api/people")}


async def person(door: Door, name: str) -> str:
    return str({one["name"]: one["id"] for one in await door.got("/api/people")}[name])


# Invitations


async def test_an_invitation_lets_one_person_in_once(door: Door) -> None:
    """They have the roles that were said, and a session; the address opens nothing a second time."""
    sent = await invited(door)
    assert sent["address"] == f"{door.address}/#invitation={sent['invitation']}"
    async with client_of(door.address, None) as browser, client_of(door.address, None) as late:
        assert (await redeemed(door, sent, browser)).status_code == 201
        me = (await browser.get("/api/me")).json()

        assert (me["name"], me["roles"]) == ("Ben", ["approver"])
        assert told(await redeemed(door, sent, late)) == (401, "invitation.over")
    assert await people(door) == {"Ana": ["owner"], "Ben": ["approver"]}
    assert await door.got("/api/invitations") == []


async def test_of_many_at_once_one_comes_in(door: Door) -> None:
    """Ten browsers redeem the same address in the same moment."""
    sent = await invited(door)
    async with client_of(door.address, None) as browser:
        asked = {"invitation": sent["invitation"]}
        answers = await asyncio.gather(
            *(browser.post("/api/redemptions", json=asked) for _ in range(10)),
        )
    assert sorted(one.status_code for one in answers) == [201, *[401] * 9]
    assert len(await people(door)) == 2


async def test_the_ledger_keeps_no_invitation_that_opens(door: Door) -> None:
    """Only its hash; and who invited whom, as what, is there to read."""
    sent = await invited(door, "viewer")
    events = await door.client.get("/api/ledger/events", params={"limit": 500})
    assert sent["invitation"].rpartition("_")[2] not in events.text
    (made,) = [one["says"] for one in events.json()["events"] if one["kind"] == "invitation.made"]
    assert (made["name"], made["roles"], made["by"]) == ("Ben", ["viewer"], door.ana)


async def test_an_invitation_ends(door: Door) -> None:
    """By itself after its days, and at once when it is taken back."""
    short, other = await invited(door, days=1), await invited(door)
    assert (await door.client.delete(f"/api/invitations/{other['id']}")).status_code == 204
    assert told(await door.client.delete(f"/api/invitations/{other['id']}")) == (404, "invitation.unknown")
    await door.practice.move(timedelta(days=1))
    async with client_of(door.address, None) as browser:
        for sent in (
            short,
            other,
            {"invitation": "inv_nonsense"},
            {"invitation": door.client.headers["authorization"]},
        ):
            assert told(await redeemed(door, sent, browser)) == (401, "invitation.over")
    assert await door.got("/api/invitations") == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "", "roles": ["viewer"]},
        {"name": "Ben", "roles": []},
        {"name": "Ben", "roles": ["king"]},
        {"name": "Ben", "roles": ["viewer"], "days": 8},
        {"name": "Ben", "roles": ["viewer"], "days": 0},
        {"name": "Ben"},
    ],
)
async def test_an_invitation_that_nobody_could_mean_is_refused(door: Door, wanted: Any) -> None:
    """Nobody, nothing to do, no such role, too long."""
    assert told(await door.client.post("/api/invitations", json=wanted)) == (422, "request.malformed")


async def test_an_owner_who_left_lets_nobody_in(door: Door) -> None:
    """Neither themselves: their invitations are worth nothing from the moment they are no owner."""
    ben = await door.practice.person("Ben")
    async with browser_of(door, ben) as his:
        wanted = {"name": "Ben again", "roles": ["owner"]}
        sent = (await his.post("/api/invitations", json=wanted)).json()
    assert (await door.client.delete(f"/api/people/{ben}")).status_code == 204
    async with client_of(door.address, None) as browser:
        assert told(await redeemed(door, sent, browser)) == (401, "invitation.over")


# Invitations that a passkey confirmed


async def confirmed(door: Door, passkey: Passkey, **wanted: Any) -> dict[str, Any]:
    """What is sent to invite Ben, with the answer of this passkey to exactly this."""
    asked = {"name": "Ben", "roles": ["approver"], "days": 7, **wanted}
    challenge = (await door.client.post("/api/invitation/challenge", json=asked)).json()["challenge"]
    assertion = passkey.answer_in_browser(challenge).model_dump()
    return {**asked, "confirmed": {"challenge": challenge, "assertion": assertion}}


async def first_passkey(door: Door, browser: httpx2.AsyncClient) -> httpx2.Response:
    """A passkey is added in this browser, with nothing but what the browser itself makes."""
    challenge = (await options(door, browser))["creation"]["challenge"]
    return await add(door, made_at(door).introduce(challenge), browser)


async def test_whom_a_passkey_vouched_for_adds_their_first_passkey_alone(door: Door) -> None:
    """Nobody sits beside Ben; it is so once, and his second takes the first one's answer. The ledger can show why."""
    anas = await added(door)
    answer = await door.client.post("/api/invitations", json=await confirmed(door, anas))
    assert (answer.status_code, answer.json()["confirmed"]) == (201, True), answer.text

    async with client_of(door.address, None) as browser:
        assert (await redeemed(door, answer.json(), browser)).status_code == 201
        assert (await options(door, browser))["confirm"] is None
        assert (await first_passkey(door, browser)).status_code == 201
        assert told(await first_passkey(door, browser)) == (403, "passkey.needed")

    ledger = door.practice.ledger
    (made,) = [event for event in await ledger.events(door.practice.account) if event.header.kind == "invitation.made"]
    said = Assertion.decode(await ledger.body(made, "assertion"))
    check_assertion(said, challenge("invitation", await ledger.body(made, "asked")), anas.key, verify_passkey)


async def test_an_invitation_that_no_passkey_confirmed_still_takes_an_owner_beside_them(door: Door) -> None:
    """A program that reads the token invites somebody and comes in as them; it adds no passkey that approves."""
    await added(door)
    sent = await invited(door, "owner")
    assert sent["confirmed"] is False
    async with client_of(door.address, None) as browser:
        await redeemed(door, sent, browser)
        assert told(await first_passkey(door, browser)) == (403, "passkey.needed")
        (anas,) = await door.got("/api/passkeys")
        asked = await browser.post(f"/api/passkeys/{anas['credential']}/challenge")
        assert asked.json()["credentials"] == [anas["credential"]]


async def test_a_program_makes_no_owner_less_to_be_alone_with_the_house(door: Door) -> None:
    """It invites itself as an owner; whoever has a passkey stays one, and as long as there is any, it adds none."""
    await added(door)
    sent = await invited(door, "owner")
    async with client_of(door.address, None) as browser:
        await redeemed(door, sent, browser)
        less = await browser.post(f"/api/people/{door.ana}/roles", json={"roles": ["viewer"]})
        assert told(less) == (409, "people.passkeys")
        assert told(await first_passkey(door, browser)) == (403, "passkey.needed")

        less_already = RolesChanged(person=door.ana, roles=["viewer"])
        await door.practice.engine.record(door.practice.account, less_already, by="kernel")
        assert told(await first_passkey(door, browser)) == (403, "passkey.needed")


async def test_whom_a_passkey_vouched_for_takes_nobodys_passkey_away_alone(door: Door) -> None:
    """To add one's own is all that the yes was to."""
    anas = await added(door)
    wanted = await confirmed(door, anas, roles=["owner"])
    sent = (await door.client.post("/api/invitations", json=wanted)).json()
    async with client_of(door.address, None) as browser:
        await redeemed(door, sent, browser)
        refused = await browser.delete(f"/api/passkeys/{anas.credential}")
    assert told(refused) == (403, "passkey.needed")


@pytest.mark.parametrize(
    "other", [{"name": "Cem"}, {"roles": ["owner"]}, {"days": 1}], ids=["another name", "more rights", "other days"]
)
async def test_a_yes_to_one_invitation_is_none_to_another(door: Door, other: dict[str, Any]) -> None:
    """Whatever is different, the answer does not hold, and it is spent with that."""
    wanted = await confirmed(door, await added(door))

    assert told(await door.client.post("/api/invitations", json={**wanted, **other})) == (422, "passkey.bad")
    assert told(await door.client.post("/api/invitations", json=wanted)) == (409, "passkey.challenge")
    assert await door.got("/api/invitations") == []


async def test_only_a_passkey_that_vouches_confirms_an_invitation(door: Door) -> None:
    """None that nobody knows, none of somebody who only approves, and no answer to something else."""
    anas = await added(door)
    bens = await given_to(door, await door.practice.person("Ben", Role.APPROVER))
    for passkey in (made_at(door), bens):
        refused = await door.client.post("/api/invitations", json=await confirmed(door, passkey))
        assert told(refused) == (403, "passkey.needed")
    wanted = await confirmed(door, anas)
    adding = (await options(door))["creation"]["challenge"]
    assertion = anas.answer_in_browser(adding).model_dump()
    elsewhere = {**wanted, "confirmed": {"challenge": adding, "assertion": assertion}}
    assert told(await door.client.post("/api/invitations", json=elsewhere)) == (409, "passkey.challenge")


async def test_where_there_is_no_passkey_none_confirms(door: Door) -> None:
    """The challenge names none, and an answer of one that is nowhere counts for nothing."""
    asked = await door.client.post("/api/invitation/challenge", json={"name": "Ben", "roles": ["viewer"]})
    assert asked.json()["credentials"] == []
    refused = await door.client.post("/api/invitations", json=await confirmed(door, made_at(door)))
    assert told(refused) == (403, "passkey.needed")


async def test_a_yes_to_an_invitation_ends_as_it_would_have(door: Door) -> None:
    """After its days, and when whoever invited is no owner any more."""
    anas = await added(door)
    sent = (await door.client.post("/api/invitations", json=await confirmed(door, anas))).json()
    async with client_of(door.address, None) as browser:
        await redeemed(door, sent, browser)
        account = await door.practice.engine.account(door.practice.account)
        (ben,) = account.admitted
    await door.practice.move(timedelta(days=7))
    async with browser_of(door, ben) as later:
        assert (await options(door, later))["confirm"]["credentials"] == [anas.credential]
    await door.practice.person("Eve")
    gone = RolesChanged(person=door.ana, roles=["viewer"])
    await door.practice.engine.record(door.practice.account, gone, by="kernel")
    assert account.admitted == {}


async def test_a_yes_to_an_invitation_is_read_again_after_a_restart(door: Door) -> None:
    """Whoever came by it still needs nobody beside them."""
    sent = (await door.client.post("/api/invitations", json=await confirmed(door, await added(door)))).json()
    async with client_of(door.address, None) as browser:
        await redeemed(door, sent, browser)
    before = (await door.practice.engine.account(door.practice.account)).admitted

    await door.practice.restart()

    after = (await door.practice.engine.account(door.practice.account)).admitted
    assert (len(after), after) == (1, before)


# Roles


async def test_an_owner_changes_what_somebody_may_do(door: Door) -> None:
    """From the next request on, in the sessions they have."""
    ben = await door.practice.person("Ben", Role.APPROVER)
    async with browser_of(door, ben) as his:
        assert (await his.post("/api/requests", json=tea())).status_code == 201
        changed = await door.client.post(f"/api/people/{ben}/roles", json={"roles": ["viewer", "viewer"]})
        assert changed.json()["roles"] == ["viewer"]
        assert told(await his.post("/api/requests", json=tea())) == (403, "identity.not_allowed")
        assert (await his.get("/api/runs")).status_code == 200


async def test_somebody_always_stays_an_owner(door: Door) -> None:
    """The last one cannot be taken out, nor made less, not even when two owners take each other out at once."""
    assert told(await door.client.delete(f"/api/people/{door.ana}")) == (409, "people.last_owner")
    less = await door.client.post(f"/api/people/{door.ana}/roles", json={"roles": ["approver"]})
    assert told(less) == (409, "people.last_owner")

    ben = await door.practice.person("Ben")
    async with browser_of(door, ben) as his, browser_of(door, door.ana) as hers:
        await asyncio.gather(his.delete(f"/api/people/{door.ana}"), hers.delete(f"/api/people/{ben}"))
    account = await door.practice.engine.account(door.practice.account)
    assert [one.roles for one in account.people.values()] == [{Role.OWNER}]


async def test_whoever_is_taken_out_takes_nothing_along(door: Door) -> None:
    """Their session is over, and they are gone on the record."""
    ben = await door.practice.person("Ben", Role.APPROVER)
    async with browser_of(door, ben) as his:
        assert (await door.client.delete(f"/api/people/{ben}")).status_code == 204
        assert (await his.get("/api/me")).status_code == 401
    assert told(await door.client.delete(f"/api/people/{ben}")) == (404, "people.unknown")
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    assert events[-1]["kind"] == "person.removed"


async def test_nobody_is_taken_out_before_their_passkeys_are(door: Door) -> None:
    """Taking a passkey away takes a passkey; taking the person out is no way around that."""
    ben = await door.practice.person("Ben", Role.APPROVER)
    passkey = await given_to(door, ben)
    assert told(await door.client.delete(f"/api/people/{ben}")) == (409, "people.passkeys")
    assert passkey.credential in (await door.practice.engine.account(door.practice.account)).credentials


# Accounts


async def test_the_first_account_is_a_household_until_somebody_says_otherwise(door: Door) -> None:
    """Also one from before there were others; its owner names it."""
    (first,) = await door.got("/api/accounts")
    assert (first["sort"], first["name"], first["current"]) == ("household", "", True)
    named = await door.client.post("/api/account/name", json={"sort": "company", "name": "Garden & Co"})
    assert (named.json()["sort"], named.json()["name"]) == ("company", "Garden & Co")


async def test_a_browser_goes_from_one_account_to_another(door: Door) -> None:
    """With a new session; nothing of the one account is in the other."""
    run = await door.asked()
    async with browser_of(door, door.ana) as browser:
        opened = await browser.post("/api/accounts", json={"sort": "person", "name": "Ana alone"})
        assert opened.status_code == 201, opened.text
        before = dict(browser.headers)
        switched = await browser.post("/api/session/account", json={"account": opened.json()["id"]})
        assert switched.status_code == 201, switched.text
        del browser.headers["Cookie"]
        browser.headers[SESSION_HEADER] = switched.json()["secret"]

        me = (await browser.get("/api/me")).json()
        assert (me["account"], me["name"], me["roles"]) == (opened.json()["id"], "Ana", ["owner"])
        assert (await browser.get("/api/runs")).json()["runs"] == []
        assert told(await browser.get(f"/api/runs/{run}")) == (404, "ledger.not_found")
        assert [one["current"] for one in (await browser.get("/api/accounts")).json()] == [False, True]
        async with client_of(door.address, None) as old:
            assert (await old.get("/api/me", headers=before)).status_code == 401


async def test_an_account_one_does_not_belong_to_is_not_there(door: Door) -> None:
    """Nobody switches into it, and a token switches nowhere."""
    other = await door.practice.ledger.open_account()
    async with browser_of(door, door.ana) as browser:
        switched = await browser.post("/api/session/account", json={"account": other})
        assert told(switched) == (404, "account.unknown")
    assert (await door.client.post("/api/session/account", json={"account": other})).status_code == 403


async def test_one_person_may_belong_to_several_accounts(door: Door) -> None:
    """Invited in a browser that knows them, they are the same person there, and leave only where they are taken out."""
    other = await door.practice.ledger.open_account()
    eve = await door.practice.person("Eve", account=other)
    sent = await invited(door, "viewer", name="Eve from next door")
    opened = door.house.identity.begin(Caller(account=other, person=eve), browser="Eve's")
    async with client_of(door.address, None) as browser:
        browser.cookies.set("haloop_session", opened.session)
        browser.headers[SESSION_HEADER] = opened.secret
        assert (await redeemed(door, sent, browser)).status_code == 201
        assert (await browser.get("/api/me")).json()["person"] == eve
        assert len((await browser.get("/api/accounts")).json()) == 2
        again = await invited(door, "owner")
        assert told(await redeemed(door, again, browser)) == (409, "invitation.member")

        await door.client.delete(f"/api/people/{eve}")
        assert (await browser.get("/api/me")).status_code == 401
    assert [one.account for one in await door.house.identity.memberships(eve)] == [other]


async def test_only_the_homes_own_owner_speaks_for_the_home(door: Door) -> None:
    """An owner of another account neither trusts the clock, nor ends a recovery, nor opens accounts."""
    other = await door.practice.ledger.open_account()
    eve = await door.practice.person("Eve", account=other)
    opened = door.house.identity.begin(Caller(account=other, person=eve), browser="Eve's")
    async with client_of(door.address, None) as browser:
        browser.cookies.set("haloop_session", opened.session)
        browser.headers |= {SESSION_HEADER: opened.secret, "Origin": door.address}
        for path in ("/api/clock/trust", "/api/recovery/end", "/api/accounts"):
            body = {"sort": "person", "name": "Eve"} if path == "/api/accounts" else None
            assert told(await browser.post(path, json=body)) == (403, "identity.not_allowed"), path


async def test_what_happened_to_people_is_read_again_after_a_restart(door: Door) -> None:
    """Roles, an open invitation, who redeemed one, and what the account is called."""
    sent, kept = await invited(door, "viewer"), await invited(door, name="Cem")
    async with client_of(door.address, None) as browser:
        await redeemed(door, sent, browser)
    ben = await person(door, "Ben")
    await door.client.post(f"/api/people/{ben}/roles", json={"roles": ["owner"]})
    await door.client.post("/api/account/name", json={"sort": "company", "name": "Garden & Co"})
    before = await door.practice.engine.account(door.practice.account)

    await door.practice.restart()

    after = await door.practice.engine.account(door.practice.account)
    assert (after.people, after.invitations) == (before.people, before.invitations)
    assert list(after.invitations) == [kept["id"]]
    assert (after.sort, after.name) == (AccountSort.COMPANY, "Garden & Co")


async def test_a_change_for_nobody_changes_nobody(door: Door) -> None:
    """Roles of somebody who is not there make no person."""
    await door.practice.engine.record(
        door.practice.account, RolesChanged(person="per_" + "0" * 32, roles=["owner"]), by="kernel"
    )
    assert await people(door) == {"Ana": ["owner"]}


# Roles


async def promoted(door: Door, passkey: Passkey, somebody: str, *roles: str) -> dict[str, Any]:
    """What is sent to give somebody these roles, with the answer of this passkey to exactly that."""
    asked = await door.client.post(f"/api/people/{somebody}/roles/challenge", json={"roles": roles})
    challenge = asked.json()["challenge"]
    assertion = passkey.answer_in_browser(challenge).model_dump()
    return {"roles": roles, "confirmed": {"challenge": challenge, "assertion": assertion}}


async def test_to_let_somebody_do_more_takes_a_passkey(door: Door) -> None:
    """A program that reads the token makes no owner of a viewer with a passkey; who tried is on the record."""
    anas = await added(door)
    vic = await door.practice.person("Vic", Role.VIEWER)
    vics = await given_to(door, vic)
    path = f"/api/people/{vic}/roles"
    for roles in (["approver"], ["owner"], ["viewer", "owner"]):
        assert told(await door.client.post(path, json={"roles": roles})) == (403, "passkey.needed")
    assert told(await door.client.post(path, json=await promoted(door, vics, vic, "owner"))) == (403, "passkey.needed")
    async with await door.agent() as agent:
        assert told(await agent.post(path, json={"roles": ["owner"]})) == (403, "identity.not_allowed")
    assert (await people(door))["Vic"] == ["viewer"]

    wanted = await promoted(door, anas, vic, "approver")
    assert told(await door.client.post(path, json={**wanted, "roles": ["owner"]})) == (422, "passkey.bad")
    wanted = await promoted(door, anas, vic, "approver")
    assert (await door.client.post(path, json=wanted)).json()["roles"] == ["approver"]
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    tried = [(one["says"]["change"], one["says"]["code"]) for one in events if one["kind"] == "change.refused"]
    needed, agents, bad = "passkey.needed", "identity.not_allowed", "passkey.bad"
    assert tried == [("roles", code) for code in (*[needed] * 4, agents, bad)]


async def test_to_let_somebody_do_less_takes_none(door: Door) -> None:
    """Nor does what changes nothing; an owner may do all of it already."""
    await added(door)
    ben = await door.practice.person("Ben", Role.APPROVER)
    cem = await door.practice.person("Cem")
    for somebody, roles in ((ben, ["approver", "viewer"]), (ben, ["viewer"]), (cem, ["owner", "approver"])):
        asked = await door.client.post(f"/api/people/{somebody}/roles/challenge", json={"roles": roles})
        assert asked.json()["credentials"] == []
        changed = await door.client.post(f"/api/people/{somebody}/roles", json={"roles": roles})
        assert changed.status_code == 200, changed.text


async def test_a_yes_to_somebodys_roles_is_none_to_somebody_elses(door: Door) -> None:
    """The same roles, another person."""
    anas = await added(door)
    vic, wim = await door.practice.person("Vic", Role.VIEWER), await door.practice.person("Wim", Role.VIEWER)
    wanted = await promoted(door, anas, vic, "owner")
    assert told(await door.client.post(f"/api/people/{wim}/roles", json=wanted)) == (422, "passkey.bad")
