"""An account's rules: what each yes takes beyond the built-in rule, and how much may be spent at most.

Whatever makes them stricter is an owner's word. What makes them looser lets more happen than people once agreed to, so
somebody has to be able to tell the two apart: a rule is kept where the new ones forbid all that the old one forbade.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadEntry
from haloop.kernel.gate import Need, need_as_canonical
from haloop.kernel.money import Money
from haloop.kernel.policy import Ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one account."""

    need: Need
    ceilings: tuple[Ceiling, ...]

    def as_plain(self) -> dict[str, Canonical]:
        """The rules as a fact has them."""
        ceilings: list[Canonical] = [ceiling_as_plain(one) for one in self.ceilings]
        return {"ceilings": ceilings, "need": need_as_canonical(self.need)}

    def is_looser_than(self, before: "Rules") -> bool:
        """Whether anything may happen under these that could not under those before."""
        is_kept = all(any(_forbids_all_of(new, old) for new in self.ceilings) for old in before.ceilings)
        return not is_kept or self.need.raised(before.need) != self.need


def ceiling_as_plain(ceiling: Ceiling) -> Canonical:
    return {"amount": ceiling.amount.as_canonical(), "days": ceiling.window.days}


def read_ceiling(plain: Any) -> Ceiling:  # noqa: ANN401
    match plain:
        case {"amount": dict(amount), "days": int(days)}:
            return Ceiling(amount=Money(**amount), window=timedelta(days=days))
    raise BadEntry("This is not a ceiling.", code="rules.ceiling")


def _forbids_all_of(new: Ceiling, old: Ceiling) -> bool:
    """No more than so much in a long time is also no more than that in a short one."""
    is_comparable = new.amount.currency == old.amount.currency
    return is_comparable and new.amount <= old.amount and new.window >= old.window
