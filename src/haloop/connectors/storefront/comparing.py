"""What is different between what a person saw and what the shop shows now, in one sentence."""

from collections.abc import Iterator

from haloop.kernel.desk import Money
from haloop.ports.storefront import Line, Review

_TOLD_MAX = 3


def difference(approved: Review, now: Review) -> str:
    """The first few differences; empty if there are none."""
    if approved == now:
        return ""
    return " ".join(list(_differences(approved, now))[:_TOLD_MAX]) or "Something about it is different now."


def _differences(before: Review, now: Review) -> Iterator[str]:
    if before.newest_order != now.newest_order:
        yield f"Another order was placed meanwhile: {now.newest_order or 'none is on record now'}."
    known, lines = {line.name: line for line in before.lines}, {line.name: line for line in now.lines}
    for name, line in known.items():
        if lines.get(name) != line:
            yield f"{name}: {_told(lines.get(name))}, not {_told(line)}."
    yield from (f"{name} is in the basket too." for name in lines if name not in known)
    for what, one, other in (
        ("The delivery", _amount(before.delivery), _amount(now.delivery)),
        ("The total", before.total.format(), now.total.format()),
        ("The address", before.deliver_to, now.deliver_to),
        ("The day of arrival", before.arrives, now.arrives),
    ):
        if one != other:
            yield f"{what} is {other or 'not said'} now, not {one or 'unsaid'}."


def _told(line: Line | None) -> str:
    return "none" if line is None else f"{line.quantity} for {line.total.format()}"


def _amount(money: Money | None) -> str:
    return "" if money is None else money.format()
