"""What the errands desk hears, and what it does not: a request, questions back, or not its own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.desks.errands.hearing import ErrandsHearing
from haloop.kernel.canonical import Canonical
from haloop.kernel.desk import Asks, Context, Foreign, Heard

WEDNESDAY = datetime(2027, 3, 3, 12, tzinfo=UTC)
BERLIN = Context(now=WEDNESDAY, zone=ZoneInfo("Europe/Berlin"))
HEARING = ErrandsHearing()


def heard(*said: str, context: Context = BERLIN) -> Heard:
    found = HEARING.hear(said, context)
    assert isinstance(found, Heard), found
    return found


def wish(*said: str, context: Context = BERLIN) -> dict[str, Canonical]:
    """What a table is wished for: all that was said, and nothing that was not."""
    found = heard(*said, context=context).request.arguments["wish"]
    assert isinstance(found, Mapping)
    return {name: value for name, value in found.items() if value not in (None, [])}


def asked(*said: str, context: Context = BERLIN) -> dict[str, tuple[str, ...]]:
    found = HEARING.hear(said, context)
    assert isinstance(found, Asks), found
    return {question.asks: question.choices for question in found.questions}


@pytest.mark.parametrize(
    ("words", "place", "party", "at"),
    [
        ("book a table at Luca for 2 tomorrow at 7pm", "Luca", 2, "2027-03-04T19:00:00+01:00"),
        (
            "hi, could you please book us dinner at Chez Odile, for two people, tomorrow at 19:00? Thanks!",
            "Chez Odile",
            2,
            "2027-03-04T19:00:00+01:00",
        ),
        (
            "we need a table for the two of us at Luigi\u2019s on 5 April 2027 at 12:15 pm",
            "Luigi\u2019s",
            2,
            "2027-04-05T12:15:00+02:00",
        ),
        (
            'book a table at "Salt and Pepper" for a party of 12 for 6:00 pm tomorrow',
            "Salt and Pepper",
            12,
            "2027-03-04T18:00:00+01:00",
        ),
        ("GET ME A TABLE AT CAFÉ É FOR ２ TOMORROW AT 7 PM", "CAFÉ É", 2, "2027-03-04T19:00:00+01:00"),
    ],
)
def test_a_whole_sentence_is_a_wish(words: str, place: str, party: int, at: str) -> None:
    """In any order, however politely, in the letters and quotes that a phone makes."""
    assert wish(words) == {"place": place, "party": party, "at": at, "earliest": at, "latest": at}


def test_a_place_is_not_needed_and_a_time_may_be_a_window() -> None:
    """The plan's own sentence: any restaurant, half an hour around; an evening has a middle to begin with."""
    assert wish("book dinner Friday around 7 for 2") == {
        "party": 2,
        "at": "2027-03-05T19:00:00+01:00",
        "earliest": "2027-03-05T18:30:00+01:00",
        "latest": "2027-03-05T19:30:00+01:00",
    }
    evening = wish("book a table in the Old Town for 4 tomorrow evening")
    assert evening["area"] == "the Old Town"
    assert str(evening["earliest"]) < str(evening["at"]) < str(evening["latest"])


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("book a table for 2 tomorrow at 7", '"7" was taken for 19:00.'),
        ("book a table at Luca with a dog for 2 tomorrow at 7 pm", '"with a dog" was not taken up.'),
        ("book a table without a deposit for 2 tomorrow at 7 pm", '"without a deposit" was not taken up.'),
        (
            "book a table for 2 tomorrow at 7 pm under Maria",
            "The table is booked under the household's name; Maria is not passed on.",
        ),
    ],
)
def test_nothing_is_taken_for_granted_or_dropped_in_silence(words: str, taken: str) -> None:
    """What was inferred is said, and so is what nobody took up."""
    assert taken in heard(words).taken


def test_a_plain_wish_leaves_nothing_to_say() -> None:
    """Politeness and small words are no news."""
    assert heard("Hello, could you please book us a table at Luca for 2 people tomorrow at 7pm? Thanks!").taken == ()
    assert heard("cancel my Netflix subscription please").taken == ()


@pytest.mark.parametrize(
    ("words", "questions"),
    [
        (
            "book a table",
            {
                "When should it be?": ("Thursday 4 March, 19:00", "Thursday 4 March, 20:00"),
                "For how many people?": ("for 2", "for 4", "for 6"),
            },
        ),
        ("book a table at Luca for 40 tomorrow at 7", {"For how many, 1 to 20?": ("for 2", "for 4")}),
        (
            "book a table at Luca for 2 next Friday at 7",
            {"Which day do you mean?": ("Friday 5 March", "Friday 12 March")},
        ),
        (
            "book a table at Luca for 2 on 28 March 2027 at 2:30 am",
            {
                "There is no 02:30 on Sunday 28 March: the clocks go forward. Which time instead?": ("01:30", "03:30"),
            },
        ),
        (
            "book a table at Luca for 2 tomorrow at 7 pm. Also cancel my gym",
            {"One thing at a time: which first?": ("Book a table", "Cancel a subscription")},
        ),
        ("cancel my subscription", {"Which subscription should end?": ()}),
        ("cancel Spotify and Netflix", {"One at a time: which should end first?": ("Spotify", "Netflix")}),
    ],
)
def test_what_is_missing_or_cannot_be_is_asked(words: str, questions: dict[str, tuple[str, ...]]) -> None:
    """At most two questions at a time, and each choice, sent back, answers one of them."""
    assert asked(words) == questions
    for choices in questions.values():
        for choice in choices:
            assert HEARING.hear([words, choice], BERLIN) != HEARING.hear([words], BERLIN)


