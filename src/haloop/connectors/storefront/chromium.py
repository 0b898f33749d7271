"""The browser: one Chromium for the whole process, a window of its own for each visit, and a turn for each of them.

A window knows what its household's profile remembers and nothing of any other. It asks the shop's own hosts and no
others: each request is looked at, and beneath that the browser resolves no other name, which also holds where a
redirect leads elsewhere.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Dialog, Error, Page, Playwright, Route, async_playwright

from haloop.connectors.profiles import Profile, Profiles
from haloop.connectors.storefront.evidence import Evidence, Keep
from haloop.connectors.storefront.hindrance import Unclear
from haloop.connectors.turns import Turns
from haloop.kernel.desk import Permanent, Transient
from haloop.kernel.errors import HomeLocked
from haloop.kernel.failure import StepFault
from haloop.ports.storefront import Visit

AT_ONCE_MAX = 2
TURN_MAX = timedelta(minutes=2)
"""So long an order waits for a browser; what is left of its deadline is for ordering."""
QUIET = (
    *("--disable-background-networking", "--disable-component-update", "--disable-quic", "--disable-sync"),
    *("--no-first-run", "--disable-gpu"),
)
_REPEATABLE = ("GET", "HEAD", "OPTIONS")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Chromium:
    """The one browser, started with the first visit."""

    def __init__(self, profiles: Profiles, *, address: str, hosts: Sequence[str], keep: Keep) -> None:
        self._profiles = profiles
        self._origin = _origin(address)
        self._hosts = tuple(hosts)
        self._keep = keep
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._starting = asyncio.Lock()
        self._turns = Turns("browser", at_once_max=AT_ONCE_MAX, of_one_account_max=1)

    async def close(self) -> None:
        if self._browser is not None:
            with suppress(Error):  # it may be gone already
                await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    @asynccontextmanager
    async def window(
        self, visit: Visit, shop: str, patience: timedelta, *, is_approved: bool = False
    ) -> AsyncIterator[Page]:
        """A page for one visit, once it is its turn; an order that was approved stands before those who only look."""
        turn = self._turns.turn(visit.household, is_first=is_approved, patience=TURN_MAX if is_approved else None)
        async with turn, self._context(visit, shop) as context:
            context.set_default_timeout(patience.total_seconds() * 1000)
            page = await context.new_page()
            page.on("dialog", _decline)
            await context.tracing.start(snapshots=True)
            try:
                yield page
            except (StepFault, Unclear):
                await self._keep_what_is_seen(visit, page)
                raise
            except Error as error:
                await self._keep_what_is_seen(visit, page)
                raise Transient("The browser lost the page.") from error

    @asynccontextmanager
    async def _context(self, visit: Visit, shop: str) -> AsyncIterator[BrowserContext]:
        """A window with what the household's profile remembers, which remembers what happens in it."""
        with _profile(self._profiles, visit.household, shop) as profile, TemporaryDirectory() as folder:
            kept = Path(folder) / "remembered.json"
            known = profile.read()
            kept.write_text(known or "{}", encoding="utf-8")
            browser = await self._started()
            context = await browser.new_context(
                storage_state=kept if known else None, service_workers="block", accept_downloads=False
            )
            await context.route("**/*", self._look_at)
            try:
                yield context
                with suppress(Error):  # what came of the visit counts, even if its window is gone by now
                    await context.storage_state(path=kept, indexed_db=True)
                    profile.keep(kept.read_text(encoding="utf-8"))
            finally:
                with suppress(Error):
                    await context.close()

    async def _started(self) -> Browser:
        async with self._starting:
            if self._playwright is None:
                self._playwright = await async_playwright().start()
            if self._browser is None or not self._browser.is_connected():
                self._browser = await self._launched(self._playwright)
            return self._browser

    async def _launched(self, playwright: Playwright) -> Browser:
        path = find_chromium()
        near = [urlsplit(self._origin).hostname or "", *(host.removeprefix("*.") for host in self._hosts)]
        only = ", ".join(f"EXCLUDE {host}, EXCLUDE *.{host}" for host in near)
        try:
            return await playwright.chromium.launch(
                executable_path=path,
                headless=True,
                args=[*QUIET, *sandbox(), f"--host-resolver-rules=MAP * ~NOTFOUND, {only}"],
            )
        except Error as error:
            raise Transient("Chromium could not be started.") from error

    async def _look_at(self, route: Route) -> None:
        """Let a request go where the shop is and nowhere else; what may be an order goes out once."""
        if not (_origin(route.request.url) == self._origin or self._is_named(route.request.url)):
            await route.abort("blockedbyclient")
        elif route.request.method in _REPEATABLE:
            await route.continue_()
        else:
            await _send_once(route)

    def _is_named(self, url: str) -> bool:
        parts = urlsplit(url)
        if parts.scheme in ("data", "blob", "about"):
            return True
        host = parts.hostname or ""
        return parts.scheme == "https" and any(
            host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in self._hosts
        )

    async def _keep_what_is_seen(self, visit: Visit, page: Page) -> None:
        """Picture, page and trace; a browser that is gone has nothing to show."""
        with suppress(Error), TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.zip"
            await page.context.tracing.stop(path=trace)
            picture, text = await page.screenshot(full_page=True), await page.content()
            for name, media_type, content in (
                ("screenshot.png", "image/png", picture),
                ("page.html", "text/html", text.encode()),
                ("trace.zip", "application/zip", trace.read_bytes()),
            ):
                await self._keep(visit, Evidence(name=name, media_type=media_type, content=content))


async def _send_once(route: Route) -> None:
    """Send it for the browser: where a kept connection breaks without a word, Chromium posts again by itself."""
    try:
        await route.fulfill(response=await route.fetch(max_redirects=0, max_retries=0))
    except Error:
        with suppress(Error):  # the page may be gone as well
            await route.abort("connectionfailed")


def find_chromium() -> str:
    """The system's browser; Permanent where there is none."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise Permanent("There is no Chromium on this machine; install it, then ask again.")
    return path


def sandbox() -> list[str]:
    """Chromium refuses to be root inside its own."""
    return [] if os.geteuid() else ["--no-sandbox"]


async def _decline(dialog: Dialog) -> None:
    """A question that no draft showed gets no yes; only leaving a page is let go."""
    if dialog.type == "beforeunload":
        await dialog.accept()
    else:
        await dialog.dismiss()


@contextmanager
def _profile(profiles: Profiles, household: str, shop: str) -> Iterator[Profile]:
    try:
        with profiles.held(household, shop) as profile:
            yield profile
    except HomeLocked as error:
        raise Transient(error.sentence) from error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
