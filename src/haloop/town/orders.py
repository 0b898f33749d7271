"""The book of the town's shop: who has what in the basket, what was ordered, and what is left on the shelf.

Placing an order takes what the basket holds at the price of that moment, empties it, and writes one line here. Whatever
changes is written to the file, if there is one, before anybody is answered.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field

from haloop.kernel.clock import Clock, as_datetime
from haloop.kernel.money import Money
from haloop.town.groceries import BOUGHT_BEFORE, DELIVERY, FREE_FROM, PRODUCTS, Product, euros

_FIRST_NUMBER = 1001
_DELIVERED_AFTER = timedelta(days=2)


class OrderedLine(BaseModel, frozen=True):
    """So many of one product, at one price."""

    product: str
    name: str
    quantity: int
    each: Money
    total: Money


class Quote(BaseModel, frozen=True):
    """What a basket comes to now."""

    lines: tuple[OrderedLine, ...]
    delivery: Money
    total: Money


class ShopOrder(BaseModel, frozen=True):
    """One line of the book."""

    number: str
    customer: str
    placed: AwareDatetime
    arrives: AwareDatetime
    quote: Quote


class Refusal(BaseModel, frozen=True):
    """Nothing was ordered, and why."""

    message: str


class _Pages(BaseModel):
    orders: list[ShopOrder] = Field(default_factory=list)
    baskets: dict[str, dict[str, int]] = Field(default_factory=dict)


class ShopBook:
    """The shop's memory."""

    def __init__(self, clock: Clock, file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._prices = {product.id: product.price for product in PRODUCTS}
        self._sold_out: set[str] = set()
        self._pages = _Pages()
        self.asks: dict[str, str] = {}
        """By customer, what a page asks before it shows anything else: `captcha` or `second_factor`."""
        self.asks_all = ""
        """The same for every customer; nothing where it is empty."""
        self.is_half_loaded = False
        """Pages break off in the middle."""
        if file is not None and file.exists():
            self._pages = _Pages.model_validate_json(file.read_bytes())

    # What customers do

    def orders_of(self, customer: str) -> list[ShopOrder]:
        """A customer's orders, the newest first; whoever is new in town has shopped here before all the same."""
        if not any(order.customer == customer for order in self._pages.orders):
            for days, basket in BOUGHT_BEFORE:
                self._write_down(customer, self._quote(basket), ago=timedelta(days=days))
        return [order for order in reversed(self._pages.orders) if order.customer == customer]

    def basket_of(self, customer: str) -> Quote:
        return self._quote(self._pages.baskets.get(customer, {}))

    def put(self, customer: str, product: str, quantity: int) -> bool:
        """Have so many of a product in the basket, none for 0; False where it is sold out."""
        if quantity and not self.has(product):
            return False
        basket = dict(self._pages.baskets.get(customer, {}))
        basket.pop(product, None)
        self._pages.baskets[customer] = basket | ({product: quantity} if quantity else {})
        self._write()
        return True

    def place(self, customer: str, seen_total: str) -> ShopOrder | Refusal:
        """Order the basket as it is, if it still comes to what the customer saw."""
        self.orders_of(customer)
        basket = self._pages.baskets.get(customer, {})
        gone = [product.name for product in PRODUCTS if product.id in basket and not self.has(product.id)]
        quote = self._quote(basket)
        if not basket:
            return Refusal(message="Your basket is empty.")
        if gone:
            return Refusal(message=f"Sold out since: {', '.join(gone)}.")
        if quote.total.format() != seen_total:
            return Refusal(message=f"Prices have changed: the total is {quote.total.format()} now.")
        self._pages.baskets[customer] = {}
        return self._write_down(customer, quote, ago=timedelta())

    def has(self, product: str) -> bool:
        return product in self._prices and product not in self._sold_out

    def price_of(self, product: str) -> Money:
        return self._prices[product]

    # What happens in town without anybody asking

    def change_price(self, product: str, price: str) -> None:
        self._prices[product] = euros(price)

    def sell_out(self, product: str) -> None:
        """Somebody else takes the last ones."""
        self._sold_out.add(product)

    # The rules

    def _quote(self, basket: Mapping[str, int]) -> Quote:
        lines = tuple(self._line(product, basket[product.id]) for product in PRODUCTS if product.id in basket)
        goods = sum((line.total for line in lines), start=euros("0"))
        delivery = euros("0") if goods >= FREE_FROM or not lines else DELIVERY
        return Quote(lines=lines, delivery=delivery, total=goods + delivery)

    def _line(self, product: Product, quantity: int) -> OrderedLine:
        each = self._prices[product.id]
        total = Money(minor=each.minor * quantity, currency=each.currency)
        return OrderedLine(product=product.id, name=product.name, quantity=quantity, each=each, total=total)

    def _write_down(self, customer: str, quote: Quote, *, ago: timedelta) -> ShopOrder:
        placed = as_datetime(self._clock.read().wall) - ago
        number = f"S{_FIRST_NUMBER + len(self._pages.orders)}"
        arrives = placed + _DELIVERED_AFTER
        order = ShopOrder(number=number, customer=customer, placed=placed, arrives=arrives, quote=quote)
        self._pages.orders.append(order)
        self._write()
        return order

    def arrives(self) -> AwareDatetime:
        """When what is ordered now is delivered."""
        return as_datetime(self._clock.read().wall) + _DELIVERED_AFTER

    def _write(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(self._pages.model_dump_json(indent=1), encoding="utf-8")
        part.replace(self._file)
