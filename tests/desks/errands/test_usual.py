"""What a household usually means fills in what was not said, is said each time, and never what was."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from haloop.desks.errands.book_table import TableDraft, book_table
from haloop.desks.errands.hearing import ErrandsHearing
from haloop.desks.errands.usual import TableDefaults
from haloop.kernel.desk import Asks, Context, Heard, Outcome
from haloop.ports.booking import TableWish
from haloop.testing.practice import Practice

WEDNESDAY = datetime(2027, 3, 3, 12, tzinfo=UTC)
ALL = {"place": "Trattoria Luigi", "party": 4, "earliest": "18:30:00", "latest": "20:30:00"}


def hear(words: str, now: datetime = WEDNESDAY, **usual: Any) -> Outcome:
    context = Context(now=now, zone=ZoneInfo("Europe/Berlin"), defaults={"errands": usual})
    return ErrandsHearing().hear([words], context)


def wish(words: str, **usual: Any) -> dict[str, Any]:
    heard = hear(words, **usual)
    assert isinstance(heard, Heard), heard
    found = heard.request.arguments["wish"]
    assert isinstance(found, dict)
    assert [one for one in found["taken"] if one not in heard.taken] == []
    return found


def test_the_plans_own_sentence_needs_no_more_where_there_are_defaults() -> None:
    """Place, people and hours are the household's, and each is said."""
    found = wish("book dinner Friday", **ALL)

    assert (found["place"], found["party"]) == ("Trattoria Luigi", 4)
    assert (found["earliest"], found["latest"]) == ("2027-03-05T18:30:00+01:00", "2027-03-05T20:30:00+01:00")
    assert found["taken"] == [
        "No place was said: Trattoria Luigi, your usual one.",
        "No number was said: 4, as usual.",
        "No time was said: 18:30 to 20:30, as usual.",
    ]


def test_what_is_said_wins() -> None:
    """Nothing is filled in where somebody spoke, and nothing is said about it."""
    found = wish("book a table at Hanami for 2 on Friday at 7 pm", **ALL)

    assert (found["place"], found["party"], found["at"]) == ("Hanami", 2, "2027-03-05T19:00:00+01:00")
    assert found["taken"] == []


@pytest.mark.parametrize(
    "said", ["at 7", "at 7:30", "around 7", "between 6 and 8", "at 9 or 10 pm", "for lunch", "early in the evening"]
)
def test_an_hour_that_was_said_is_never_the_usual_one(said: str) -> None:
    """However it was said, and though it had to be read: what was said of the time is what counts."""
    words = f"book a table at Zum Anker for 4 on Friday {said}"
    plain, usual = hear(words), hear(words, earliest="19:00:00", latest="19:15:00")
    assert plain == usual
    assert isinstance(plain, Heard | Asks)


def test_an_hour_in_an_hour_is_not_the_usual_one() -> None:
    """A length of time is a time too."""
    words = "book a table at Zum Anker for 4 in an hour"
    assert hear(words) == hear(words, earliest="19:00:00", latest="19:15:00")


def test_a_usual_hour_has_no_zone_of_its_own() -> None:
    """It is that of whoever asks; anything else is refused by name."""
    with pytest.raises(ValidationError, match="zone of whoever asks"):
        TableDefaults.model_validate({"earliest": "19:00Z", "latest": "21:00"})


def test_another_part_of_town_is_no_usual_place() -> None:
    """Whoever names one does not mean a restaurant elsewhere."""
    found = wish("book a table in the Harbour for 2 on Friday at 7 pm", **ALL)
    assert (found["place"], found["area"], found["taken"]) == (None, "the Harbour", [])


@pytest.mark.parametrize(
    ("words", "usual", "asks"),
    [
        ("book dinner Friday", {}, ["For how many people?"]),
        ("book dinner Friday", {"place": "Luigi"}, ["For how many people?"]),
        ("book a table", ALL, ["When should it be?"]),
    ],
)
def test_what_no_default_answers_is_asked_as_before(words: str, usual: dict[str, Any], asks: list[str]) -> None:
    """A day is nobody's default, and without any set nothing changes."""
    heard = hear(words, **usual)
    assert isinstance(heard, Asks)
    assert [one.asks for one in heard.questions] == asks


def test_hours_that_are_over_are_nobodys_wish() -> None:
    """Tonight, after the usual time has begun, dinner is heard as it was said."""
    late = datetime(2027, 3, 3, 18, tzinfo=UTC)
    heard = hear("book dinner today", late, **ALL)
    assert isinstance(heard, Heard)
    assert [one for one in heard.taken if "No time was said" in one] == []


async def test_the_card_says_what_was_taken_for_granted(house: Practice) -> None:
    """Also after another table was picked: whoever says yes reads what nobody said."""
    ana = await house.person("Ana")
    told = "No place was said: Trattoria Luigi, your usual one."
    table = TableWish(place="Luigi", party=2, at=datetime(2027, 1, 15, 18, tzinfo=UTC), taken=(told,))
    run = await house.start(book_table.of(table))
    before = (await house.view(house.gate_of(run))).draft
    assert isinstance(before, TableDraft)

    await house.change(run, ana, {"slot": before.options[1].slot})

    view = await house.view(house.gate_of(run))
    assert isinstance(view.draft, TableDraft)
    assert before.taken == view.draft.taken == (told,)
    assert told in str(view.card)
