"""The town's subscriptions, over HTTP: what a household pays for, and leaving.

Whoever wants to leave may be asked to stay; each offer is declined, because the person who said yes has seen what
leaving means. A cancellation can be looked up by the key it was made under, so an unknown outcome is cleared up by
looking.
"""

from datetime import date, timedelta
from typing import Self

from httpx2 import Response
from pydantic import model_validator

from haloop.connectors.answers import Message, ask, read, refused
from haloop.connectors.town_site import TownSite, as_guest
from haloop.kernel.desk import (
    Absent,
    Call,
    Connector,
    Found,
    Money,
    NotDone,
    Permanent,
    Unknown,
    Why,
    effect,
    queryable,
)
from haloop.kernel.failure import StepFault
from haloop.ports.subscriptions import Ending, Subscription, Subscriptions, Terms

DEADLINE = timedelta(minutes=2)
"""Longer than all offers and the cancelling may take together."""
SETTLED_AFTER = timedelta(minutes=1)
"""The site works on a request within half a minute of its arrival or never."""
OFFERS_MAX = 5
"""Whoever asks us to stay more often wants a person to come."""

_WHO = "The subscription site"
_WHY = {
    "already_cancelled": Why.ALREADY,
    "terms_changed": Why.DRIFTED,
    "unknown_subscription": Why.DRIFTED,
}


class _Cancellation(Message):
    confirmation: str
    key: str
    ends_on: date
    charged: Money | None


class _Kept(Message):
    subscription: str
    name: str
    plan: str
    price: Money
    every: str
    ends_on: date
    fee: Money | None
    lost: tuple[str, ...]
    cancellation: _Cancellation | None


class _Held(Message):
    subscriptions: list[_Kept]


class _Reply(Message):
    """Either an offer to stay, or the subscription as it is now."""

    decline: str = ""
    cancellation: _Cancellation | None = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if bool(self.decline) == (self.cancellation is not None):
            raise ValueError("neither an offer nor the end")
        return self


async def _look_up(site: "TownSubscriptions", terms: Terms, call: Call) -> Found[Ending] | Absent | Unknown:
    """The cancellation that was made under this key."""
    kept = await site.kept(call.account, terms.subscription)
    if kept is None:
        return Unknown(sentence="The site does not know this subscription any more.")
    done = kept.cancellation
    return Absent() if done is None or done.key != call.key else Found(result=_ending(terms, done))


class TownSubscriptions(TownSite):
    """The site, where each household is a guest of its own."""

    async def held(self, household: str) -> list[Subscription]:
        return [_subscription(kept) for kept in (await self._asked(household)).subscriptions]

    async def terms(self, household: str, subscription: str) -> Terms:
        kept = await self.kept(household, subscription)
        if kept is None:
            raise Permanent(f"{_WHO} does not know this subscription any more.")
        return _terms(kept)

    @effect(deadline=DEADLINE, recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def end(self, terms: Terms, call: Call) -> Ending | NotDone:
        declined = ""
        for _ in range(OFFERS_MAX + 1):
            answer = await self._leave(terms, call, declined)
            if no := refused(answer, _WHY, of="subscription"):
                return await self._drifted(no, terms, call) if no.why is Why.DRIFTED else no
            reply = read(_Reply, answer.raise_for_status())
            if reply.cancellation is not None:
                return _ending(terms, reply.cancellation)
            declined = reply.decline
        sentence = f"{terms.name} asked to stay {OFFERS_MAX + 1} times and did not let go. Cancel it there yourself."
        return NotDone(why=Why.DECLINED, code="subscription.held_back", sentence=sentence)

    async def check(self) -> None:
        """Ask for what changes nothing; a failure where the site does not answer us."""
        await self.held("nobody")

    async def kept(self, household: str, subscription: str) -> _Kept | None:
        """One subscription as it is now."""
        held = (await self._asked(household)).subscriptions
        return next((one for one in held if one.subscription == subscription), None)

    async def _asked(self, household: str) -> _Held:
        return await ask(self.http, _Held, "/subscriptions", who=_WHO, headers=as_guest(household))

    async def _leave(self, terms: Terms, call: Call, declined: str) -> Response:
        return await self.http.post(
            f"/subscriptions/{terms.subscription}/cancellation",
            json={**terms.model_dump(mode="json", include={"ends_on", "fee"}), "declined": declined},
            headers={"Idempotency-Key": call.key, **as_guest(call.account)},
        )

    async def _drifted(self, no: NotDone, terms: Terms, call: Call) -> NotDone:
        """The no, with what leaving means now as far as the site says; it is a no whether or not it does."""
        try:
            kept = await self.kept(call.account, terms.subscription)
        except StepFault:
            return no
        seen = None if kept is None else _terms(kept)
        return NotDone(why=no.why, code=no.code, sentence=no.sentence, seen=seen)


def town_subscriptions(site: TownSubscriptions) -> Connector:
    """The site behind the port, in the practice world."""
    return Connector(port=Subscriptions, speaks=site, name="town-subscriptions", leaves=False, check=site.check)


def _subscription(kept: _Kept) -> Subscription:
    return Subscription(
        subscription=kept.subscription,
        name=kept.name,
        plan=kept.plan,
        price=kept.price,
        every=kept.every,
        ends_on=None if kept.cancellation is None else kept.ends_on,
    )


def _terms(kept: _Kept) -> Terms:
    return Terms(subscription=kept.subscription, name=kept.name, ends_on=kept.ends_on, lost=kept.lost, fee=kept.fee)


def _ending(terms: Terms, done: _Cancellation) -> Ending:
    return Ending(confirmation=done.confirmation, name=terms.name, ends_on=done.ends_on, charged=done.charged)
