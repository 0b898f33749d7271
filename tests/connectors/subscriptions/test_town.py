"""The connector to the town's subscriptions, against the real site: offers, terms, and every trouble of the line."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from httpx2 import HTTPError
from pydantic import ValidationError

from haloop.connectors.subscriptions.town import TownSubscriptions, _Reply, town_subscriptions
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import Absent, Call, Found, Malformed, NotDone, Permanent, RateLimited, Transient, Why
from haloop.kernel.failure import StepFault
from haloop.kernel.money import Money
from haloop.kernel.operation import Queryable
from haloop.ports.subscriptions import Ending, Terms
from haloop.town.line import Trouble
from haloop.town.street import Town

HOME = "acc"
CALL = Call(key="f" * 40, account=HOME, deadline=0, live=False)


@pytest.fixture
async def site(town: Town) -> AsyncIterator[TownSubscriptions]:
    async with TownSubscriptions.opened(town.subscriptions_address) as site:
        yield site


async def looked_up(site: TownSubscriptions, terms: Terms) -> object:
    how = Connectors([town_subscriptions(site)]).effect("Subscriptions.end")[1].rules.recovery
    assert isinstance(how, Queryable)
    return await how.lookup(site, terms, CALL)


async def test_what_a_household_pays_for_is_listed(site: TownSubscriptions) -> None:
    """Those that are cancelled say until when they run."""
    held = {one.name: one for one in await site.held(HOME)}
    assert held["Netflix"].price == Money(minor=1399, currency="EUR")
    assert (held["Netflix"].ends_on, held["Cloud Drive"].ends_on is None) == (None, False)


async def test_offers_to_stay_are_declined(town: Town, site: TownSubscriptions) -> None:
    """However often they ask: the person who said yes has seen what leaving means."""
    ending = await site.end(await site.terms(HOME, "iron-gym"), CALL)
    assert isinstance(ending, Ending)
    assert town.subscriptions_line.requests.count("POST /subscriptions/iron-gym/cancellation") == 3
    assert await looked_up(site, await site.terms(HOME, "iron-gym")) == Found(result=ending)


async def test_a_fee_is_charged_as_it_was_read(site: TownSubscriptions) -> None:
    """What it cost stands in the ending."""
    ending = await site.end(await site.terms(HOME, "morning-paper"), CALL)
    assert isinstance(ending, Ending)
    assert ending.charged == Money(minor=2500, currency="EUR")


async def test_terms_that_changed_come_back(town: Town, site: TownSubscriptions) -> None:
    """Nothing is cancelled; what leaving means now is in the answer."""
    terms = await site.terms(HOME, "disney")
    town.contracts.raise_fee("disney", 900)
    no = await site.end(terms, CALL)
    assert isinstance(no, NotDone)
    assert (no.why, no.code) == (Why.DRIFTED, "subscription.terms_changed")
    assert no.seen == await site.terms(HOME, "disney") != terms
    assert await looked_up(site, terms) == Absent()


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.REPLY_LOST, Trouble.GARBAGE])
async def test_a_no_stays_a_no_where_nothing_more_is_heard(
    town: Town, site: TownSubscriptions, trouble: Trouble
) -> None:
    """The site has refused clearly; that it does not say what leaving means now makes nothing uncertain."""
    terms = await site.terms(HOME, "disney")
    town.contracts.raise_fee("disney", 900)
    town.subscriptions_line.troubles.extend([Trouble.NONE, trouble])
    no = await site.end(terms, CALL)
    assert isinstance(no, NotDone)
    assert (no.why, no.code, no.seen) == (Why.DRIFTED, "subscription.terms_changed", None)


async def test_what_was_cancelled_before_is_a_result(site: TownSubscriptions) -> None:
    """Under another key it was not us: already so, and no error."""
    terms = await site.terms(HOME, "disney")
    await site.end(terms, CALL)
    no = await site.end(terms, replace(CALL, key="c" * 40))
    assert isinstance(no, NotDone)
    assert (no.why, no.code) == (Why.ALREADY, "subscription.already_cancelled")


@pytest.mark.parametrize("reply", ["{}", '{"status": "accepted"}', '{"decline": ""}'])
def test_a_reply_that_says_neither_is_no_offer(reply: str) -> None:
    """Nobody declines what was not offered; it is unclear, and looked up."""
    with pytest.raises(ValidationError):
        _Reply.model_validate_json(reply)


async def test_what_nobody_knows_is_no_guess(site: TownSubscriptions) -> None:
    """A subscription that is not there has no terms."""
    with pytest.raises(Permanent):
        await site.terms(HOME, "no-such-thing")


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (Trouble.REQUEST_LOST, Transient),
        (Trouble.BUSY, Transient),
        (Trouble.RATE_LIMITED, RateLimited),
        (Trouble.GARBAGE, Malformed),
    ],
)
async def test_a_list_that_fails_says_whether_to_try_again(
    town: Town, site: TownSubscriptions, trouble: Trouble, fault: type[StepFault]
) -> None:
    """Each trouble has its class, and the next time is well again."""
    town.subscriptions_line.troubles.append(trouble)
    with pytest.raises(fault):
        await site.held(HOME)
    assert await site.held(HOME)


@pytest.mark.parametrize(
    ("trouble", "done"),
    [
        (Trouble.REQUEST_LOST, False),
        (Trouble.BUSY, False),
        (Trouble.REPLY_LOST, True),
        (Trouble.ERROR_AFTER, True),
        (Trouble.GARBAGE, True),
    ],
)
async def test_an_unclear_answer_is_cleared_up_by_looking(
    town: Town, site: TownSubscriptions, trouble: Trouble, done: bool
) -> None:
    """It raises, because nobody knows; then looking says what the site's own book says."""
    terms = await site.terms(HOME, "disney")
    town.subscriptions_line.troubles.append(trouble)
    with pytest.raises((HTTPError, ValidationError)):
        await site.end(terms, CALL)
    assert isinstance(await looked_up(site, terms), Found if done else Absent)
