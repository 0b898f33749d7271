"""Numbers 1, 19, 20 and 22: nobody is let in without saying who, and no page elsewhere gets anything done."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Response
from playwright.async_api import expect
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute

from haloop.serving import bind, served
from haloop.web import plain
from tests.api.conftest import Door, client_of
from tests.api.test_walk import NAMED, OPEN
from tests.test_served_logs import serving
from tests.web.test_passkeys_in_a_browser import Browser
from tests.web.test_passkeys_in_a_browser import pytestmark as needs_chromium

SAYS_NOTHING = {"/plain", "/haloop.css", "/haloop.js", "/haloop.svg", "/api/openapi.json"}
"""What stands in no description and holds nothing of anybody's: the page, and the description itself."""
EVIL = "https://evil.example"
INJECT = """async (elsewhere) => {
  globalThis.ran = { color: false, handler: false, inline: false, other: false };
  const add = (tag, about) => document.body.appendChild(Object.assign(document.createElement(tag), about));
  add("script", { textContent: "globalThis.ran.inline = true" });
  add("script", { src: `${elsewhere}/other.js` });
  add("div", { innerHTML: "<img src=x onerror='globalThis.ran.handler = true'><style>h1{color:red}</style>" });
  await new Promise((wake) => setTimeout(wake, 500));
  globalThis.ran.color = getComputedStyle(document.querySelector("h1")).color === "rgb(255, 0, 0)";
  return globalThis.ran;
}"""
"""What a hole in the page would let in; the half second is for what must not come."""


