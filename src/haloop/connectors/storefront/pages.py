"""A shop's pages, as its recipe describes them: read, filled in and clicked through one open window.

Whatever is not as the recipe says is told in the words of a failed step: not there yet, or not to be read. Only
`place` is different. It clicks once, and what it cannot read after that is unclear.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from playwright.async_api import Error, Locator, Page

from haloop.connectors.storefront.amount import read_amount
from haloop.connectors.storefront.hindrance import Gone, Unclear, Walled
from haloop.connectors.storefront.recipe import Lines, Reads, Recipe, Step
from haloop.connectors.storefront.rows import Rows
from haloop.kernel.desk import Malformed, Money, NotDone, Transient, Why
from haloop.ports.storefront import Item, Line, Obstacle, Ordered, PastOrder

_ROWS_MAX = 60
_SERVER_ERRORS, _NOT_FOUND = 500, 404
_NO_PAGE = "body.neterror"
"""What Chromium shows where no page came: more will not come, however long one waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the last page before an order says."""

    lines: tuple[Line, ...]
    delivery: Money | None
    total: Money
    deliver_to: str
    arrives: str


class ShopPages:
    """One visit."""

    def __init__(self, page: Page, recipe: Recipe, *, address: str, household: str) -> None:
        self._page = page
        self._recipe = recipe
        self._address = address
        self._household = household

    async def enter(self) -> None:
        """Come in, by the order history; a household that needs no secret for it signs in by itself."""
        try:
            await self.open_history()
        except Walled as wall:
            if wall.obstacle is not Obstacle.SIGN_IN or not self._recipe.enter:
                raise
            await self._follow(self._recipe.enter, household=self._household)
            await self.open_history()

    async def open_history(self) -> None:
        history = self._recipe.history
        await self._go(history.go, history.ready)

    async def orders(self) -> list[PastOrder]:
        """The last orders, the newest first, from the history that is open."""
        history = self._recipe.history
        found = self._page.locator(history.each)
        rows = await self._rows(found, most=history.orders_max)
        numbers, days = await rows.column(history.number), await rows.column(history.placed)
        totals, pages = await rows.amounts(history.total), await self._paths(rows, history.details)
        return [
            PastOrder(id=number, placed=day, total=total, items=await self._items_of(found.nth(place), page))
            for place, (number, day, total, page) in enumerate(zip(numbers, days, totals, pages, strict=True))
        ]

    async def newest_order(self) -> str:
        """The newest order's number, from the history that is open; empty if there is none."""
        history = self._recipe.history
        rows = await self._rows(self._page.locator(history.each), most=1)
        return "".join(await rows.column(history.number))

    async def fill_basket(self, items: Sequence[Item]) -> list[str]:
        """Have exactly these in the basket; the names of those that are sold out."""
        missing = []
        await self._empty_basket()
        for item in items:
            try:
                await self._follow(
                    self._recipe.basket.add, product=item.product, name=item.name, quantity=str(item.quantity)
                )
            except Gone:
                missing.append(item.name)
        return missing

    async def has_basket(self) -> bool:
        """Whether anything is in the basket."""
        basket = self._recipe.basket
        await self._go(basket.go, basket.ready)
        return await self._page.locator(basket.each).count() > 0

    async def review(self) -> Shown:
        """What ordering the basket as it is would mean."""
        review = self._recipe.review
        await self._follow(review.steps)
        await self._arrive(review.ready)
        lines, page = await self._lines(review.lines), await self._whole_page()
        return Shown(
            lines=lines,
            delivery=await page.amount(review.delivery),
            total=read_amount(await page.one(review.total), self._recipe.amounts),
            deliver_to=await page.one(review.deliver_to),
            arrives=await page.one(review.arrives),
        )

    async def require_placeable(self) -> None:
        """Raise where the one click could not be done, or a refusal is to be seen before it."""
        placing = self._recipe.placing
        button = self._seen(placing.click)
        if await button.count() != 1 or not await button.is_enabled():
            raise Malformed("There is not exactly one button that orders.")
        if await self._seen(placing.done).count():
            raise Malformed("What is seen only after an order is seen before it.")
        if placing.refused and await self._seen(placing.refused).count():
            raise Malformed(f"The shop says: {await self._seen(placing.refused).first.inner_text():.200}")

    async def place(self) -> Ordered | NotDone:
        """Click once. Unclear means that nobody knows what came of it."""
        placing = self._recipe.placing
        try:
            await self._seen(placing.click).click()
            await self._seen(", ".join(filter(None, (placing.done, placing.refused, _NO_PAGE)))).first.wait_for()
            return await self._outcome()
        except (Error, Malformed) as error:
            raise Unclear("What the shop showed after the order was sent could not be read.") from error

    async def _outcome(self) -> Ordered | NotDone:
        placing = self._recipe.placing
        if await self._seen(placing.done).count():
            page = await self._whole_page()
            number, charged = await page.one(placing.number), await page.amount(placing.charged)
            return Ordered(shop=self._recipe.shop, number=number, charged=charged)
        if await self._seen(_NO_PAGE).count():
            raise Malformed("No page came.")
        sentence = f"The shop says: {await self._seen(placing.refused).first.inner_text()}"
        return NotDone(why=Why.DRIFTED, code="shop.refused", sentence=sentence[:300])

    async def _empty_basket(self) -> None:
        """Row by row; a basket that a click has led to need not be opened again, except to see that it is empty."""
        basket = self._recipe.basket
        leads_on = any(step.leads_on for step in basket.empty)
        rows, is_open = self._page.locator(basket.each), False
        for _ in range(_ROWS_MAX):
            if not (is_open and await rows.count()) and not await self.has_basket():
                return
            await self._follow(basket.empty)
            is_open = leads_on
        raise Malformed(f"The basket of {self._recipe.shop} could not be emptied.")

    # Getting about

    async def _go(self, path: str, ready: str) -> None:
        await self._open(path)
        await self._arrive(ready)

    async def _open(self, path: str) -> None:
        if not path:
            raise Gone
        try:
            answer = await self._page.goto(urljoin(self._address, path), wait_until="domcontentloaded")
        except Error as error:
            raise Transient(f"{self._recipe.shop} could not be reached.") from error
        if answer is not None and answer.status >= _SERVER_ERRORS:
            raise Transient(f"{self._recipe.shop} answered {answer.status}.")
        if answer is not None and answer.status == _NOT_FOUND:
            raise Gone
        for banner in self._recipe.banners:
            if await self._seen(banner).count():
                await self._seen(banner).first.click()

    async def _arrive(self, ready: str, *, sold_out: str = "") -> None:
        """Wait until a page is there as it should be; Walled and Gone where the shop shows something else instead."""
        walls = self._recipe.walls.known
        others = ", ".join(filter(None, (*walls.values(), sold_out)))
        try:
            await self._seen(f"{ready}, {others}").first.wait_for()
        except Error as error:
            raise Transient(f"A page of {self._recipe.shop} did not come whole: {ready} was not seen.") from error
        if not await self._seen(others).count():
            return
        for obstacle, selector in walls.items():
            if await self._seen(selector).count():
                raise Walled(obstacle)
        raise Gone

    async def _follow(self, steps: Sequence[Step], **values: str) -> None:
        for step in steps:
            if not step.only_if or await self._seen(_filled(step.only_if, values, _quoted)).count():
                await self._do(step, values)

    async def _do(self, step: Step, values: Mapping[str, str]) -> None:
        value, selector = _filled(step.value, values), _filled(step.see or step.fill or step.choose, values, _quoted)
        try:
            if step.go:
                await self._open(_filled(step.go, values, _in_address))
            elif step.see:
                await self._arrive(selector, sold_out=self._recipe.basket.sold_out)
            elif step.fill:
                await self._seen(selector).first.fill(value)
            elif step.choose:
                await self._seen(selector).first.select_option(label=value)
            else:
                await self._click(step, values)
        except Error as error:
            told = step.model_dump_json(exclude_defaults=True)  # whoever writes a recipe looks for this line in it
            raise Transient(f"A page of {self._recipe.shop} was not as expected at {told}.") from error

    async def _click(self, step: Step, values: Mapping[str, str]) -> None:
        for _ in range(int(_filled(step.times, values))):
            button = self._seen(_filled(step.click, values, _quoted)).first
            if step.stays:
                await button.click()
            else:
                async with self._page.expect_navigation(wait_until="domcontentloaded"):
                    await button.click()

    def _seen(self, selector: str) -> Locator:
        return self._page.locator(selector).locator("visible=true")

    # Reading

    async def _rows(self, found: Locator, *, most: int | None = None) -> Rows:
        return await Rows.of(found, self._recipe, most=most)

    async def _whole_page(self) -> Rows:
        return await self._rows(self._page.locator("html"))

    async def _items_of(self, row: Locator, page: str) -> tuple[Item, ...]:
        """An order's items, from its row, or from a page of its own."""
        history = self._recipe.history
        if history.details is None:
            return await self._items(row, history.lines)
        await self._go(page, history.details_ready or history.ready)
        return await self._items(self._page.locator("html"), history.lines)

    async def _items(self, within: Locator, lines: Lines) -> tuple[Item, ...]:
        rows = await self._rows(within.locator(lines.each))
        names, pages = await rows.column(lines.name), await self._paths(rows, lines.product)
        quantities = await rows.quantities(lines.quantity)
        return tuple(
            Item(name=name, product=page, quantity=quantity)
            for name, page, quantity in zip(names, pages, quantities, strict=True)
        )

    async def _lines(self, lines: Lines) -> tuple[Line, ...]:
        rows = await self._rows(self._page.locator(lines.each))
        names, quantities = await rows.column(lines.name), await rows.quantities(lines.quantity)
        prices, totals = await rows.amounts(lines.price), await rows.amounts(lines.total)
        return tuple(
            Line(name=name, quantity=quantity, each=each, total=_total(each, quantity, said))
            for name, quantity, each, said in zip(names, quantities, prices, totals, strict=True)
        )

    async def _paths(self, rows: Rows, reads: Reads | None) -> list[str]:
        return [self._path(address) if address else "" for address in await rows.column(reads)]

    def _path(self, address: str) -> str:
        """A page of this shop, without the shop's own address: that may be another tomorrow."""
        parts = urlsplit(urljoin(self._page.url, address))
        if parts.netloc != urlsplit(self._address).netloc:
            raise Malformed("A product's page is not in this shop.")
        return parts.path + (f"?{parts.query}" if parts.query else "")


def _total(each: Money | None, quantity: int, said: Money | None) -> Money:
    """Of a line: what it says, or what so many of it come to."""
    if said is not None:
        return said
    if each is None:
        raise Malformed("A line has neither a price nor a total.")
    return Money(minor=each.minor * quantity, currency=each.currency)


def _filled(words: str, values: Mapping[str, str], spell: Callable[[str, str], str] = lambda _, value: value) -> str:
    """Words with the values in their places, spelled as the words need them."""
    for name, value in values.items():
        words = words.replace(f"{{{name}}}", spell(name, value))
    return words


def _quoted(_: str, value: str) -> str:
    """Inside a selector, between double quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _in_address(name: str, value: str) -> str:
    """Inside an address; a product's is one already."""
    return value if name == "product" else quote(value, safe="")
