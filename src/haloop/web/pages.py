"""Serves the built app: its one page for every place in it, and its files, which never change under a name.

What the page begins with is told to the browser in the page itself, so that nothing has to be asked for twice: which
files the place needs, and what anybody may know of this Haloop. Who is asking is not known here; the app shows that
to the API.
"""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import chain
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Response
from pydantic import BaseModel

from haloop.kernel import canonical
from haloop.kernel.errors import NotFound

_ROOMS = ("limits", "defaults", "connectors", "people", "devices", "logins", "keyboard", "status")
PLACES: Mapping[str, str] = {
    "/": "today",
    "/activity": "activity",
    "/activity/{run}": "execution",
    "/r/{run}": "receipt",
    "/status": "answering",
    "/settings": "settings",
    **{f"/settings/{room}": room for room in _ROOMS},
    "/open": "open",
    "/_kit": "kit",
}
"""Each address of the app, and the part of it that is shown there."""
PLACES_OF_DESKS: Mapping[str, Mapping[str, str]] = {
    "missions": {"/missions": "missions", "/missions/{mission}": "mission", "/settings/projects": "projects"},
}
"""Those that are there where the desk is installed."""

_KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_SQUEEZED = {"br": ".br", "gzip": ".gz"}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{what}-src 'self'" for what in ("script", "style", "connect", "img", "font", "manifest", "worker")),
        "require-trusted-types-for 'script'",
        "trusted-types worker",  # one address alone: that of the app's own worker
        *(f"{what} 'none'" for what in ("form-action", "base-uri", "frame-ancestors")),
    )
)
_PAGE = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_FRESH = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
"""What the worker may do stands with the worker: it speaks with the house, and with nobody else."""
_NAMED = ("sw.js", "manifest.webmanifest", "icons/180.png", "icons/192.png", "icons/512.png", "icons/maskable-512.png")
_HERE = "<!-- here -->"
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Haloop</title>
<h1>The web app is not built</h1>
<p>In the checkout: <code>python tools/web.py build</code>, then start Haloop again.
Until then there is <a href="/plain">the plain page</a>.</p>
"""


class Begins(BaseModel, frozen=True):
    """What the app is told with its page: nothing of anybody's."""

    version: str
    desks: list[str]
    live: bool
    """Whether anything that it does beyond this machine is real."""


def make_pages(begins: Begins) -> APIRouter:
    """The app's page and its files, as they were built."""
    built = files("haloop.web").joinpath("app")
    router = APIRouter(include_in_schema=False)
    of_desks = [PLACES_OF_DESKS.get(desk, {}) for desk in begins.desks]
    for address, place in chain.from_iterable(one.items() for one in (PLACES, *of_desks)):
        router.add_api_route(address, _Page(built, place, begins), name=f"app_{place}")
    for name in _NAMED:
        router.add_api_route(f"/{name}", _Named(built.joinpath(name)), name=f"app_{name}")
    router.add_api_route("/assets/{name}", _Files(built.joinpath("assets")), name="app_file")
    return router


class _Page:
    """The app's page, as one place of it begins."""

    def __init__(self, built: Traversable, place: str, begins: Begins) -> None:
        self._html = _page(built, place, begins)

    async def __call__(self) -> Response:
        """The app; a key that is good for one visit may be in its address, and the app exchanges it."""
        return Response(self._html, headers=_PAGE)


class _Files:
    """Files by their names, which say what is in them: whoever has one keeps it."""

    def __init__(self, folder: Traversable) -> None:
        there = folder.iterdir() if folder.is_dir() else ()
        self._bytes = {one.name: one.read_bytes() for one in there}

    async def __call__(self, name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
        """One file, as small as the browser takes it."""
        kind = _KINDS.get(name.rpartition(".")[2])
        if name not in self._bytes or kind is None:
            raise NotFound("There is nothing at this address.", code="request.no_such_address")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Type": kind}
        taken = {one.partition(";")[0].strip() for one in accept_encoding.split(",")}
        for encoding, suffix in _SQUEEZED.items():
            if encoding in taken and (squeezed := self._bytes.get(name + suffix)) is not None:
                return Response(squeezed, headers={**headers, "Content-Encoding": encoding, "Vary": "Accept-Encoding"})
        return Response(self._bytes[name], headers={**headers, "Vary": "Accept-Encoding"})


class _Named:
    """A file that is called the same whatever is in it, so that it is asked for anew."""

    def __init__(self, file: Traversable) -> None:
        self._bytes = file.read_bytes() if file.is_file() else None
        self._headers = {**_FRESH, "Content-Type": _KINDS[file.name.rpartition(".")[2]]}

    async def __call__(self) -> Response:
        """The file, as it was built."""
        if self._bytes is None:
            raise NotFound("There is nothing at this address.", code="request.no_such_address")
        return Response(self._bytes, headers=self._headers)


def _page(built: Traversable, place: str, begins: Begins) -> str:
    page = built.joinpath("index.html")
    if not page.is_file():
        return _NOT_BUILT
    needed = orjson.loads(built.joinpath("begins.json").read_bytes()).get(place, [])
    links = [f'<link rel="modulepreload" crossorigin href="/{file}">' for file in needed]
    told = canonical.encode(begins.model_dump()).decode().replace("<", "\\u003c")
    here = "".join([*links, f'<script type="application/json" id="begins">{told}</script>'])
    return page.read_text(encoding="utf-8").replace(_HERE, here)
