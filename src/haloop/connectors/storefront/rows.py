"""Rows of a page, read a column at a time: one question to the browser for each column, however many rows there are."""

import re
from dataclasses import dataclass
from typing import Self

from playwright.async_api import ElementHandle, Error, Locator

from haloop.connectors.storefront.amount import read_amount
from haloop.connectors.storefront.recipe import Reads, Recipe
from haloop.kernel.desk import Malformed, Money

_FIRST_OF_EACH = """(found, [rows, attribute]) => rows.map(row => {
    const isWithin = node => node && (node === row || isWithin(node.parentNode ?? node.host));
    const one = found.find(isWithin);
    if (!one) return "";
    if (attribute === "value") return String(one.value ?? "");
    return (attribute ? one.getAttribute(attribute) : one.innerText) ?? "";
})"""
"""What a field holds now is its `value`; the attribute of that name is what it held at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one page, the first first, as they were when they were found."""

    recipe: Recipe
    found: Locator
    each: list[ElementHandle]

    @classmethod
    async def of(cls, found: Locator, recipe: Recipe, *, most: int | None = None) -> Self:
        """All of them, or the first few."""
        try:
            return cls(recipe=recipe, found=found, each=(await found.element_handles())[:most])
        except Error as error:
            raise _unreadable(recipe) from error

    async def column(self, reads: Reads | None) -> list[str]:
        """What each row says at one place; empty where nothing is read, or a row may not say it and does not."""
        if reads is None or not self.each:
            return [""] * len(self.each)
        places = self.found.locator(reads.at) if reads.at else self.found
        try:
            raw: list[str] = await places.evaluate_all(_FIRST_OF_EACH, [self.each, reads.attribute])
        except Error as error:
            raise _unreadable(self.recipe) from error
        return [self._said(text, reads) for text in raw]

    async def quantities(self, reads: Reads | None) -> list[int]:
        return [_quantity(text or "1") for text in await self.column(reads)]

    async def amounts(self, reads: Reads | None) -> list[Money | None]:
        """What each row says in money; none where it does not."""
        return [read_amount(text, self.recipe.amounts) if text else None for text in await self.column(reads)]

    async def one(self, reads: Reads | None) -> str:
        """What the one row says, such as a whole page."""
        (said,) = await self.column(reads)
        return said

    async def amount(self, reads: Reads | None) -> Money | None:
        (said,) = await self.amounts(reads)
        return said

    def _said(self, raw: str, reads: Reads) -> str:
        text = " ".join(raw.split())
        if reads.pattern:
            found = re.search(reads.pattern, text)
            text = found[1].strip() if found else ""
        if not text and not reads.optional:
            raise Malformed(f"A page of {self.recipe.shop} does not say what {reads.at or 'a row'} should.")
        return text


def _quantity(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise Malformed(f"{text!r:.40} is not a quantity.")
    return int(text)


def _unreadable(recipe: Recipe) -> Malformed:
    return Malformed(f"A page of {recipe.shop} could not be read.")
