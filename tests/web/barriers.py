"""What axe finds wrong with a page for those who cannot see it, or hear it, or hold a mouse."""

from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """(rules) => axe.run({ runOnly: { type: "tag", values: rules } })
    .then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map((node) => node.target.join(" "))]))"""


async def barriers(page: Page) -> list[Any]:
    """Every rule that is broken, with the places."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[Any] = await page.evaluate(_RUN, _RULES)
    return found


async def barriers_in_both(page: Page) -> list[Any]:
    """The same in light and in dark, each with its scheme; nothing may still be moving from the one to the other."""
    found: list[Any] = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [(scheme, *one) for one in await barriers(page)]
    return found


async def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways, and text that is cut off."""
    found: list[str] = await page.evaluate(
        """() => {
            const wide = [...document.querySelectorAll("body *")]
                .filter((one) => !one.closest(".overflow-x-auto, pre, .sr-only, svg, dialog:not([open])"))
                .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
                    || (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "hidden"))
                .map((one) => `${one.tagName} ${one.className}`.slice(0, 120));
            return document.documentElement.scrollWidth > innerWidth ? ["the page itself", ...wide] : wide;
        }"""
    )
    return found
