"""What the town's shop sells, and the two orders that every household in town has placed there before."""

from dataclasses import dataclass

from haloop.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing on the shelf."""

    id: str
    name: str
    price: Money


def euros(text: str) -> Money:
    return Money.of_major(text, "EUR")


PRODUCTS = (
    Product(id="coffee", name="Morning Bell coffee beans, 1 kg", price=euros("14.90")),
    Product(id="oat-milk", name="Hafer & Co oat milk, 1 l", price=euros("1.95")),
    Product(id="cat-food", name="Whiskerton cat food with salmon, 400 g", price=euros("2.35")),
    Product(id="dishwasher-tabs", name="Brightly dishwasher tabs, 40 pieces", price=euros("8.49")),
    Product(id="kitchen-rolls", name="Cloudlet kitchen rolls, 4 pieces", price=euros("3.25")),
    Product(id="olive-oil", name="Monte Verde olive oil, 750 ml", price=euros("11.50")),
    Product(id="spaghetti", name="Nonna spaghetti, 500 g", price=euros("1.45")),
    Product(id="washing-powder", name="Brightly washing powder, 2 kg", price=euros("9.95")),
)

BOUGHT_BEFORE = (
    (35, {"coffee": 1, "cat-food": 6, "olive-oil": 1, "spaghetti": 3}),
    (7, {"coffee": 2, "oat-milk": 6, "cat-food": 12, "dishwasher-tabs": 1}),
)
"""How many days ago, and how many of what."""

DELIVERY = euros("4.90")
FREE_FROM = euros("60.00")
