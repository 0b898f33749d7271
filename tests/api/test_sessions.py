"""Sessions last over a restart and end when they should: by themselves, by whoever has them, with the person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from haloop.api.asking import SESSION_COOKIE
from haloop.identity import Caller, Identity, NotKnown
from haloop.kernel.fact import PersonRemoved
from haloop.store.backup import back_up
from haloop.store.sessions import OF_A_PERSON_MAX, Sessions
from haloop.wire.sessions import SESSION_HEADER
from tests.api.conftest import TOKEN, Door, client_of
from tests.api.test_errors import told

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36 Edg/140.0"


@asynccontextmanager
async def came_in(door: Door, agent: str = FIREFOX, **shown: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Ana opens the page in a browser."""
    async with client_of(door.address, None) as browser:
        browser.headers |= {"User-Agent": agent, "Origin": door.address, **shown}
        begun = await browser.post("/api/session", json={"key": door.house.identity.issue_once()})
        assert begun.status_code == 201, begun.text
        browser.headers[SESSION_HEADER] = begun.json()["secret"]
        yield browser


async def listed(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/api/sessions")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_a_session_lasts_over_a_restart(door: Door) -> None:
    """Whoever came in before the process ended is still known after it."""
    async with came_in(door) as browser:
        with Sessions.opened(door.practice.home / "sessions.db") as kept:
            owner = Caller(account=door.practice.account, person=door.ana)
            restarted = Identity(engine=door.practice.engine, owner=owner, token=TOKEN, kept=kept)
            session, secret = browser.cookies[SESSION_COOKIE], browser.headers[SESSION_HEADER]
            assert restarted.of_session(session, secret).person == door.ana


async def test_the_file_opens_nothing(door: Door, tmp_path: Path) -> None:
    """Neither what the cookie holds nor what the page keeps stands in it, nor is it in a backup."""
    async with came_in(door) as browser:
        shown = [browser.cookies[SESSION_COOKIE], browser.headers[SESSION_HEADER]]
        kept = b"".join(file.read_bytes() for file in door.practice.home.glob("sessions.db*"))
        assert kept
        assert [one for one in shown if one.encode() in kept] == []

    back_up(door.practice.home, tmp_path / "copy", keys=tmp_path / "keys", now=0)
    copied = {file.name for folder in ("copy", "keys") for file in (tmp_path / folder).iterdir()}
    assert "sessions.db" not in copied
    assert "ledger.db" in copied


async def test_a_damaged_file_costs_a_login(door: Door, tmp_path: Path) -> None:
    """Half a file, or something else: everybody is a stranger, and may come in anew."""
    for content in (b"no database at all, but long enough for one" * 99, b"SQLite format 3\0" + b"\1" * 4096):
        (tmp_path / "old.db").write_bytes(content)
        with Sessions.opened(tmp_path / "old.db") as kept:
            assert kept.of(door.ana) == []


async def test_people_see_their_browsers_and_end_the_others(door: Door) -> None:
    """Each with its name and which one asks; the one that was ended is a stranger at once."""
    async with came_in(door) as mine, came_in(door, EDGE) as lost:
        await door.practice.move(timedelta(hours=1))
        seen = await listed(mine)

        assert {(one["browser"], one["current"]) for one in seen} == {
            ("Firefox on Linux", True),
            ("Edge on Windows", False),
        }
        (other,) = [one["id"] for one in seen if not one["current"]]
        assert (await mine.delete(f"/api/sessions/{other}")).status_code == 204
        assert told(await lost.get("/api/me")) == (401, "identity.session_over")
        assert told(await mine.delete(f"/api/sessions/{other}")) == (404, "session.unknown")
        assert [one["current"] for one in await listed(mine)] == [True]


async def test_nobody_sees_or_ends_somebody_elses(door: Door) -> None:
    """Another person of the same account finds only their own."""
    ben = await door.practice.person("Ben")
    door.house.identity.begin(Caller(account=door.practice.account, person=ben), browser="Ben's")
    (his,) = door.house.identity.sessions(Caller(account=door.practice.account, person=ben))
    async with came_in(door) as mine:
        assert [one["browser"] for one in await listed(mine)] == ["Firefox on Linux"]
        assert told(await mine.delete(f"/api/sessions/{his.id}")) == (404, "session.unknown")


async def test_a_login_ends_the_session_before(door: Door) -> None:
    """Every login begins a new one; what the browser showed until then opens nothing any more."""
    async with came_in(door) as browser:
        before = browser.cookies[SESSION_COOKIE], browser.headers[SESSION_HEADER]
        again = await browser.post("/api/session", json={"key": door.house.identity.issue_once()})
        assert again.status_code == 201
        assert browser.cookies[SESSION_COOKIE] != before[0]
        async with client_of(door.address, None) as old:
            shown = {"Cookie": f"{SESSION_COOKIE}={before[0]}", SESSION_HEADER: before[1]}
            assert told(await old.get("/api/me", headers=shown)) == (401, "identity.session_over")


async def test_a_session_ends_for_good_after_thirty_days(door: Door) -> None:
    """Also one that was used every day."""
    async with came_in(door) as browser:
        for _ in range(29):
            await door.practice.move(timedelta(days=1))
            assert (await browser.get("/api/me")).status_code == 200
        await door.practice.move(timedelta(days=1))
        assert told(await browser.get("/api/me")) == (401, "identity.session_over")
    assert await listed(door.client) == []


async def test_whoever_is_taken_out_is_logged_out(door: Door) -> None:
    """Their sessions are gone with them, and do not come back when they do."""
    ben = await door.practice.person("Ben")
    caller = Caller(account=door.practice.account, person=ben)
    door.house.identity.begin(caller, browser="Ben's")
    await door.practice.engine.record(door.practice.account, PersonRemoved(person=ben), by="kernel")
    assert door.house.identity.sessions(caller) == []


async def test_nobody_has_sessions_without_end(door: Door) -> None:
    """The fifty-first ends the one that was not used for longest."""
    caller = Caller(account=door.practice.account, person=door.ana)
    first = door.house.identity.begin(caller, browser="the first")
    for _ in range(OF_A_PERSON_MAX):
        await door.practice.move(timedelta(seconds=1))
        door.house.identity.begin(caller, browser="more")
    assert len(door.house.identity.sessions(caller)) == OF_A_PERSON_MAX
    with pytest.raises(NotKnown):
        door.house.identity.of_session(first.session, first.secret)
