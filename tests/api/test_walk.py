"""Every route there is, walked: nobody gets in without rights, and nothing of another account is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette._utils import is_async_callable
from starlette.routing import BaseRoute

from haloop.api.server import make_app
from haloop.engines.granting import give_grant
from haloop.identity import Caller
from haloop.kernel.agent import PresentedToken
from haloop.kernel.fact import LoginLinked, TokenIssued
from haloop.kernel.grant import GrantTerms
from haloop.kernel.ids import RunId
from haloop.kernel.money import Money
from haloop.kernel.people import Role
from tests.api.conftest import Door, client_of, tea
from tests.api.test_passkeys import browser_of, given_to
from tests.notices.post import Browser

OPEN = {
    *("/healthz", "/readyz", "/api/session", "/api/redemptions"),
    *("/api/login", "/api/login/callback", "/api/login/passkey", "/api/login/passkey/challenge"),
}
"""Whoever asks there has nothing to show yet."""
FOR_EVERYBODY = {
    ("DELETE", "/api/session"),
    ("DELETE", "/api/sessions/{session}"),
    ("DELETE", "/api/logins/{login}"),
    ("POST", "/api/session/account"),
    ("POST", "/api/visits"),
    ("POST", "/api/passkeys/options"),
    ("POST", "/api/passkeys"),
    ("POST", "/api/gates/{gate}/challenge"),
    ("POST", "/api/gates/{gate}/findings/challenge"),
    ("POST", "/api/decisions/challenge"),
    ("PUT", "/api/me/notices"),
    ("POST", "/api/me/notices/test"),
    ("POST", "/api/devices/push"),
    ("DELETE", "/api/devices/push/{device}"),
}
"""What changes nobody but whoever asks: their own browsers, devices and passkeys; a challenge is only something to
sign."""
BY_ROW = ("POST", "/api/decisions")
"""Each of its rows is answered by itself, with a problem of its own."""
FOR_AGENTS = {
    ("GET", "/api/me"),
    ("GET", "/api/desks"),
    ("POST", "/api/requests"),
    ("GET", "/api/runs"),
    ("GET", "/api/runs/{run}"),
    ("POST", "/api/runs/{run}/cancellation"),
    ("GET", "/api/runs/{run}/receipts"),
    ("GET", "/api/runs/{run}/receipts/{effect}"),
    ("GET", "/api/runs/{run}/opinions/{effect}"),
    ("GET", "/api/gates/{gate}"),
    ("POST", "/api/gates/{gate}/decisions"),
    ("POST", "/api/decisions"),
    ("GET", "/api/runs/{run}/artifacts"),
    ("GET", "/api/runs/{run}/artifacts/{digest}"),
    ("PUT", "/api/runs/{run}/artifacts/{digest}"),
    ("GET", "/api/runs/{run}/uncertain"),
    ("POST", "/api/gates/{gate}/withdrawal"),
    ("GET", "/api/activity"),
    ("GET", "/api/runs/{run}/executions"),
    ("GET", "/api/ledger/key"),
    ("DELETE", "/api/session"),
}
"""All that an agent's token opens; to decide, it may only try, which is refused and recorded."""


NAMED = {
    "credential": "AAAA",
    "device": "0" * 16,
    "digest": "0" * 64,
    "effect": "buy",
    "grant": "grant_1",
    "index": "999999",
    "invitation": "0" * 16,
    "login": "0" * 64,
    "person": "per_" + "0" * 32,
    "session": "0" * 16,
    "token": "0" * 16,
}
"""What else stands in a path, filled with what is not there."""


def _routes(door: Door) -> Iterator[tuple[str, str]]:
    paths = make_app(door.house).openapi()["paths"]
    return ((method.upper(), path) for path, methods in paths.items() for method in methods)


def _filled(path: str, run: str, gate: str) -> str:
    return path.format(run=run, gate=gate, **NAMED)


