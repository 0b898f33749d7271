"""Every route there is, walked: nobody gets in without rights, and nothing of another account is there."""

from collections.abc import Iterator

from haloop.api.server import make_app
from haloop.kernel.agent import PresentedToken
from haloop.kernel.fact import TokenIssued
from tests.api.conftest import Door, client_of

OPEN = {
    *("/healthz", "/readyz", "/api/session", "/api/redemptions"),
    *("/api/login", "/api/login/callback", "/api/login/passkey", "/api/login/passkey/challenge"),
}
"""Whoever asks there has nothing to show yet."""
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


_NAMED = {
    "credential": "AAAA",
    "digest": "0" * 64,
    "effect": "buy",
    "grant": "grant_1",
    "index": "1",
    "invitation": "0" * 16,
    "person": "per_" + "0" * 32,
    "session": "0" * 16,
    "token": "0" * 16,
}
"""What else stands in a path, filled with what is not there."""


def _routes(door: Door) -> Iterator[tuple[str, str]]:
    paths = make_app(door.house).openapi()["paths"]
    return ((method.upper(), path) for path, methods in paths.items() for method in methods)


def _filled(path: str, run: str, gate: str) -> str:
    return path.format(run=run, gate=gate, **_NAMED)


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


async def test_no_route_for_people_opens_to_an_agent(door: Door) -> None:
    """Each answers 403 to an agent's token, before it looks at anything that was sent."""
    async with await door.agent() as agent:
        for method, path in _routes(door):
            if path not in OPEN and (method, path) not in FOR_AGENTS:
                answer = await agent.request(method, _filled(path, "run_" + "0" * 32, "gate_1"))
                assert (answer.status_code, answer.json()["code"]) == (403, "identity.not_allowed"), (method, path)


async def test_nothing_of_another_account_is_there(door: Door) -> None:
    """A run, its gate and its receipts, asked for from another account: 404, as if they did not exist."""
    run = await door.asked()
    gate = await door.gate(run)
    other = await door.practice.ledger.open_account()
    token = PresentedToken.make(other)
    issued = TokenIssued(token=token.id, agent="eve", hash=token.hash(), expires_at=gate["expires"])
    await door.practice.engine.record(other, issued, by="kernel")
    bodies = {
        "decisions": door.decision(gate),
        "cancellation": {"reason": ""},
        "withdrawal": {"reason": ""},
    }
    async with client_of(door.address, token.spell()) as eve:
        walked = 0
        for method, path in sorted(FOR_AGENTS):
            if "{" not in path:
                continue
            body = bodies.get(path.rpartition("/")[2])
            answer = await eve.request(method, _filled(path, run, gate["id"]), json=body)
            assert answer.status_code == 404, (path, answer.text)
            absent = await eve.request(method, _filled(path, "run_" + "0" * 32, f"gate_{'0' * 32}_1"), json=body)
            assert answer.json()["code"] == absent.json()["code"], path
            walked += 1
    assert walked >= 7
    assert (await door.gate(run))["status"] == "open"
