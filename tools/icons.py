"""Draws the app's icons from its one drawing, `web/src/haloop.svg`, into `web/public/icons`, with Chromium.

python tools/icons.py
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WEB = Path(__file__).resolve().parent.parent / "web"
DRAWING = WEB / "src" / "haloop.svg"
ICONS = WEB / "public" / "icons"
PAPER = "#faf9f6"


@dataclass(frozen=True, slots=True)
class Icon:
    """How large an icon is, and how much of it the ring takes: a system may cut a mask out of the middle."""

    size: int
    ring: float = 0.86


ALL: Mapping[str, Icon] = {
    "180": Icon(180, ring=0.72),
    "192": Icon(192),
    "512": Icon(512),
    "maskable-512": Icon(512, ring=0.6),
}


def main() -> None:
    """Draw all of them."""
    ICONS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        page = browser.new_page()
        for name, icon in ALL.items():
            draw(page, icon, ICONS / f"{name}.png")
        browser.close()


def draw(page: Page, icon: Icon, path: Path) -> None:
    """The ring on paper, in the middle."""
    page.set_viewport_size({"width": icon.size, "height": icon.size})
    ring = DRAWING.read_text(encoding="utf-8").replace("<svg", f'<svg width="{icon.size * icon.ring}"', 1)
    page.set_content(f'<body style="margin:0;height:100vh;display:grid;place-items:center;background:{PAPER}">{ring}')
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
