"""What the built-in reader makes of words, at one instant in one place."""

import subprocess
import sys
import time as clock
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from haloop.desks.errands.words.reader import read
from haloop.desks.errands.words.reading import (
    About,
    Item,
    Kind,
    PastOrder,
    Reading,
    Unsupported,
    Verb,
    Why,
    Wish,
)
from haloop.desks.errands.words.text import CHARACTERS_MAX

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 11, 24, 10, tzinfo=BERLIN)
HISTORY = (
    PastOrder(id="o-2", items=(Item(name="Oat milk", quantity=2), Item(name="Dark roast coffee beans"))),
    PastOrder(id="o-1", items=(Item(name="Diapers size 3", quantity=2),)),
)


def said(words: str, before: Wish | None = None, now: datetime = TUESDAY) -> Reading:
    return read(words, now=now, zone=BERLIN, history=HISTORY, subscriptions=("Netflix", "Hulu"), before=before)


def wished(words: str, before: Wish | None = None, now: datetime = TUESDAY) -> Wish:
    reading = said(words, before, now)
    assert isinstance(reading, Wish), reading
    return reading


def test_the_first_sentence_of_the_plan_is_a_whole_wish() -> None:
    """Dinner on Friday around seven for two needs no question, and shows what was only inferred."""
    wish = wished("book dinner Friday around 7 for 2")
    assert (wish.verb, wish.questions) == (Verb.BOOK, ())
    assert wish.when is not None
    assert wish.when.at == datetime(2026, 11, 27, 19, tzinfo=BERLIN)
    assert (wish.when.earliest.time(), wish.when.latest.time()) == (time(18, 30), time(19, 30))
    assert wish.hours is not None
    assert wish.hours.inferred
    assert wish.hours.taken_for == '"7" was taken for 19:00.'
    assert wish.party is not None
    assert wish.party.value == 2


@pytest.mark.parametrize(
    ("words", "on", "at"),
    [
        ("table for 2 at Luigi's on 5 December at 19:30", date(2026, 12, 5), time(19, 30)),
        ("table for 2 on March 2nd at half past seven in the evening", date(2027, 3, 2), time(19, 30)),
        ("breakfast for 2 tomorrow at 9, book a table", date(2026, 11, 25), time(9)),
        ("book a table for two people in two weeks at quarter to eight pm", date(2026, 12, 8), time(19, 45)),
        ("please reserve a table for 2 at noon the day after tomorrow", date(2026, 11, 26), time(12)),
        ("resevation for 2 tommorow 7pm", date(2026, 11, 25), time(19)),
        ("book a table for 2 on Friday at 7. No, Saturday!", date(2026, 11, 28), time(19)),
        ("book a table for 2 this Thursday, not Friday, at 6 pm", date(2026, 11, 26), time(18)),
        ("we would love a table for 2 at 8 tonight", date(2026, 11, 24), time(20)),
        ("table for 2 at 7pm", date(2026, 11, 24), time(19)),
    ],
)
def test_a_time_is_the_one_that_was_meant(words: str, on: date, at: time) -> None:
    """Days and times come out as instants in the person's zone."""
    wish = wished(words)
    assert wish.when is not None, wish.questions
    assert wish.when.at == datetime.combine(on, at, tzinfo=BERLIN)


def test_next_friday_offers_both() -> None:
    """People disagree about next Friday, so both are offered and none is taken."""
    wish = wished("book a table for 2 next Friday at 7pm")
    assert wish.when is None
    assert wish.questions[0].choices == ("Friday 27 November", "Friday 4 December")


def test_an_answer_to_a_question_is_understood() -> None:
    """The words of a choice, sent back, complete the wish."""
    asked = wished("book a table for 2 next Friday at 7pm")
    wish = wished(asked.questions[0].choices[1], asked)
    assert wish.questions == ()
    assert wish.when is not None
    assert wish.when.at == datetime(2026, 12, 4, 19, tzinfo=BERLIN)


def test_a_table_at_nine_is_in_the_evening_and_says_so() -> None:
    """So is one at 7 or 8; ten may be either, and so may nine at the dentist's; a meal settles it."""
    nine = wished("book a table for 2 on Friday at 9")
    assert nine.hours is not None
    assert (nine.questions, nine.hours.taken_for) == ((), '"9" was taken for 21:00.')
    assert wished("book a table for 2 on Friday at 10").questions[0].choices == ("10:00", "22:00")
    assert wished("book a dentist appointment on Friday at 9").questions[0].choices == ("09:00", "21:00")
    assert wished("book dinner for 2 on Friday at 10").questions == ()


