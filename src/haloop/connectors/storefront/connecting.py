"""Signing in once: a window at the shop in which a person does what no program may, and whose memory is then kept."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Error, async_playwright

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.chromium import QUIET, find_chromium, sandbox
from haloop.connectors.storefront.hindrance import Walled
from haloop.connectors.storefront.pages import ShopPages
from haloop.connectors.storefront.terms import Terms
from haloop.kernel.errors import Refused
from haloop.kernel.failure import StepFault


async def connect(
    terms: Terms, profiles: Profiles, household: str, *, port: int | None, done: Callable[[], Awaitable[None]]
) -> None:
    """Open the shop until the person has done; keep who they are there if the order history opens now.

    With a port there is no window on this machine: another browser reaches it there, over its own debugging.
    """
    recipe = terms.recipe
    reached = [] if port is None else [f"--remote-debugging-port={port}"]
    with profiles.held(household, recipe.name) as profile, TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            try:
                window = await playwright.chromium.launch_persistent_context(
                    folder,
                    executable_path=find_chromium(),
                    headless=port is not None,
                    args=[*QUIET, *sandbox(), *reached],
                )
            except Error as error:
                raise _refused("Chromium could not open a window.", "Without a screen, give --port.") from error
            try:
                window.set_default_timeout(terms.patience.total_seconds() * 1000)
                page = window.pages[0]
                await page.goto(f"{terms.address}{recipe.home}")
                await done()
                page = await window.new_page()
                await ShopPages(page, recipe, address=terms.address, household=household).open_history()
                remembered = Path(folder) / "remembered.json"
                await window.storage_state(path=remembered, indexed_db=True)
                profile.keep(remembered.read_text(encoding="utf-8"))
            except Walled as wall:
                raise _refused(
                    f"{recipe.shop} still wants {wall.obstacle}.", "Sign in in its window, then go on."
                ) from wall
            except (Error, StepFault) as error:
                raise _refused(f"The order history of {recipe.shop} did not open.", "Try again.") from error
            finally:
                await window.close()


def _refused(sentence: str, next_step: str) -> Refused:
    return Refused(sentence, code="connect.not_signed_in", next_step=next_step)