def test_an_answer_completes_the_wish() -> None:
    """Each fills what was asked for; one that says nothing of it is asked for again."""
    begun = "book dinner at Luigi around 7"
    assert asked(begun, "whatever you like").keys() == asked(begun).keys()
    done = wish(begun, "for 2", "tomorrow")
    assert (done["place"], done["party"], done["at"]) == ("Luigi", 2, "2027-03-04T19:00:00+01:00")


def test_an_afterthought_changes_the_wish() -> None:
    """Somebody who thinks again is heard."""
    assert wish("book a table at Luca for 2 Friday at 7 pm", "no, Saturday")["at"] == "2027-03-06T19:00:00+01:00"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("cancel Netflix", "Netflix"),
        ("I never watch it, please cancel my Netflix subscription", "Netflix"),
        ("could you end my Iron Gym membership?", "Iron Gym"),
    ],
)
def test_a_subscription_is_cancelled_by_its_name(words: str, name: str) -> None:
    """However it is said."""
    request = heard(words).request
    assert (request.procedure.name, request.arguments) == ("cancel_subscription", {"name": name})


@pytest.mark.parametrize("words", ["reorder 500 g of coffee", "reorder half a kilo of coffee", "reorder 200 cat food"])
def test_what_a_shop_does_not_count_is_asked_back(words: str) -> None:
    """Weights and hundreds become no quantity in silence."""
    (question,) = asked(words)
    assert question.startswith("How many of c")


def test_a_table_is_cancelled_by_its_place_and_day() -> None:
    """As far as they are said."""
    request = heard("please cancel my table at Luca on Friday").request
    held = {"place": "Luca", "day": "2027-03-05"}
    assert (request.procedure.name, request.arguments) == ("cancel_table", {"wish": held})


@pytest.mark.parametrize(
    ("words", "items", "usual"),
    [
        ("reorder the usual", [], True),
        ("reorder the usual coffee", [("coffee", 1)], False),
        ("please buy 3 bags of cat litter and dog food again", [("cat litter", 3), ("dog food", 1)], False),
    ],
)
def test_what_was_bought_before_is_ordered_again(words: str, items: list[tuple[str, int]], usual: bool) -> None:
    """What it means is found among the household's own orders, later; here it is only what was said."""
    request = heard(words).request
    wanted = [{"name": name, "quantity": quantity} for name, quantity in items]
    assert (request.procedure.name, request.arguments) == ("reorder", {"wish": {"items": wanted, "usual": usual}})


@pytest.mark.parametrize(
    "words",
    [
        "fix kitchen sink",
        "",
        " ",
        "?",
        "book a flight to Rome tomorrow at 7 pm",
        "don't book a table at Luca for 2 tomorrow at 7 pm",
        "what does it cost to cancel Netflix?",
    ],
)
def test_what_is_not_for_this_desk_is_not_heard(words: str) -> None:
    """Least of all a not, or a question about it."""
    assert HEARING.hear([words], BERLIN) is None


def test_another_language_is_believed() -> None:
    """Whoever says that it is German is not heard in English, and neither is German that nobody says to be."""
    whole, german = HEARING.examples[0], "ich möchte einen Tisch für zwei bei Luca"
    in_german = Context(now=WEDNESDAY, zone=ZoneInfo("UTC"), language="de")
    foreign = [HEARING.hear([whole], in_german), HEARING.hear([german], BERLIN), HEARING.hear([whole, german], BERLIN)]
    assert foreign == [Foreign(reads="en")] * 3


def test_the_examples_work() -> None:
    """Whoever is shown one can say just that, at any hour of any day."""
    for hour in (0, 12, 23):
        now = datetime(2027, 3, 27, hour, 59, tzinfo=UTC)
        for zone in ("UTC", "Europe/Berlin", "Pacific/Auckland", "America/New_York"):
            for example in HEARING.examples:
                heard(example, context=Context(now=now, zone=ZoneInfo(zone)))


_PIECES = "book a table|at Luca|for 2|for|at|7|7pm|next|friday|on|5|march|2027|tomorrow|please|,|.|and|not|é|٣|ı|\"|'"


@given(st.lists(st.sampled_from(_PIECES.split("|")) | st.text(max_size=5), max_size=25))
def test_whatever_is_said_is_heard_the_same_way_twice(pieces: list[str]) -> None:
    """No words break it, and the same words at the same moment mean the same."""
    said = [" ".join(["book a table", *pieces])]
    assert str(HEARING.hear(said, BERLIN)) == str(HEARING.hear(said, BERLIN))


@pytest.mark.parametrize("piece", ["at a ", "abc ", ", ", "please ", "thanks ", "book a table ", "at 7 ", '"'])
def test_long_words_cost_little(piece: str) -> None:
    """As many as are taken at the door, in any tangle: no sentence keeps the house busy."""
    begun = process_time()
    HEARING.hear([f"book a table {piece * 1000}"[:1000]] * 9, BERLIN)
    assert process_time() - begun < 2
