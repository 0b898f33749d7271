"""A subscription: named, shown with what leaving means, approved, cancelled once. The provider's book is the judge."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from haloop.desks.errands.cancel_subscription import EndingDraft, cancel_subscription
from haloop.kernel.canonical import Canonical
from haloop.kernel.fact import EffectHappened, EffectNotDone, GateRevised
from haloop.kernel.ids import RunId
from haloop.kernel.money import Money
from haloop.testing.practice import Practice
from haloop.town.line import Trouble
from haloop.town.street import Town


async def drafted(house: Practice, run: RunId) -> EndingDraft:
    draft = (await house.view(house.gate_of(run))).draft
    assert isinstance(draft, EndingDraft)
    return draft


def shown_effects(card: Canonical) -> list[dict[str, Canonical]]:
    """The card's lines on what would happen."""
    match card:
        case {"effects": list(lines)}:
            return [dict(line) for line in lines if isinstance(line, Mapping)]
    return []


def left(house: Practice, town: Town) -> list[str]:
    """What the household has cancelled, by the providers' own book; one was cancelled before."""
    return [
        one.name
        for one in town.contracts.of(house.account)
        if one.cancellation is not None and one.name != "Cloud Drive"
    ]


async def test_what_it_means_is_shown_before_anything_happens(house: Practice, town: Town) -> None:
    """The last day, what is lost, what it costs; and the provider has heard nothing."""
    await house.person("Ana")
    run = await house.start(cancel_subscription.of("netflix"))

    draft = await drafted(house, run)
    assert (draft.terms.name, draft.terms.fee) == ("Netflix", None)
    assert draft.terms.lost == ("five profiles", "what was being watched")
    assert "Cloud Drive" not in [one.name for one in draft.running]
    assert left(house, town) == []


async def test_it_is_cancelled_once_after_a_yes(house: Practice, town: Town) -> None:
    """Offers to stay are declined, and the confirmation is the receipt."""
    ana = await house.person("Ana")
    run = await house.start(cancel_subscription.of("Netflix"))
    terms = (await drafted(house, run)).terms

    await house.yes(run, ana)

    (happened,) = [fact for fact in await house.facts(run) if isinstance(fact, EffectHappened)]
    assert happened.result == {
        "confirmation": "C0001",
        "name": "Netflix",
        "ends_on": terms.ends_on.isoformat(),
        "charged": None,
    }
    assert left(house, town) == ["Netflix"]


async def test_a_fee_is_the_most_it_may_cost(house: Practice) -> None:
    """Who is paid and how much stands on the card."""
    await house.person("Ana")
    run = await house.start(cancel_subscription.of("the morning paper"))
    (shown,) = shown_effects((await house.view(house.gate_of(run))).card)
    assert (shown["payee"], shown["cost_max"]) == (
        "The Morning Paper",
        {"type": "money", "minor": 2500, "currency": "EUR"},
    )


async def test_another_of_the_list_is_cancelled_instead(house: Practice, town: Town) -> None:
    """A person picks another one: its own terms are read before they are asked again."""
    ana = await house.person("Ana")
    run = await house.start(cancel_subscription.of("Netflix"))

    await house.change(run, ana, {"subscription": "iron-gym"})
    assert (await drafted(house, run)).terms.name == "Iron Gym"
    await house.yes(run, ana)

    assert left(house, town) == ["Iron Gym"]


async def test_what_is_not_on_the_list_is_not_offered(house: Practice) -> None:
    """The draft stays as it was and says why."""
    ana = await house.person("Ana")
    run = await house.start(cancel_subscription.of("Netflix"))
    await house.change(run, ana, {"subscription": "cloud-drive"})
    (revised,) = [fact for fact in await house.facts(run) if isinstance(fact, GateRevised)]
    assert revised.problem == "This is none of the running subscriptions."
    assert (await drafted(house, run)).terms.name == "Netflix"


async def test_terms_that_change_meanwhile_are_asked_about_again(house: Practice, town: Town) -> None:
    """Between the yes and the cancelling a fee came up: nothing is done, and the new terms wait for a yes."""
    ana = await house.person("Ana")
    run = await house.start(cancel_subscription.of("Disney"))
    town.contracts.raise_fee("disney", 900)

    await house.yes(run, ana)

    assert left(house, town) == []
    assert (await drafted(house, run)).terms.fee == Money(minor=900, currency="EUR")
    await house.yes(run, ana)
    assert left(house, town) == ["Disney+"]


@pytest.mark.parametrize("trouble", [Trouble.REPLY_LOST, Trouble.REQUEST_LOST, Trouble.ERROR_AFTER, Trouble.GARBAGE])
async def test_a_lost_answer_cancels_nothing_twice(house: Practice, town: Town, trouble: Trouble) -> None:
    """Whether it arrived is found out by looking; the book has at most one line."""
    ana = await house.person("Ana")
    run = await house.start(cancel_subscription.of("Disney"))
    town.subscriptions_line.troubles.append(trouble)

    await house.yes(run, ana)
    await house.move(timedelta(minutes=5))

    ended = await house.ended(run)
    outcomes = [fact for fact in await house.facts(run) if isinstance(fact, EffectHappened | EffectNotDone)]
    assert len(outcomes) == 1
    assert (ended.code == "done") == (left(house, town) == ["Disney+"])
    posts = [one for one in town.subscriptions_line.requests if one.startswith("POST")]
    assert len(posts) == 1


async def test_a_no_cancels_nothing(house: Practice, town: Town) -> None:
    """The run ends with the reason that was given."""
    ana = await house.person("Ana")
    run = await house.start(cancel_subscription.of("Netflix"))
    await house.no(run, ana, "One more season.")
    assert (await house.ended(run)).reason == "One more season."
    assert left(house, town) == []


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("Cloud Drive", "subscription.already_cancelled", "Cloud Drive is cancelled already"),
        ("Hulu", "subscription.which", 'There is no subscription called "Hulu". There are: Netflix, Iron Gym'),
    ],
)
async def test_where_there_is_nothing_to_cancel_nobody_is_asked(
    house: Practice, name: str, code: str, says: str
) -> None:
    """That it is so already is a result, and what is not there is said with what is."""
    ended = await house.ended(await house.start(cancel_subscription.of(name)))
    assert ended.code == code
    assert ended.reason.startswith(says)
