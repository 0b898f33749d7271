"""The counter of the town's second booking site: who is signed in there, and which slots somebody is about to book.

Its reservations stand in the same book as the first site's. It knows no keys: who lost an answer looks into the book.
Who is signed in is written into the token itself, so that nothing is forgotten where the town is closed.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from haloop.kernel.clock import Clock, as_datetime
from haloop.kernel.money import Money
from haloop.town.reservations import Answer, Book, Refusal, Reservation
from haloop.town.restaurants import RESTAURANTS, Offer, Restaurant

SIGNED_IN_FOR = timedelta(days=30)
BOOK_TOKEN_FOR = timedelta(minutes=5)
VENUES = {1001 + place: restaurant for place, restaurant in enumerate(RESTAURANTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What booking a slot takes, and the token to book it with."""

    book_token: str
    until: datetime
    deposit: Money | None


class ResyCounter:
    """Where guests stand in line."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self.book = book
        self.late_deposit: Money | None = None
        """What every restaurant asks for once somebody wants the details, whatever was offered before."""
        self.is_closed_to_all = False
        """Nobody's token is good, whatever it says."""
        self._clock = clock
        self._signed_out: dict[str, datetime] = {}
        self._wanted: dict[str, tuple[Offer, Details]] = {}

    # What guests ask

    def sign_in(self, guest: str) -> str:
        """A token for a guest, from now on."""
        return f"{guest}.{int(self._now().timestamp())}"

    def guest_of(self, token: str) -> str | None:
        """Whose token this is; nobody's, once it is old or was taken back."""
        guest, _, since = token.rpartition(".")
        if not guest or not since.isdecimal():
            return None
        age = self._now().timestamp() - int(since)
        out = self._signed_out.get(guest)
        is_out = out is not None and int(since) <= out.timestamp()
        return None if self.is_closed_to_all or is_out or not 0 <= age < SIGNED_IN_FOR.total_seconds() else guest

    def slots(self, venue: Restaurant, party: int, day: date) -> list[Offer]:
        return self.book.offers_on(venue, party, day)

    def details(self, slot: str, party: int, day: date) -> Details | None:
        """Hold a slot's terms for some minutes; None where it is gone."""
        offers = (offer for venue in VENUES.values() for offer in self.slots(venue, party, day))
        offer = next((one for one in offers if one.slot == slot), None)
        if offer is None:
            return None
        deposit = self.late_deposit or offer.deposit
        token = secrets.token_urlsafe(18)
        details = Details(book_token=token, until=self._now() + BOOK_TOKEN_FOR, deposit=deposit)
        self._wanted[token] = offer, details
        return details

    def reserve(self, guest: str, book_token: str, *, pays: bool) -> Answer:
        """Book what the token stands for, once."""
        offer, details = self._wanted.pop(book_token, (None, None))
        if offer is None or details is None or details.until <= self._now():
            return Refusal(code="token_old", message="This book token is not valid any more.")
        if details.deposit is not None and not pays:
            return Refusal(code="payment_required", message="A payment method is required.")
        return self.book.reserve(guest, f"book {book_token}", offer.slot)

    def cancel(self, guest: str, reference: str) -> Answer:
        return self.book.cancel(guest, f"cancel {reference} {secrets.token_hex(8)}", reference)

    def upcoming(self, guest: str) -> list[Reservation]:
        return [one for one in self.book.of(guest) if not one.cancelled and one.at > self._now()]

    # What happens in town without anybody asking

    def sign_out(self, guest: str) -> None:
        """Take back every token that a guest was given so far."""
        self._signed_out[guest] = self._now()

    def _now(self) -> datetime:
        return as_datetime(self._clock.read().wall)