def test_what_is_missing_is_asked_with_choices_and_twice_at_most() -> None:
    """A table needs a time and a party, and only these are asked for."""
    wish = wished("book a table")
    assert [question.about for question in wish.questions] == [About.WHEN, About.PARTY]
    assert all(question.choices for question in wish.questions)


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    """On the night the clocks go forward there is no half past two."""
    wish = wished("book a table for 2 on 28 March 2027 at 2:30 am")
    assert wish.when is None
    assert "clocks go forward" in wish.questions[0].asks


def test_a_time_that_comes_twice_is_asked_and_either_can_be_had() -> None:
    """On the night the clocks go back half past two comes twice, and both can be picked."""
    asked = wished("book a table for 2 on 31 October 2027 at 2:30 am")
    assert "clocks go back" in asked.questions[0].asks
    first, second = (wished(choice, asked).when for choice in asked.questions[0].choices)
    assert first is not None
    assert second is not None
    assert first.at is not None
    assert second.at is not None
    assert (second.at.astimezone(UTC) - first.at.astimezone(UTC)).total_seconds() == 3_600


def test_what_has_passed_is_never_offered() -> None:
    """A time that is over is asked about again."""
    wish = wished("book a table for 2 today at 8 am")
    assert wish.when is None
    assert "has passed" in wish.questions[0].asks


def test_a_follow_up_needs_no_verb() -> None:
    """What is said later changes the wish and keeps the rest."""
    before = wished("book dinner at Luigi's on Friday at 7 for 2")
    later = wished("try 7:45 instead", before)
    assert later.hours is not None
    assert later.hours.value.at == time(19, 45)
    assert (later.place, later.party, later.day) == (before.place, before.party, before.day)
    more = wished("no, Saturday, and make it four people", later)
    assert more.day is not None
    assert more.day.value.on == date(2026, 11, 28)
    assert more.party is not None
    assert more.party.value == 4


def test_a_number_alone_answers_what_was_asked() -> None:
    """Four is people if the party was asked, and an hour if the time was."""
    without_party = wished("book a table on Friday at 7pm")
    party = wished("4", without_party).party
    assert party is not None
    assert party.value == 4
    hours = wished("4", wished("book a table for 2 on Friday")).hours
    assert hours is not None
    assert hours.value.at == time(16)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("me and three friends", 4),
        ("my wife and I", 2),
        ("2 adults and 3 kids", 5),
        ("just me", 1),
        ("a party of twelve", 12),
        ("the two of us", 2),
    ],
)
def test_companions_are_counted(words: str, count: int) -> None:
    """A party may be named by who is in it."""
    wish = wished(f"book a table tomorrow at 7 pm for {words}")
    assert wish.party is not None
    assert wish.party.value == count


def test_a_subscription_is_named_by_the_person_and_shown_as_known() -> None:
    """Cancel Netflix finds the household's own, typos and all."""
    for words in ("cancel Netflix", "pls cancle my netflx subscription", "I never watch Netflix, cancel it"):
        subject = wished(words).subject
        assert subject is not None
        assert (subject.value.kind, subject.value.name) == (Kind.SUBSCRIPTION, "Netflix")


def test_the_later_of_two_names_counts() -> None:
    """A correction replaces the name, and an exclusion drops it."""
    for words in ("cancel hulu, not netflix", "cancel Netflix - no, wait, Hulu"):
        subject = wished(words).subject
        assert subject is not None
        assert subject.value.name.lower() == "hulu", words


@pytest.mark.parametrize(
    "words", ["cancel Netflix and Hulu", "cancel Tidal and Deezer", "cancel my Tidal and Hulu subscriptions"]
)
def test_none_of_two_names_is_dropped(words: str) -> None:
    """Two subscriptions in one sentence are asked about, so that neither is lost."""
    wish = wished(words)
    assert wish.subject is None
    assert len(wish.questions[0].choices) == 2