async def test_no_route_opens_without_saying_who(door: Door) -> None:
    """Each answers 401 to a stranger, whatever else they send."""
    async with client_of(door.address, None) as stranger:
        walked = 0
        for method, path in _routes(door):
            if path in OPEN and method != "DELETE":
                continue
            answer = await stranger.request(method, _filled(path, "run_" + "0" * 32, "gate_1"))
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path
            walked += 1
    assert walked >= 25


async def test_nothing_that_a_request_meets_waits_for_a_thread(door: Door) -> None:
    """A plain function would be run in one, and under load its answer comes only when the loop lets go."""
    met = [call for route in _apis(door.app.router.routes) for call in _calls(route.dependant)]
    in_threads = {call.__qualname__ for call in met if not is_async_callable(call)}

    assert (in_threads, len(met) >= 200) == (set(), True)


def _apis(routes: list[BaseRoute]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        yield from _apis(getattr(getattr(route, "original_router", None), "routes", []))


def _calls(dependant: Dependant) -> Iterator[Any]:
    if dependant.call is not None:
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


async def test_no_route_for_people_opens_to_an_agent(door: Door) -> None:
    """Each answers 403 to an agent's token, before it looks at anything that was sent."""
    async with await door.agent() as agent:
        for method, path in _routes(door):
            if path not in OPEN and (method, path) not in FOR_AGENTS:
                answer = await agent.request(method, _filled(path, "run_" + "0" * 32, "gate_1"))
                assert (answer.status_code, answer.json()["code"]) == (403, "identity.not_allowed"), (method, path)


async def test_a_viewer_changes_nothing_but_their_own(door: Door) -> None:
    """Each route that changes something answers 403 to a viewer, and nothing was changed."""
    there = await _everything(door)
    vic = await door.practice.person("Vic", Role.VIEWER)
    before = await door.practice.ledger.size(door.practice.account)
    walked = 0
    async with browser_of(door, vic) as viewer:
        for method, path in _routes(door):
            is_theirs = path in OPEN or (method, path) in (*FOR_EVERYBODY, BY_ROW)
            if is_theirs or (method == "GET" and path != "/api/invitations"):
                continue
            answer = await viewer.request(method, path.format(**there.names), json=there.body(door, path))
            assert answer.status_code == 403, (method, path, answer.text)
            walked += 1
        row = {"gate": there.gate["id"], "decision": door.decision(there.gate)}
        (refused,) = (await viewer.post(BY_ROW[1], json={"rows": [row]})).json()["rows"]
        assert (refused["counts"], refused["problem"]["status"]) == (False, 403)
    assert walked >= 15
    assert (await door.gate(there.run))["status"] == "open"
    events = await door.practice.ledger.events(door.practice.account, start=before)
    assert {event.header.kind for event in events} <= {"answer.refused"}


async def test_nothing_of_another_account_is_there(door: Door) -> None:
    """Runs, gates, receipts, tokens, grants, people and the rest, asked for by another account's owner: 404, each.

    An agent of theirs hears the same; and so does whoever asks for what nobody has.
    """
    there = await _everything(door)
    other = await door.practice.ledger.open_account()
    eve = await door.practice.person("Eve", account=other)
    before = await door.practice.ledger.size(door.practice.account)
    token = PresentedToken.make(other)
    until = door.house.engine.world.now() + 3_600_000_000
    issued = TokenIssued(token=token.id, agent="eve", hash=token.hash(), expires_at=until)
    await door.practice.engine.record(other, issued, by="kernel")
    walked = 0
    async with browser_of(door, eve, other) as owner, client_of(door.address, token.spell()) as agent:
        for method, path in _routes(door):
            if "{" not in path:
                continue
            body = there.body(door, path)
            for who in [owner, agent] if (method, path) in FOR_AGENTS else [owner]:
                answer = await who.request(method, path.format(**there.names), json=body)
                assert answer.status_code == 404, (method, path, answer.text)
                absent = await who.request(method, _filled(path, "run_" + "0" * 32, f"gate_{'0' * 32}_1"), json=body)
                assert answer.json()["code"] == absent.json()["code"], path
                walked += 1
        lists = ("/api/runs", "/api/gates", "/api/tokens", "/api/grants", "/api/invitations", "/api/passkeys")
        seen = "".join(
            [(await owner.get(path)).text for path in (*lists, "/api/people", "/api/sessions", "/api/activity")]
        )
        assert [name for name in there.names.values() if f'"{name}"' in seen] == []
    assert walked >= 30
    assert await door.practice.ledger.size(door.practice.account) == before


@dataclass(frozen=True, kw_only=True)
class _Everything:
    """One of each that a route names, of Ana's account."""

    run: RunId
    names: dict[str, str]
    gate: dict[str, Any]

    def body(self, door: Door, path: str) -> dict[str, Any] | None:
        """What a person could mean there."""
        found = {"effect": "buy", "happened": False, "sentence": "Not in their book."}
        decision = door.decision(self.gate)
        bodies: dict[str, dict[str, Any]] = {
            "/api/requests": tea(),
            "/api/runs/{run}/cancellation": {"reason": ""},
            "/api/gates/{gate}/challenge": decision,
            "/api/gates/{gate}/decisions": decision,
            "/api/gates/{gate}/extension": {"until": self.gate["expires"] + 1},
            "/api/gates/{gate}/withdrawal": {"reason": ""},
            "/api/gates/{gate}/findings": found,
            "/api/gates/{gate}/findings/challenge": found,
            "/api/people/{person}/roles": {"roles": ["viewer"]},
            "/api/people/{person}/roles/challenge": {"roles": ["viewer"]},
            "/api/runs/{run}/erasure": {"why": "asked for"},
        }
        return bodies.get(path)


def _terms(door: Door) -> GrantTerms:
    euro = Money(minor=100, currency="EUR")
    day = int(timedelta(days=1).total_seconds()) * 1_000_000
    return GrantTerms(
        operations=("Shop.buy",),
        payees=("Karl",),
        each_max=euro,
        total_max=euro,
        window_days=1,
        expires_at=door.house.engine.world.now() + day,
        live=False,
    )


async def _everything(door: Door) -> _Everything:
    """Ana's account with a run that waits, one that bought something, a token, a grant, an invitation, a passkey."""
    done = await door.asked()
    assert (await door.decide(await door.gate(done))).status_code == 200
    run = await door.asked(item="milk")
    account = door.practice.account
    async with await door.agent():
        pass
    asked = await door.practice.start(give_grant.of(_terms(door)))
    await door.practice.yes(asked, door.ana)
    passkey = await given_to(door, door.ana)
    invitation = await door.client.post("/api/invitations", json={"name": "Ben", "roles": ["viewer"]})
    door.house.identity.begin(Caller(account=account, person=door.ana), browser="Ana's")
    await door.practice.engine.record(account, LoginLinked(person=door.ana, login="a" * 64), by="kernel")
    known = await door.practice.engine.account(account)
    gate = await door.gate(run)
    digest = sha256(b"why").hexdigest()
    assert (await door.client.put(f"/api/runs/{run}/artifacts/{digest}", content=b"why")).status_code == 201
    device = await door.client.post("/api/devices/push", json=Browser("https://fcm.googleapis.com/nobody").subscription)
    return _Everything(
        run=run,
        gate=gate,
        names={
            "run": run,
            "gate": gate["id"],
            "device": device.json()["id"],
            "digest": digest,
            "index": str(await door.practice.ledger.size(account) - 1),
            "effect": "buy",
            "token": next(iter(known.tokens)),
            "grant": next(iter(known.grants)),
            "credential": passkey.credential,
            "invitation": invitation.json()["id"],
            "login": "a" * 64,
            "person": door.ana,
            "session": door.house.identity.sessions(Caller(account=account, person=door.ana))[0].id,
        },
    )
