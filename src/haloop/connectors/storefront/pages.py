"""A shop's pages, as its recipe describes them: read, filled in and clicked through one open window.

Whatever is not as the recipe says is told in the words of a failed step: not there yet, or not to be read. Only
`place` is different. It clicks once, and what it cannot read after that is unclear.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from playwright.async_api import Error, Locator, Page

from haloop.connectors.storefront.amount import read_amount
from haloop.connectors.storefront.hindrance import Gone, Unclear, Walled
from haloop.connectors.storefront.recipe import Lines, Reads, Recipe, Step
from haloop.kernel.desk import Malformed, Money, NotDone, Transient, Why
from haloop.ports.storefront import Item, Line, Obstacle, Ordered, PastOrder

_ROWS_MAX = 60
_SERVER_ERRORS, _NOT_FOUND = 500, 404


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
        """Come in; a household that needs no secret for it signs in by itself."""
        history = self._recipe.history
        try:
            await self._go(history.go, history.ready)
        except Walled as wall:
            if wall.obstacle is not Obstacle.SIGN_IN or not self._recipe.enter:
                raise
            await self._follow(self._recipe.enter, household=self._household)
            await self._go(history.go, history.ready)

    async def orders(self) -> list[PastOrder]:
        """The last orders, the newest first."""
        history = self._recipe.history
        await self._go(history.go, history.ready)
        rows = (await self._page.locator(history.each).all())[: history.orders_max]
        if history.details is None:
            return [await self._order(row, await self._items(row, history.lines)) for row in rows]
        found = [(await self._order(row, ()), await self._path(row, history.details)) for row in rows]
        return [order.model_copy(update={"items": await self._detailed(path)}) for order, path in found]

    async def newest_order(self) -> str:
        """The newest order's number; empty if there is none."""
        history = self._recipe.history
        await self._go(history.go, history.ready)
        row = self._page.locator(history.each)
        return await self._read(row.first, history.number) if await row.count() else ""

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
        page = self._page.locator("html")
        return Shown(
            lines=tuple([await self._line(row) for row in await page.locator(review.lines.each).all()]),
            delivery=await self._amount(page, review.delivery),
            total=await self._amount_of(page, review.total),
            deliver_to=await self._text(page, review.deliver_to),
            arrives=await self._text(page, review.arrives),
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
            await self._seen(", ".join(filter(None, (placing.done, placing.refused)))).first.wait_for()
            if not await self._seen(placing.done).count():
                sentence = f"The shop says: {await self._seen(placing.refused).first.inner_text()}"
                return NotDone(why=Why.DRIFTED, code="shop.refused", sentence=sentence[:300])
            page = self._page.locator("html")
            number, charged = await self._read(page, placing.number), await self._amount(page, placing.charged)
        except (Error, Malformed) as error:
            raise Unclear("What the shop showed after the order was sent could not be read.") from error
        return Ordered(shop=self._recipe.shop, number=number, charged=charged)

    async def _empty_basket(self) -> None:
        for _ in range(_ROWS_MAX):
            if not await self.has_basket():
                return
            await self._follow(self._recipe.basket.empty)
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

    async def _arrive(self, ready: str) -> None:
        """Wait until a page is there as it should be, or a wall before it."""
        walls = self._recipe.walls
        known = {
            Obstacle.CAPTCHA: walls.captcha,
            Obstacle.SECOND_FACTOR: walls.second_factor,
            Obstacle.SIGN_IN: walls.sign_in,
        }
        try:
            await self._seen(", ".join(filter(None, (ready, *known.values())))).first.wait_for()
        except Error as error:
            raise Transient(f"A page of {self._recipe.shop} did not come whole: {ready} was not seen.") from error
        for obstacle, selector in known.items():
            if selector and await self._seen(selector).count():
                raise Walled(obstacle)

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
                await self._see(selector)
            elif step.fill:
                await self._seen(selector).first.fill(value)
            elif step.choose:
                await self._seen(selector).first.select_option(label=value)
            else:
                await self._click(step, values)
        except Error as error:
            told = step.model_dump_json(exclude_defaults=True)  # whoever writes a recipe looks for this line in it
            raise Transient(f"A page of {self._recipe.shop} was not as expected at {told}.") from error

    async def _see(self, selector: str) -> None:
        """Wait for it; Gone where the shop says instead that it cannot be had."""
        sold_out = self._recipe.basket.sold_out
        await self._arrive(", ".join(filter(None, (selector, sold_out))))
        if sold_out and await self._seen(sold_out).count():
            raise Gone

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

    async def _order(self, row: Locator, items: tuple[Item, ...]) -> PastOrder:
        history = self._recipe.history
        return PastOrder(
            id=await self._read(row, history.number),
            placed=await self._text(row, history.placed),
            total=await self._amount(row, history.total),
            items=items,
        )

    async def _detailed(self, path: str) -> tuple[Item, ...]:
        history = self._recipe.history
        await self._go(path, history.details_ready or history.ready)
        return await self._items(self._page.locator("html"), history.lines)

    async def _items(self, within: Locator, lines: Lines) -> tuple[Item, ...]:
        return tuple([await self._item(row, lines) for row in await within.locator(lines.each).all()])

    async def _item(self, row: Locator, lines: Lines) -> Item:
        return Item(
            name=await self._read(row, lines.name),
            product="" if lines.product is None else await self._path(row, lines.product),
            quantity=await self._quantity(row, lines.quantity),
        )

    async def _line(self, row: Locator) -> Line:
        lines = self._recipe.review.lines
        quantity, each = await self._quantity(row, lines.quantity), await self._amount(row, lines.price)
        total = await self._amount(row, lines.total)
        if total is None and each is not None:
            total = Money(minor=each.minor * quantity, currency=each.currency)
        if total is None:
            raise Malformed("A line has neither a price nor a total.")
        return Line(name=await self._read(row, lines.name), quantity=quantity, each=each, total=total)

    async def _quantity(self, row: Locator, reads: Reads | None) -> int:
        text = await self._text(row, reads) or "1"
        if not re.fullmatch(r"[1-9][0-9]?", text):
            raise Malformed(f"{text!r:.40} is not a quantity.")
        return int(text)

    async def _path(self, row: Locator, reads: Reads) -> str:
        """A page of this shop, without the shop's own address: that may be another tomorrow."""
        address = await self._read(row, reads)
        if not address:
            return ""
        parts = urlsplit(urljoin(self._page.url, address))
        if parts.netloc != urlsplit(self._address).netloc:
            raise Malformed("A product's page is not in this shop.")
        return parts.path + (f"?{parts.query}" if parts.query else "")

    async def _amount_of(self, row: Locator, reads: Reads) -> Money:
        return read_amount(await self._read(row, reads), self._recipe.amounts)

    async def _amount(self, row: Locator, reads: Reads | None) -> Money | None:
        text = await self._text(row, reads)
        return read_amount(text, self._recipe.amounts) if text else None

    async def _text(self, row: Locator, reads: Reads | None) -> str:
        return "" if reads is None else await self._read(row, reads)

    async def _read(self, row: Locator, reads: Reads) -> str:
        try:
            place = row.locator(reads.at) if reads.at else row
            raw: str | None = None
            if await place.count():
                one = place.first
                raw = await _raw(one, reads.attribute)
        except Error as error:
            raise Malformed(f"A page of {self._recipe.shop} could not be read.") from error
        text = " ".join((raw or "").split())
        found = re.search(reads.pattern, text) if reads.pattern else None
        text = found[1].strip() if found else "" if reads.pattern else text
        if not text and not reads.optional:
            raise Malformed(f"A page of {self._recipe.shop} does not say what {reads.at or 'a row'} should.")
        return text


async def _raw(place: Locator, attribute: str) -> str | None:
    if attribute == "value":
        return await place.input_value()  # what a field holds now; its attribute is what it held at first
    return await place.get_attribute(attribute) if attribute else await place.inner_text()


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
