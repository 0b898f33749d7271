"""The page that people open: files of its own, run by nobody else's scripts."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from haloop.serving import bind, served
from haloop.web import pages
from tests.api.conftest import client_of

STATIC = Path(pages.__file__).parent / "static"


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/", "index.html", "text/html"),
        ("/haloop.css", "haloop.css", "text/css"),
        ("/haloop.js", "haloop.js", "text/javascript"),
    ],
)
async def test_the_files_are_served_as_what_they_are(path: str, name: str, kind: str) -> None:
    """Each with a policy that lets no script of anybody else's run, and no page show ours in a frame."""
    app = FastAPI()
    app.include_router(pages.router)
    async with served(app, bind("127.0.0.1", 0)) as address, client_of(address, None) as browser:
        answer = await browser.get(path)

    assert answer.content == (STATIC / name).read_bytes()
    assert answer.headers["content-type"].startswith(kind)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_says_nothing_as_html() -> None:
    """What an agent or a shop wrote is put in as text, wherever it stands."""
    script = (STATIC / "haloop.js").read_text(encoding="utf-8")
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert [
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in script
    ] == []
    assert "<script>" not in html
    assert "style=" not in html
    assert "onclick=" not in html
