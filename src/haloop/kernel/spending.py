"""What an account has spent, and what it may still have to pay.

A hold is there from the moment an effect is intended until it is known how it ended, so two runs can never spend
the same money, and money whose fate is unknown counts as spent. What was paid is kept for as long as the longest
window looks back.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadEntry
from haloop.kernel.fact import EffectIntended
from haloop.kernel.grant import Grant
from haloop.kernel.money import Money
from haloop.kernel.policy import CEILING_WINDOW_MAX, summed

Place = tuple[str, str]
"""A gate, and an effect's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What money is for, as far as a grant asks."""

    operation: str
    payee: str | None
    live: bool

    @classmethod
    def of(cls, intent: EffectIntended) -> "Use":
        return cls(operation=intent.operation, payee=intent.payee, live=intent.live)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Money that an approved effect may still cost."""

    amount: Money
    grant: str | None
    use: Use | None = None
    """What it is held for, once that was intended."""
    spent_at: int | None = None
    """When it was spent, where that turned out late; then it is held no longer than a payment is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that an effect did cost."""

    place: Place
    ts: int
    amount: Money
    grant: str | None
    use: Use | None
    """What it was paid for; none where nobody knows any more."""

    def as_kept(self) -> Canonical:
        """What stays of it when its run is erased: that so much was spent, and not for what."""
        gate, effect = self.place
        amount = self.amount.as_canonical()
        return {"amount": amount, "effect": effect, "gate": gate, "grant": self.grant, "ts": self.ts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is used up of a limit within its window, and when it is free again."""

    limit: Money
    spent: Money
    held: Money
    """What is kept for effects whose end nobody knows yet; it is free again when somebody does."""
    paid_at: tuple[int, ...]
    """When it was spent, the oldest first."""

    @property
    def left(self) -> Money:
        """What may still be spent."""
        free = self.limit.minor - self.spent.minor - self.held.minor
        return Money(minor=max(free, 0), currency=self.limit.currency)

    def free_again(self, window: timedelta) -> "tuple[int, int] | None":
        """From when on some of what was spent is free again, and from when on all of it; none where nothing was."""
        length = _microseconds(window)
        return (self.paid_at[0] + length, self.paid_at[-1] + length) if self.paid_at else None


@dataclass(slots=True)
class Spending:
    """One account's money, as its facts have made it."""

    holds: dict[Place, Hold] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    """The oldest first."""

    def hold(self, intent: EffectIntended) -> None:
        """Hold what an intent reserves, and know from now on what its own share is for."""
        for name, amount in intent.holds.items():
            self.holds[intent.gate, name] = Hold(amount=Money(**amount), grant=intent.grant)
        place = (intent.gate, intent.effect)
        if place in self.holds:
            self.holds[place] = replace(self.holds[place], use=Use.of(intent))

    def hold_after_all(self, place: Place, amount: Money, *, grant: str | None, ts: int) -> None:
        """What was given back had been spent."""
        self.holds[place] = Hold(amount=amount, grant=grant, spent_at=ts)

    def release(self, place: Place) -> Hold | None:
        return self.holds.pop(place, None)

    def let_go(self, gates: Iterable[str]) -> None:
        """What is left of these approvals will not be done."""
        for gate in gates:
            for place in [place for place, held in self.holds.items() if place[0] == gate and held.spent_at is None]:
                del self.holds[place]

    def pay(self, payment: Payment) -> None:
        """Count a payment, and forget those that no window reaches any more."""
        insort(self.payments, payment, key=_when)
        first = bisect_left(self.payments, payment.ts - _microseconds(CEILING_WINDOW_MAX), key=_when)
        del self.payments[:first]

    def keep(self, kept: Iterable[Any]) -> None:
        """Take in what an erased run has spent."""
        known = {payment.place for payment in self.payments}
        known |= {place for place, held in self.holds.items() if held.spent_at is not None}
        for payment in map(_read_kept, kept):
            if payment.place not in known:
                self.pay(payment)

    def of(self, is_its: Callable[[str], bool]) -> list[Payment]:
        """What was paid at the gates that are asked for."""
        late = [
            Payment(place=place, ts=held.spent_at, amount=held.amount, grant=held.grant, use=held.use)
            for place, held in self.holds.items()
            if held.spent_at is not None and is_its(place[0])
        ]
        return [*(payment for payment in self.payments if is_its(payment.place[0])), *late]

    def total(self, currency: str, since: int, *, besides: str, grant: Grant | None) -> Money:
        """What is paid since then or held, by anybody; or what a grant must count as its own."""
        paid = (one.amount for one in self._paid(since, grant))
        held = (one.amount for one in self._held(since, grant, besides=besides))
        return summed((*paid, *held), currency)

    def usage(self, limit: Money, since: int, *, grant: Grant | None) -> "Usage":
        """What is used up of a limit, and by which payments."""
        paid = [one for one in self._paid(since, grant) if one.amount.currency == limit.currency]
        held = summed((one.amount for one in self._held(since, grant)), limit.currency)
        spent = summed((one.amount for one in paid), limit.currency)
        return Usage(limit=limit, spent=spent, held=held, paid_at=tuple(one.ts for one in paid if one.amount.minor > 0))

    def _paid(self, since: int, grant: Grant | None) -> Iterator[Payment]:
        first = bisect_left(self.payments, since, key=_when)
        return (one for one in self.payments[first:] if _counts(grant, one.grant, one.use))

    def _held(self, since: int, grant: Grant | None, *, besides: str = "") -> Iterator[Hold]:
        return (
            hold
            for (gate, _), hold in self.holds.items()
            if gate != besides and _counts(grant, hold.grant, hold.use) and (hold.spent_at or since) >= since
        )


def _counts(grant: Grant | None, under: str | None, use: Use | None) -> bool:
    """A grant counts what any grant paid for that it would cover itself, so that two of them never add up."""
    if grant is None or under is None:
        return grant is None
    return under == grant.id or use is None or grant.reaches(use.operation, use.payee, live=use.live)


def _when(payment: Payment) -> int:
    return payment.ts


def _read_kept(plain: Any) -> Payment:  # noqa: ANN401
    match plain:
        case {"amount": dict(amount), "effect": str(effect), "gate": str(gate), "grant": grant, "ts": int(ts)}:
            return Payment(place=(gate, effect), ts=ts, amount=Money(**amount), grant=grant, use=None)
    raise BadEntry("This is not what an erased run has spent.", code="fact.bad")


def _microseconds(length: timedelta) -> int:
    return int(length.total_seconds()) * 1_000_000
