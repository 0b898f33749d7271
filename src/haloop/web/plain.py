"""Serves the plain page and its files, each under its own kind, to be run by nobody but our own page."""

from importlib.resources import files

from fastapi import APIRouter, Response

router = APIRouter(include_in_schema=False)

_KINDS = {
    "index.html": "text/html; charset=utf-8",
    "haloop.css": "text/css; charset=utf-8",
    "haloop.js": "text/javascript; charset=utf-8",
    "haloop.svg": "image/svg+xml",
}
_SAID = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
        " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


@router.get("/plain")
async def plain_page() -> Response:
    """Everything on one page, without the app; a key that is good for one visit may be in its address."""
    return _file("index.html")


@router.get("/haloop.css")
async def style() -> Response:
    return _file("haloop.css")


@router.get("/haloop.js")
async def script() -> Response:
    return _file("haloop.js")


@router.get("/haloop.svg")
async def icon() -> Response:
    return _file("haloop.svg")


def _file(name: str) -> Response:
    content = files("haloop.web").joinpath("static", name).read_bytes()
    return Response(content, headers={**_SAID, "Content-Type": _KINDS[name]})