def test_a_day_that_does_not_exist_is_never_another() -> None:
    """30 February is asked about, and not taken for the thirtieth of this month."""
    wish = wished("reserve a table for two on Feb 30th at 7pm")
    assert wish.when is None
    assert "no such day" in wish.questions[0].asks


def test_which_subscription_is_asked_from_those_there_are() -> None:
    """Without a name the household's subscriptions are the choices."""
    question = wished("please cancel a subscription").questions[0]
    assert question.choices == ("Netflix", "Hulu")


def test_the_usual_is_the_newest_order() -> None:
    """The usual is looked up in the orders, and the card says in which."""
    items = wished("the usual please").items
    assert [(item.value.name, item.value.quantity, item.value.order) for item in items] == [
        ("Oat milk", 2, "o-2"),
        ("Dark roast coffee beans", 1, "o-2"),
    ]
    assert all(item.inferred and "o-2" in item.taken_for for item in items)


def test_the_usual_of_one_thing_is_what_was_bought_last() -> None:
    """One word, even misspelt, finds the item it was bought as; another stays as it was said."""
    assert [item.value.name for item in wished("order the usual dipers").items] == ["Diapers size 3"]
    assert [item.value.name for item in wished("reorder 3 bags of cat food").items] == ["cat food"]


def test_a_list_keeps_its_quantities() -> None:
    """Each piece of a list has its own number and unit."""
    items = [item.value for item in wished("order 2 packs of butter, a dozen eggs and tea").items]
    assert [(item.quantity, item.unit, item.name) for item in items] == [
        (2, "packs", "butter"),
        (12, "", "eggs"),
        (1, "", "tea"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "fix kitchen sink",
        "what is the cancellation fee for netflix",
        "where is my order",
        "send me the invoice for my last order",
        "book a hotel in Rome for two nights",
        "book a flight to Rome on Friday",
        "reserve a suite at the Hilton",
        "I read a good book about tables",
        "don't cancel netflix",
        "I already booked a table",
        "never mind, cancel that",
    ],
)
def test_what_sounds_alike_is_left_alone(words: str) -> None:
    """Fees, invoices, hotels, things done and things forbidden are no wishes, and the help names what is."""
    reading = said(words)
    assert isinstance(reading, Unsupported)
    assert reading.verbs == (Verb.BOOK, Verb.CANCEL, Verb.REORDER)


@pytest.mark.parametrize(
    "words",
    [
        "Bitte einen Tisch für zwei am Freitag um sieben reservieren",
        "réserve une table pour deux vendredi à 19h",
        "quiero cancelar netflix por favor",
        "予約してください",
    ],
)
def test_another_language_is_never_half_read(words: str) -> None:
    """What is not English is said to be so, whatever English words are in it."""
    reading = said(words)
    assert isinstance(reading, Unsupported)
    assert reading.why is Why.LANGUAGE


def test_two_wishes_at_once_are_asked_about() -> None:
    """Two different errands in one message are not done by halves."""
    wish = wished("Cancel Netflix. And book a table for 2 on Friday at 7 pm.")
    assert wish.questions[0].about is About.VERB
    assert len(wish.questions[0].choices) == 2


def test_synonyms_on_the_wire_are_the_same_verbs() -> None:
    """Others may call the verbs by their longer names."""
    assert Verb.of_wire("BOOK_APPOINTMENT") is Verb.BOOK
    assert Verb.of_wire("CANCEL_SUBSCRIPTION") is Verb.CANCEL


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "for 2 ",
        "me and ",
        "not ",
        "no, ",
        "cancel ",
        "7:30 ",
        "reorder and ",
        "the ",
        "\u202e",
        "-",
        "in a ",
        "a, ",
    ],
)
def test_hostile_words_are_cheap(piece: str) -> None:
    """The longest thing that is read, built to make patterns go back and forth, takes no second."""
    words = (piece * CHARACTERS_MAX)[:CHARACTERS_MAX]
    said("book a table for 2")
    started = clock.process_time()
    said(words)
    assert clock.process_time() - started < 0.5
    assert isinstance(said(words + "!"), Unsupported)


def test_the_page_about_words_is_true(tmp_path: Path) -> None:
    """The example in docs/words.md runs, and prints what its comment says."""
    page = (Path(__file__).parents[4] / "docs" / "words.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == code.strip().split("  # ")[-1]