def _served(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Every method and path that is answered, described or not."""
    for route in routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            yield from _served(inside.routes)
            continue
        for method in getattr(route, "methods", None) or ("ANY",):
            yield method, getattr(route, "path", "").replace(":path}", "}")


async def test_01_what_stands_in_no_description_changes_nothing(door: Door) -> None:
    """The walk over the description proves 401 and 403, so nothing else may be served but the page, to be read."""
    door.app.include_router(plain.router)
    described = door.app.openapi()["paths"]
    served_too = {(method, path) for method, path in _served(door.app.router.routes) if path not in described}

    assert served_too == {(method, path) for path in SAYS_NOTHING for method in ("GET", "HEAD")} & served_too
    assert len(described) >= 25


async def test_01_nothing_that_looks_like_somebody_opens_a_route(door: Door) -> None:
    """A wrong token, an agent's that was revoked, a cookie alone, another scheme: 401 on every route that changes."""
    agent = await door.agent()
    (known,) = await door.got("/api/tokens")
    await door.client.delete(f"/api/tokens/{known['id']}")
    guises = (
        {"Authorization": "Bearer guess"},
        {"Authorization": agent.headers["authorization"]},
        {"Authorization": "Basic YW5hOmFuYQ=="},
        {"Cookie": "haloop_session=guess"},
        {"Cookie": "haloop_session=guess", "X-Haloop-Session": "guess"},
    )
    size = await door.practice.ledger.size(door.practice.account)
    async with client_of(door.address, None) as stranger:
        for path, methods in door.app.openapi()["paths"].items():
            for method in methods.keys() - {"get"}:
                for guise in guises if path not in OPEN or method == "delete" else ():
                    answer = await stranger.request(method, path.replace("{", "").replace("}", ""), headers=guise)
                    assert answer.status_code == 401, (method, path, guise)
    assert await door.practice.ledger.size(door.practice.account) == size


async def test_19_reading_changes_nothing(door: Door) -> None:
    """Every GET there is, as the owner: not a fact more in the ledger, and nothing bought."""
    run = await door.asked()
    gate = await door.gate(run)
    size = await door.practice.ledger.size(door.practice.account)
    for path, methods in door.app.openapi()["paths"].items():
        if "get" in methods and path != "/api/events":
            answer = await door.client.get(path.format(run=run, gate=gate["id"], **NAMED))
            assert answer.status_code in (200, 404, 422), path  # some take what only a query says
    await door.practice.engine.settled()

    assert await door.practice.ledger.size(door.practice.account) == size
    assert door.shop.sold == []


async def test_19_no_origin_but_ours_is_answered_to_its_script(door: Door) -> None:
    """A script elsewhere may not read an answer, nor ask whether it might."""
    for path in ("/api/me", "/api/openapi.json", "/api/session"):
        ahead = await door.client.options(path, headers={"Origin": EVIL, "Access-Control-Request-Method": "POST"})
        read = await door.client.get(path, headers={"Origin": EVIL})
        for answer in (ahead, read):
            assert [name for name in answer.headers if name.startswith("access-control-")] == []


async def test_19_the_live_stream_is_not_for_a_cookie_alone(door: Door) -> None:
    """A page elsewhere opens it with the browser's cookie: it hears nothing."""
    async with client_of(door.address, None) as browser:
        await browser.post("/api/session", json={"key": door.house.identity.issue_once()})
        answer = await browser.get("/api/events", headers={"Origin": EVIL})
    assert (answer.status_code, answer.json()["code"]) == (401, "identity.session_over")


TRY = """async ([yes, me, body]) => {
  const json = { "Content-Type": "application/json" };
  const tries = [
    fetch(yes, { method: "POST", credentials: "include", mode: "no-cors", body }),
    fetch(yes, { method: "POST", credentials: "include", headers: json, body }),
    fetch(me, { credentials: "include" }),
    import(me),
    new Promise((done, failed) => Object.assign(new EventSource(me), { onopen: done, onerror: failed })),
  ];
  return (await Promise.allSettled(tries)).map((one) => one.value?.type ?? one.status);
}"""
POST = """(action) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action, enctype: "text/plain" });
  form.append(Object.assign(document.createElement("input"), { name: '{"reason":"', value: '"}' }));
  document.body.append(form);
  form.submit();
}"""
FRAMED = """(src) => new Promise((done) => {
  const frame = Object.assign(document.createElement("iframe"), { src, onload: () => done(frame.contentDocument) });
  document.body.append(frame);
})"""


@needs_chromium
async def test_19_a_page_elsewhere_gets_nothing_done_in_a_real_browser(door: Door) -> None:
    """Somebody with a session opens it: it reads nothing, and neither its scripts nor its forms do anything."""
    gate = await door.gate(await door.asked())
    yes, stop = f"{door.address}/api/gates/{gate['id']}/decisions", f"{door.address}/api/agents/stop"
    async with _elsewhere() as address, Browser.opened(door) as browser:
        await expect(browser.page.locator("article.gate")).to_have_count(1)
        size = await door.practice.ledger.size(door.practice.account)
        page = browser.page
        await page.goto(address)
        tried = await page.evaluate(TRY, [yes, f"{door.address}/api/me", json.dumps(door.decision(gate))])
        async with page.expect_response(stop) as posted:
            await page.evaluate(POST, stop)
        status = (await posted.value).status

    assert tried == ["opaque", "rejected", "rejected", "rejected", "rejected"]
    assert status in (401, 403)
    assert await door.practice.ledger.size(door.practice.account) == size
    assert door.shop.sold == []


async def test_20_every_answer_tells_browsers_to_keep_nothing_and_run_nothing(door: Door) -> None:
    """Also each refusal: no store, no sniffing, no referrer, no frame, and no script at all on what is no page."""
    door.app.include_router(plain.router)
    for path in (*door.app.openapi()["paths"], "/api/nothing", "/no/page", "/api/%00"):
        answer = await door.client.request("HEAD" if path == "/api/events" else "GET", path)
        said = answer.headers
        assert said["cache-control"] == "no-store", path
        assert said["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'", path
        assert (said["referrer-policy"], said["x-content-type-options"]) == ("no-referrer", "nosniff"), path
    for path in SAYS_NOTHING - {"/api/openapi.json"}:
        said = (await door.client.get(path)).headers
        assert "unsafe" not in said["content-security-policy"]
        assert (said["referrer-policy"], said["x-content-type-options"]) == ("no-referrer", "nosniff"), path


@needs_chromium
async def test_20_no_script_but_the_pages_own_runs_and_nobody_frames_it(door: Door) -> None:
    """In a real browser: an inline script, a handler, a style, a script and a frame elsewhere: all turned down."""
    async with _elsewhere() as address, Browser.opened(door) as browser:
        ran = await browser.page.evaluate(INJECT, address)
        complaints = len(browser.complaints)
        page = browser.page
        await page.goto(address)
        await page.evaluate(FRAMED, f"{door.address}/plain")
        framed = page.frames[1]

        assert ran == {"color": False, "handler": False, "inline": False, "other": False}
        assert complaints >= 4
        assert await framed.title() != "Haloop"


async def test_22_a_started_haloop_listens_on_loopback_alone(tmp_path: Path) -> None:
    """Of all addresses on which its port is open, each is a loopback one; and a foreign name is turned away."""
    process = await serving(tmp_path)
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().partition("/?key=")[0]
    port = int(address.rpartition(":")[2])
    open_on = {host for host, number in _listening() if number == port}
    async with client_of(address, (tmp_path / "home" / "token").read_text()) as client:
        foreign = await client.get("/api/me", headers={"Host": f"evil.example:{port}"})
    process.terminate()
    await process.communicate()

    assert open_on <= {"0100007F", "00000000000000000000000001000000"}
    assert "0100007F" in open_on
    assert (foreign.status_code, foreign.json()["code"]) == (421, "identity.foreign_host")


def _listening() -> Iterator[tuple[str, int]]:
    """Where something listens on this machine, as the system says: address and port."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            _, local, _, state, *_ = line.split()
            host, _, port = local.partition(":")
            if state == "0A":
                yield host, int(port, 16)


@asynccontextmanager
async def _elsewhere() -> AsyncIterator[str]:
    """A page of somebody else's, under another name of this machine."""
    site = FastAPI()

    @site.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>elsewhere</title><body></body>")

    @site.get("/other.js")
    async def other() -> Response:
        return Response("globalThis.ran.other = true;", media_type="text/javascript")

    async with served(site, bind("127.0.0.1", 0)) as address:
        yield address.replace("localhost", "127.0.0.1")
