"""An amount of money as a shop's page has it: exactly one, in the shop's currency, or it is not read at all."""

import re

from haloop.connectors.storefront.recipe import Amounts
from haloop.kernel.desk import Malformed, Money
from haloop.kernel.errors import BadMoney


def read_amount(text: str, amounts: Amounts) -> Money:
    """The one amount in a text; Malformed where there is none, more than one, or another currency."""
    words = " ".join(text.split())
    if words.casefold() in {free.casefold() for free in amounts.free}:
        return Money(minor=0, currency=amounts.currency)
    signs = "|".join(map(re.escape, sorted(amounts.signs, key=len, reverse=True)))
    grouping, decimal = re.escape(amounts.grouping), re.escape(amounts.decimal)
    digits = rf"(?P<whole>[0-9]{{1,3}}(?:{grouping}[0-9]{{3}})+|[0-9]{{1,9}})(?:{decimal}(?P<part>[0-9]{{1,4}}))?"
    found = re.fullmatch(rf"(?:(?:{signs}) ?{digits}|{digits.replace('?P<', '?P<back_')} ?(?:{signs}))", words)
    if found is None:
        raise Malformed(f"{words!r:.60} is not an amount in {amounts.currency}.")
    whole, part = found["whole"] or found["back_whole"], found["part"] or found["back_part"]
    plain = str(int(whole.replace(amounts.grouping, ""))) + (f".{part}" if part else "")
    try:
        return Money.of_major(plain, amounts.currency)
    except BadMoney as error:
        raise Malformed(f"{words!r:.60} is not an amount in {amounts.currency}.") from error
