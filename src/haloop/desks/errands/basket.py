"""What to put into the basket: what was said found among what was bought, and a person's change of it."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from haloop.desks.errands.words import goods, reading
from haloop.kernel.desk import BadDraft, Ended
from haloop.ports.storefront import ITEMS_MAX, QUANTITY_MAX, Item, PastOrder, Quantity


class Wanted(BaseModel):
    """Something to order again, as it was said."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    quantity: Quantity = 1


class OrderWish(BaseModel):
    """What somebody asks for: these, or the usual, which is all of the newest order."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    items: Annotated[tuple[Wanted, ...], Field(max_length=ITEMS_MAX)] = ()
    usual: bool = False


class OtherQuantities(BaseModel, frozen=True, extra="forbid"):
    """A change: more or fewer of some lines; none of one leaves it out."""

    quantities: Annotated[
        dict[str, Annotated[int, Field(ge=0, le=QUANTITY_MAX)]], Field(min_length=1, max_length=ITEMS_MAX)
    ]
    """By the line's name, or as much of it as fits no other."""


class Chosen(BaseModel, frozen=True):
    """What to order, and what was taken for granted about it."""

    items: list[Item]
    taken: tuple[str, ...]


def chosen(wish: OrderWish, bought: Sequence[PastOrder]) -> Chosen | Ended:
    """Products of earlier orders for what was said, or why there are none."""
    if not bought:
        return Ended(reason="There is no order on record to repeat.", code="nothing_bought")
    history = [_as_said(order) for order in bought]
    said = [reading.Slot(value=reading.Item(name=one.name, quantity=one.quantity), spans=()) for one in wish.items]
    found = [goods.as_bought(slot, history) for slot in said] if said else goods.whole(history[0])
    unknown = [slot.value.name for slot in found if not slot.value.order]
    if unknown:
        known = ", ".join(dict.fromkeys(item.name for order in bought for item in order.items))
        sentence = f"Not in the last orders, or more than one: {', '.join(unknown)}. There are: {known}."
        return Ended(reason=sentence[:1000], code="not_bought_before")
    items = _together([_product(slot.value, bought) for slot in found])
    if len(items) > ITEMS_MAX:
        return Ended(reason=f"That is {len(items)} products; one order takes {ITEMS_MAX}.", code="too_many")
    return Chosen(items=items, taken=tuple(dict.fromkeys(slot.taken_for for slot in found if slot.taken_for)))


def _as_said(order: PastOrder) -> reading.PastOrder:
    items = [reading.Item(name=item.name, quantity=item.quantity) for item in order.items]
    return reading.PastOrder(id=order.id, items=items)


def _product(said: reading.Item, bought: Sequence[PastOrder]) -> Item:
    """The product of the order that an item was found in."""
    (item,) = [item for order in bought if order.id == said.order for item in order.items if item.name == said.name][:1]
    return item.model_copy(update={"quantity": min(said.quantity, QUANTITY_MAX)})


def _together(items: Sequence[Item]) -> list[Item]:
    """Each product once."""
    known: dict[tuple[str, str], Item] = {}
    for item in items:
        quantity = min(item.quantity + (known[_key(item)].quantity if _key(item) in known else 0), QUANTITY_MAX)
        known[_key(item)] = item.model_copy(update={"quantity": quantity})
    return list(known.values())


def _key(item: Item) -> tuple[str, str]:
    return item.product, item.name


def with_quantities(items: Sequence[Item], change: OtherQuantities) -> list[Item]:
    """The items with other quantities of some; the shop has not been asked yet."""
    wanted = {_key(_meant(name, items)): quantity for name, quantity in change.quantities.items()}
    changed = [(item, wanted.get(_key(item), item.quantity)) for item in items]
    left = [item.model_copy(update={"quantity": quantity}) for item, quantity in changed if quantity]
    if not left:
        raise BadDraft("Nothing would be left to order; say no instead.", code="order.empty")
    return left


def _meant(name: str, items: Sequence[Item]) -> Item:
    said = name.strip().casefold()
    exact = [item for item in items if item.name.casefold() == said]
    meant = exact or [item for item in items if said in item.name.casefold()]
    if len(meant) != 1:
        names = ", ".join(item.name for item in items)
        raise BadDraft(f"{name!r:.60} is not one of the lines: {names}", code="order.line_unknown")
    return meant[0]
