"""The plain page and the app: files of our own, run by nobody else's scripts, as small as a browser takes them."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from haloop.serving import bind, served
from haloop.web import pages, plain
from haloop.web.pages import PLACES, PLACES_OF_DESKS, Begins, make_pages
from tests.api.conftest import Door, client_of

STATIC = Path(plain.__file__).parent / "static"
BUILT = Path(pages.__file__).parent / "app"
ROUTES = Path(pages.__file__).parents[3] / "web" / "src" / "routes.tsx"
OF_DESKS = {path: place for desk in PLACES_OF_DESKS.values() for path, place in desk.items()}
ASSETS = sorted(path.name for path in (BUILT / "assets").glob("*") if path.suffix in (".js", ".css"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who has opened the pages and nothing else."""
    app = FastAPI()
    app.include_router(make_pages(Begins(version="1.2</script>", desks=["errands"], live=True)))
    app.include_router(plain.router)
    async with served(app, bind("127.0.0.1", 0)) as address, client_of(address, None) as browser:
        yield browser


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/plain", "index.html", "text/html"),
        ("/haloop.css", "haloop.css", "text/css"),
        ("/haloop.js", "haloop.js", "text/javascript"),
    ],
)
async def test_the_plain_files_are_served_as_what_they_are(
    browser: httpx2.AsyncClient, path: str, name: str, kind: str
) -> None:
    """Each with a policy that lets no script of anybody else's run, and no page show ours in a frame."""
    answer = await browser.get(path)

    assert answer.content == (STATIC / name).read_bytes()
    assert answer.headers["content-type"].startswith(kind)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_plain_page_says_nothing_as_html() -> None:
    """What an agent or a shop wrote is put in as text, wherever it stands."""
    script = (STATIC / "haloop.js").read_text(encoding="utf-8")
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert [
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in script
    ] == []
    assert "<script>" not in html
    assert "style=" not in html
    assert "onclick=" not in html


@pytest.mark.parametrize("place", PLACES)
async def test_every_place_of_the_app_is_served_under_a_strict_policy(browser: httpx2.AsyncClient, place: str) -> None:
    """Nothing of anybody else's runs, is shown or is asked, and text never becomes a script."""
    answer = await browser.get(place)

    policy = answer.headers["content-security-policy"].split("; ")
    assert answer.headers["cache-control"] == "no-cache"
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert {"require-trusted-types-for 'script'", "trusted-types worker"} <= set(policy)
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("place", PLACES)
async def test_a_place_begins_with_all_that_it_needs(browser: httpx2.AsyncClient, place: str) -> None:
    """The browser is told at once which files to fetch, and what the app may know; and each of them is there."""
    html = (await browser.get(place)).text

    linked = re.findall(r'<link rel="modulepreload" crossorigin href="([^"]+)">', html)
    assert any(PLACES[place] in one for one in linked)
    assert [(await browser.get(one)).status_code for one in linked] == [200] * len(linked)
    (told,) = re.findall(r'<script type="application/json" id="begins">(.*?)</script>', html)
    assert json.loads(told) == {"version": "1.2</script>", "desks": ["errands"], "live": True}


@pytest.mark.parametrize("path", OF_DESKS)
async def test_a_desk_s_place_is_there_where_the_desk_is(browser: httpx2.AsyncClient, path: str) -> None:
    """Where it is not installed, the address is none."""
    assert (await browser.get(path)).status_code == 404
    app = FastAPI()
    app.include_router(make_pages(Begins(version="1", desks=list(PLACES_OF_DESKS), live=False)))
    async with served(app, bind("127.0.0.1", 0)) as address, client_of(address, None) as other:
        assert f"/assets/{OF_DESKS[path]}-" in (await other.get(path)).text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sw.js", "text/javascript; charset=utf-8"),
        ("manifest.webmanifest", "application/manifest+json"),
        ("icons/192.png", "image/png"),
    ],
)
async def test_what_keeps_its_name_is_asked_for_anew(browser: httpx2.AsyncClient, name: str, kind: str) -> None:
    """A new build is met at the next visit; and the worker speaks with the house alone."""
    answer = await browser.get(f"/{name}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"


@pytest.mark.parametrize("name", ASSETS)
async def test_an_asset_is_sent_small_and_kept_for_good(browser: httpx2.AsyncClient, name: str) -> None:
    """Its name says what is in it, so nobody asks twice; brotli and gzip were made when it was built."""
    whole = (BUILT / "assets" / name).read_bytes()
    answers = [
        await browser.get(f"/assets/{name}", headers={"Accept-Encoding": one}) for one in ("br, gzip", "gzip", "")
    ]

    assert [answer.headers.get("content-encoding") for answer in answers] == ["br", "gzip", None]
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    assert {answer.headers["vary"] for answer in answers} == {"Accept-Encoding"}
    assert gzip.decompress((BUILT / "assets" / f"{name}.gz").read_bytes()) == answers[2].content == whole
    assert [int(answer.headers["content-length"]) <= len(whole) for answer in answers] == [True] * 3


async def test_what_is_no_file_of_the_app_is_nothing(door: Door) -> None:
    """Also where somebody climbs out of the folder; the answer is the API's."""
    door.app.include_router(make_pages(Begins(version="1", desks=[], live=False)))
    for path in ("/assets/nothing.js", "/assets/..%2findex.html", "/assets/%2e%2e/begins.json", "/elsewhere"):
        answer = await door.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "request.no_such_address")


def test_the_app_and_the_server_know_the_same_places() -> None:
    """An address that one of them does not know would work until the page is loaded again, or not at all."""
    named = re.findall(r'path: "([^"]+)"', ROUTES.read_text(encoding="utf-8"))
    assert {re.sub(r":(\w+)", r"{\1}", path) for path in named} == {*PLACES, *OF_DESKS}


def test_without_the_app_the_page_says_how_to_build_it(tmp_path: Path) -> None:
    """Whoever skipped the build is not left before an empty window."""
    page = pages._Page(tmp_path, "today", Begins(version="1", desks=[], live=False))._html
    assert "tools/web.py build" in page
    assert 'href="/plain"' in page
