"""Logins at npm's `oidc-provider`, which is certified for OpenID Connect: its own pages, its own tokens, real HTTP."""

import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Self

import httpx2
import pytest

from haloop.issuer import CALLBACK
from haloop.testing.clock import MovableClock
from tests.api.conftest import Door, opened_door
from tests.api.elsewhere import CLIENT, PUBLIC, SECRET, Browser, asked, changed, issuer_at, reachable
from tests.api.test_errors import told
from tests.npm_packages import node_with_packages

FOLDER = Path(__file__).parent / "provider"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Where it answers, as an issuer that has us as its client and asks for PKCE."""
    client = {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [f"{PUBLIC}{CALLBACK}"]}
    without = "NO LOGIN AT A CERTIFIED ISSUER WAS TRIED: npm could not install oidc-provider"
    words = [node_with_packages(FOLDER, without=without).program, FOLDER / "serve.js", json.dumps(client)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
async def away(tmp_path: Path, provider: str) -> AsyncIterator[Door]:
    """A house that people reach from elsewhere, by logins of that issuer."""
    async with reachable(tmp_path, provider) as door:
        yield door


class Visitor:
    """Somebody's browser on the issuer's pages, which keeps the issuer's cookies."""

    def __init__(self) -> None:
        self._client = httpx2.AsyncClient(trust_env=False)
        self._shown = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def open(self, page: str) -> str:
        return await self._followed(await self._client.get(page))

    async def say(self, **said: str) -> str:
        """Send the form that is shown."""
        (action,) = re.findall(r'<form [^>]*action="([^"]+)"', self._shown)
        (prompt,) = re.findall(r'name="prompt" value="([^"]+)"', self._shown)
        return await self._followed(await self._client.post(unescape(action), data={"prompt": prompt, **said}))

    async def cancel(self) -> str:
        (link,) = re.findall(r'<a href="([^"]+/abort)"', self._shown)
        return await self._followed(await self._client.get(unescape(link)))

    async def log_in(self, page: str, name: str) -> str:
        """Show who they are and agree; where the issuer sends them back to."""
        await self.open(page)
        await self.say(login=name, password="any")
        return await self.say()

    async def _followed(self, answer: httpx2.Response) -> str:
        """Where it leads: a page of the issuer, which is shown from then on, or our own door, which is not opened."""
        while answer.is_redirect:
            location = answer.headers["location"]
            if location.startswith(PUBLIC):
                return location
            answer = await self._client.get(str(answer.url.join(location)))
        assert answer.status_code == 200, answer.text
        self._shown = answer.text
        return str(answer.url)


async def test_a_login_at_a_certified_issuer_opens_our_session(away: Door, provider: str) -> None:
    """From our page to the issuer's, where they log in and agree, and back to a session that is theirs."""
    async with Browser.at(away) as browser, Visitor() as ana:
        page = await browser.begun(key=away.house.identity.issue_once())
        location = await ana.log_in(page, "ana")
        assert (page.startswith(f"{provider}/"), asked(location)["iss"]) == (True, provider)
        assert (await browser.came_back(location)).status_code == 303
        assert (await browser.get("/api/me")).json()["person"] == away.ana


async def test_whom_the_issuer_knows_already_comes_in_without_a_form(away: Door) -> None:
    """Its own session answers at once; where we ask that they show anew who they are, they do, and it says when."""
    async with Browser.at(away) as first, Browser.at(away) as later, Visitor() as ana:
        page = await first.begun(key=away.house.identity.issue_once())
        assert (await first.came_back(await ana.log_in(page, "ana"))).status_code == 303

        assert (await later.came_back(await ana.open(await later.begun()))).status_code == 303

        assert "/interaction/" in await ana.open(await later.begun(again=True))
        assert (await later.came_back(await ana.say(login="ana", password="any"))).status_code == 303
        assert (await later.post("/api/tokens", {"agent": "shopper"})).status_code == 201


async def test_somebody_else_at_a_certified_issuer_is_nobody_here(away: Door) -> None:
    """The login holds and is linked to nobody."""
    async with Browser.at(away) as browser, Visitor() as eve:
        assert told(await browser.came_back(await eve.log_in(await browser.begun(), "eve"))) == (401, "login.unknown")
        assert browser.session == ""


async def test_whoever_cancels_at_a_certified_issuer_is_told_so(away: Door) -> None:
    """Before they log in, and when they are asked to agree."""
    async with Browser.at(away) as browser, Visitor() as ana:
        await ana.open(await browser.begun())
        assert told(await browser.came_back(await ana.cancel())) == (401, "login.denied")
        await ana.open(await browser.begun())
        await ana.say(login="ana", password="any")
        assert told(await browser.came_back(await ana.cancel())) == (401, "login.denied")
        assert browser.session == ""


@pytest.mark.parametrize(
    ("name", "code"), [("code_challenge", "login.code"), ("nonce", "login.nonce"), ("state", "login.state")]
)
async def test_a_question_that_was_changed_on_the_way_to_it_opens_nothing(away: Door, name: str, code: str) -> None:
    """The issuer refuses the code where PKCE does not fit; we refuse what does not answer our own question."""
    async with Browser.at(away) as browser, Visitor() as ana:
        page = await browser.begun(key=away.house.identity.issue_once())
        changed_page = changed(page, **{name: "A" * 43})
        assert told(await browser.came_back(await ana.log_in(changed_page, "ana"))) == (401, code)
        assert browser.session == ""


async def test_without_our_secret_a_certified_issuer_takes_no_code(tmp_path: Path, provider: str) -> None:
    """A house with the wrong secret lets nobody in, and says so with a code of its own."""
    wrong = replace(issuer_at(provider), client_secret="another")
    clock = MovableClock(int(time.time()) * 1_000_000)
    async with (
        opened_door(tmp_path, issuer=wrong, clock=clock) as door,
        Browser.at(door) as browser,
        Visitor() as ana,
    ):
        page = await browser.begun(key=door.house.identity.issue_once())
        assert told(await browser.came_back(await ana.log_in(page, "ana"))) == (401, "login.code")
        assert browser.session == ""
