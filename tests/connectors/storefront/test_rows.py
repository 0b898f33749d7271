"""Rows of a page: each says its own, in as many questions as there are columns."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.chromium import sandbox
from haloop.connectors.storefront.recipe import Reads, read_recipe
from haloop.connectors.storefront.rows import Rows
from haloop.kernel.desk import Malformed, Money

SHELF = """<ul>
<li><b>Tea</b><b>Not this</b><a href="/tea">look</a><input value="1"><i>EUR 2.00</i></li>
<li><b> Milk,
  whole</b><input value="1"><i>EUR 1.20</i></li>
<li><b>Bread</b><a href="/bread">look</a>
  <x-price><template shadowrootmode="open"><i>EUR 4.00</i></template></x-price></li>
</ul>"""


@pytest.fixture
async def page(profiles: Profiles) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox())
        page = await browser.new_page()
        await page.set_content(SHELF)
        await page.fill("li >> nth=0 >> input", "3")
        yield page
        await browser.close()


async def test_each_row_says_its_own(page: Page) -> None:
    """The first at a place counts, below a component too; what a row may leave out is empty, and no other row's."""
    rows = await Rows.of(page.locator("li"), read_recipe("town"))
    assert await rows.column(Reads(at="b")) == ["Tea", "Milk, whole", "Bread"]
    assert await rows.column(Reads(at="a:has-text('look')", attribute="href", optional=True)) == ["/tea", "", "/bread"]
    assert await rows.column(Reads(at="input", attribute="value", optional=True)) == ["3", "1", ""]
    assert await rows.amounts(Reads(at="i")) == [Money(minor=minor, currency="EUR") for minor in (200, 120, 400)]
    assert await rows.column(Reads(pattern="^([A-Z][a-z]{2,3})")) == ["Tea", "Milk", "Brea"]
    assert await rows.column(None) == ["", "", ""]
    with pytest.raises(Malformed, match="does not say what a should"):
        await rows.column(Reads(at="a"))


async def test_no_more_rows_are_read_than_are_wanted(page: Page) -> None:
    """What a further one leaves out does not matter."""
    rows = await Rows.of(page.locator("li"), read_recipe("town"), most=1)
    assert await rows.column(Reads(at="a")) == ["look"]
