"""What the errands desk hears, and what it does not: taken to the last word, asked back, or not its own."""

from datetime import UTC, datetime
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.desks.errands.hearing import BookingHearing
from haloop.kernel.desk import Asks, Context, Heard

WEDNESDAY = datetime(2027, 3, 3, 12, tzinfo=UTC)
BERLIN = Context(now=WEDNESDAY, zone=ZoneInfo("Europe/Berlin"))
HEARING = BookingHearing()


def heard(*said: str, context: Context = BERLIN) -> tuple[str, int, str, tuple[str, ...]]:
    """The wish, and what was taken for granted."""
    found = HEARING.hear(said, context)
    assert isinstance(found, Heard), found
    match found.request.arguments["wish"]:
        case {"place": str(place), "party": int(party), "at": str(at)}:
            return place, party, at, found.taken
    raise LookupError(found)


def asked(*said: str, context: Context = BERLIN) -> dict[str, tuple[str, ...]]:
    found = HEARING.hear(said, context)
    assert isinstance(found, Asks), found
    return {question.asks: question.choices for question in found.questions}


@pytest.mark.parametrize(
    ("words", "place", "party", "at"),
    [
        ("book a table at Luca for 2 tomorrow at 7pm", "Luca", 2, "2027-03-04T19:00:00+01:00"),
        ("Book a table for four in Old Town tonight at 8:30 pm.", "Old Town", 4, "2027-03-03T20:30:00+01:00"),
        (
            "hi, could you please book us dinner at Chez Odile, for two people, tomorrow at 19:00? Thanks!",
            "Chez Odile",
            2,
            "2027-03-04T19:00:00+01:00",
        ),
        (
            "I'd like to reserve a table tomorrow evening at 7 p.m. for 3 in the Harbour",
            "Harbour",
            3,
            "2027-03-04T19:00:00+01:00",
        ),
        (
            "we need a table for the two of us at Luigi\u2019s on 5 April 2027 at 12:15 pm",
            "Luigi's",
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
        ("book a table at Kadıköy for six tomorrow at 07:30", "Kadıköy", 6, "2027-03-04T07:30:00+01:00"),
        ("book a table at Fish & Chips for 2 tomorrow at 12 am", "Fish & Chips", 2, "2027-03-04T00:00:00+01:00"),
    ],
)
def test_a_whole_sentence_is_a_wish(words: str, place: str, party: int, at: str) -> None:
    """In any order, however politely, in the letters and quotes that a phone makes."""
    assert heard(words) == (place, party, at, ())


@pytest.mark.parametrize(
    ("words", "at", "taken"),
    [
        ("tomorrow at 7", "2027-03-04T19:00:00+01:00", "7 was taken as 7 pm."),
        ("tomorrow around 7:30", "2027-03-04T19:30:00+01:00", "7:30 was taken as 7:30 pm."),
        ("tomorrow at around 12", "2027-03-04T12:00:00+01:00", "12 was taken as 12 pm."),
        ("Friday at 7 pm", "2027-03-05T19:00:00+01:00", "The day was taken as 5 March 2027."),
        ("on the 2nd of March at 7 pm", "2028-03-02T19:00:00+01:00", "The day was taken as 2 March 2028."),
        ("on 31 October 2027 at 2:30 am", "2027-10-31T02:30:00+02:00", "The clocks show 02:30 twice"),
    ],
)
def test_what_is_taken_for_granted_is_said(words: str, at: str, taken: str) -> None:
    """A bare hour, a day without its date, a date without its year, an hour that comes twice."""
    *_, understood, (*_, said) = heard(f"book a table at Luca for 2 {words}")
    assert understood == at
    assert taken in said or taken in heard(f"book a table at Luca for 2 {words}")[3]


@pytest.mark.parametrize(
    ("words", "questions"),
    [
        ("book dinner tomorrow around 7 for 2", {"Where?": ()}),
        ("book a table", {"Where?": (), "For how many, 1 to 20?": ("for 2", "for 4")}),
        ("book a table at Luca for 40 tomorrow at 7", {"For how many, 1 to 20?": ("for 2", "for 4")}),
        ("book a table at Luca for 2 tomorrow", {"At what time?": ("at 7 pm", "at 8 pm")}),
        ("book a table at Luca for 2 tomorrow at 13 pm", {"At what time?": ("at 7 pm", "at 8 pm")}),
        ("book a table at Luca for 2 at 7", {"On which day?": ("today", "tomorrow")}),
        ("book a table at Luca for 2 on 30 February at 7", {"On which day?": ("today", "tomorrow")}),
        ("book a table at Luca for 2 next Friday at 7", {"On which day?": ("on 5 March 2027", "on 12 March 2027")}),
        ("book a table at Luca for 2 Wednesday at 7", {"On which day?": ("on 3 March 2027", "on 10 March 2027")}),
        (
            "book a table at Luca for 2 today at 9 am",
            {"That is over already. When instead?": ("tomorrow at 7 pm", "tomorrow at 8 pm")},
        ),
        (
            "book a table at Luca for 2 on 28 March 2027 at 2:30 am",
            {"The clocks in Europe/Berlin skip 02:30 on that day. At what time instead?": ("at 7 pm", "at 8 pm")},
        ),
    ],
)
def test_what_is_missing_or_cannot_be_is_asked(words: str, questions: dict[str, tuple[str, ...]]) -> None:
    """At most two questions at a time; what could be two days offers both; an hour that the clocks skip is refused."""
    assert asked(words) == questions
    for choices in questions.values():
        for choice in choices:
            again = HEARING.hear([words, choice], BERLIN)
            assert isinstance(again, Heard) or (isinstance(again, Asks) and again != HEARING.hear([words], BERLIN))


def test_an_answer_completes_the_wish() -> None:
    """Each fills what was asked for; one that says nothing of it is asked for again."""
    begun = ("book dinner around 7", "Luigi")
    assert list(asked(*begun)) == ["For how many, 1 to 20?", "On which day?"]
    assert asked(*begun, "whatever you like") == asked(*begun)
    assert heard(*begun, "2", "tomorrow") == ("Luigi", 2, "2027-03-04T19:00:00+01:00", ("7 was taken as 7 pm.",))
    assert heard("book a table at Luigi", "for 2 tomorrow at 7 pm")[2] == "2027-03-04T19:00:00+01:00"


@pytest.mark.parametrize(
    "words",
    [
        "fix kitchen sink",
        "",
        " ",
        "?",
        "cancel my table at Luca",
        "book a flight to Rome tomorrow at 7 pm",
        "book a tablet at Luca for 2 tomorrow at 7 pm",
        "book a table at Luca with a dog for 2 tomorrow at 7 pm",
        "book a table at Luca or Luigi for 2 tomorrow at 7 pm",
        "book a table at Luca for 2 tomorrow at 7 pm and pay the deposit",
        "book a table at Luca for 2 tomorrow at 7 pm. Also cancel my gym",
        "don't book a table at Luca for 2 tomorrow at 7 pm",
        "book a table at Luca for 2 for 4 tomorrow at 7 pm",
        "book a table at Luca for 2 on 3/5 at 7 pm",
        "book a table at Luca for 2 frıday at 7 pm",
        "book a table at Luca for ٢ tomorrow at 7 pm",
        "ich möchte einen Tisch für zwei bei Luca",
        "<script>book a table</script>",
        "book a table\u202e at Luca",
    ],
)
def test_what_is_not_understood_to_the_last_word_is_not_heard(words: str) -> None:
    """Nothing is half understood, least of all a not, an or, a condition, or a second wish."""
    assert HEARING.hear([words], BERLIN) is None


def test_other_languages_and_afterthoughts_are_not_heard() -> None:
    """Whoever says that it is German is believed; more words after a whole wish would change it, which is not known."""
    whole = HEARING.examples[0]
    assert HEARING.hear([whole], Context(now=WEDNESDAY, zone=ZoneInfo("UTC"), language="de")) is None
    assert HEARING.hear([whole, "for 4"], BERLIN) is None


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
