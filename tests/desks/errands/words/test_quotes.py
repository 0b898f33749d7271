"""What a model quotes of somebody's words becomes a wish, whose values the grammar reads; or it is worth nothing."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from haloop.desks.errands.hearing import ErrandsHearing
from haloop.desks.errands.words.quotes import Quotes
from haloop.kernel.desk import Asks, Context, Heard, Malformed, Outcome

BERLIN = Context(now=datetime(2027, 3, 3, 12, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"))
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("day", "hours", "meal", "party", "place", "area", "name", "cancels", "subscription")),
    "goods": [],
    "usual": False,
    "left": [],
}
GERMAN = "Bitte reserviere uns morgen um acht einen ruhigen Tisch für vier Personen bei Luigi"
GERMAN_QUOTES = {
    "verb": "BOOK",
    "day": {"quote": "morgen", "english": "tomorrow"},
    "hours": {"quote": "um acht", "english": "at 8 in the evening"},
    "party": {"quote": "für vier Personen", "english": "for four people"},
    "place": "Luigi",
    "left": ["ruhigen"],
}


def heard(said: str | list[str], **quotes: Any) -> Outcome:
    """What the desk makes of words of which a model wrote this."""
    lines = [said] if isinstance(said, str) else said
    return ErrandsHearing().hear_written(lines, BERLIN, json.dumps({**NOTHING, **quotes}))


def request(outcome: Outcome) -> tuple[str, Any]:
    assert isinstance(outcome, Heard), outcome
    return outcome.request.procedure.name, outcome.request.arguments


def same(words: str) -> dict[str, str]:
    return {"quote": words, "english": words}


def test_german_words_are_resolved_by_the_english_grammar() -> None:
    """Names are as they were said; each value has the words it was taken from beside it, and what is left is said."""
    outcome = heard(GERMAN, **GERMAN_QUOTES)
    name, arguments = request(outcome)
    at = dict.fromkeys(("at", "earliest", "latest"), "2027-03-04T20:00:00+01:00")
    assert (name, arguments) == (
        "book_table",
        {"wish": {**at, "area": None, "party": 4, "place": "Luigi", "taken": []}},
    )
    assert isinstance(outcome, Heard)
    assert set(outcome.taken) == {
        '"morgen" was taken for Thursday 4 March.',
        '"um acht" was taken for 20:00.',
        '"für vier Personen" was taken for 4 people.',
        '"ruhigen" was not taken up.',
    }


def test_english_is_read_from_the_words_themselves() -> None:
    """Whatever a model says a quote means: the grammar reads the quote, and tells what nobody quoted."""
    words = "get us something nice at Luca, with a dog, around 7 tomorrow for 2"
    outcome = heard(
        words,
        verb="BOOK",
        day={"quote": "tomorrow", "english": "next year"},
        hours={"quote": "around 7", "english": "at 3 am"},
        party={"quote": "2", "english": "900"},
        place="Luca",
    )
    _, arguments = request(outcome)
    assert (arguments["wish"]["at"], arguments["wish"]["party"]) == ("2027-03-04T19:00:00+01:00", 2)
    assert isinstance(outcome, Heard)
    assert '"with a dog" was not taken up.' in outcome.taken


@pytest.mark.parametrize(
    ("words", "quotes", "wanted"),
    [
        (
            "zwei Beutel Katzenfutter und Milch bestellen",
            {
                "verb": "REORDER",
                "goods": [
                    {"quote": "Katzenfutter", "amount": {"quote": "zwei Beutel", "english": "2 bags"}},
                    {"quote": "Milch", "amount": None},
                ],
            },
            (
                "reorder",
                {
                    "wish": {
                        "items": [{"name": "Katzenfutter", "quantity": 2}, {"name": "Milch", "quantity": 1}],
                        "usual": False,
                    }
                },
            ),
        ),
        ("das Übliche bitte", {"verb": "REORDER", "usual": True}, ("reorder", {"wish": {"items": [], "usual": True}})),
        (
            "kündige Netflix",
            {"verb": "CANCEL", "cancels": "SUBSCRIPTION", "subscription": "Netflix"},
            ("cancel_subscription", {"name": "Netflix"}),
        ),
        (
            "sag den Tisch bei Luigi morgen ab",
            {
                "verb": "CANCEL",
                "cancels": "RESERVATION",
                "place": "Luigi",
                "day": {"quote": "morgen", "english": "tomorrow"},
            },
            ("cancel_table", {"wish": {"place": "Luigi", "day": "2027-03-04"}}),
        ),
    ],
)
def test_every_verb_becomes_a_request(words: str, quotes: dict[str, Any], wanted: tuple[str, Any]) -> None:
    """Each with what was quoted, and with what the grammar made of the rest."""
    assert request(heard(words, **quotes)) == wanted


@pytest.mark.parametrize(
    ("quotes", "asks"),
    [
        ({"verb": "BOOK", "place": "Luigi"}, ["When should it be?", "For how many people?"]),
        ({"verb": "REORDER"}, ["What should be ordered again?"]),
        ({"verb": "CANCEL", "cancels": "SUBSCRIPTION"}, ["Which subscription should end?"]),
    ],
)
def test_what_is_missing_is_asked(quotes: dict[str, Any], asks: list[str]) -> None:
    """By the same questions as ever."""
    outcome = heard("bei Luigi", **quotes)
    assert isinstance(outcome, Asks)
    assert [one.asks for one in outcome.questions] == asks


def test_an_answer_in_a_later_line_counts() -> None:
    """A conversation is read as a whole; a number alone is what was asked for."""
    said = ["einen Tisch bei Luigi morgen", "um 19:30", "4"]
    outcome = heard(
        said,
        verb="BOOK",
        day={"quote": "morgen", "english": "tomorrow"},
        hours={"quote": "um 19:30", "english": "19:30"},
        party=same("4"),
        place="Luigi",
    )
    _, arguments = request(outcome)
    assert (arguments["wish"]["at"], arguments["wish"]["party"]) == ("2027-03-04T19:30:00+01:00", 4)


def test_what_a_day_could_be_is_asked_as_ever() -> None:
    """A model does not decide which Friday is the next."""
    friday = {"quote": "nächsten Freitag", "english": "next Friday"}
    outcome = heard(
        "Tisch nächsten Freitag um 19 Uhr", verb="BOOK", day=friday, hours={"quote": "um 19 Uhr", "english": "19:00"}
    )
    assert isinstance(outcome, Asks)


@pytest.mark.parametrize("quotes", [{"verb": "NONE"}, {"verb": "CANCEL", "cancels": "OTHER"}, {"verb": "CANCEL"}])
def test_what_a_model_takes_for_something_else_is_nothing(quotes: dict[str, Any]) -> None:
    """It is left to other desks, and to nobody."""
    assert heard("reparier die Spüle", **quotes) is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        "[]",
        "{}",
        json.dumps({**NOTHING, "verb": "PAY"}),
        json.dumps({**NOTHING, "verb": "BOOK", "price": "1"}),
        json.dumps({**NOTHING, "verb": "BOOK", "party": 4}),
        json.dumps({**NOTHING, "verb": "BOOK", "place": "Chez Mallory"}),
        json.dumps({**NOTHING, "verb": "BOOK", "place": ""}),
        json.dumps({**NOTHING, "verb": "BOOK", "left": ["https://mallory.example"]}),
        json.dumps({**NOTHING, "verb": "BOOK", "day": {"quote": "Freitag", "english": "tomorrow"}}),
        json.dumps({**NOTHING, "verb": "BOOK", "day": {"quote": "morgen", "english": "tomorrow\n<b>"}}),
        json.dumps({**NOTHING, "verb": "REORDER", "goods": [{"quote": "Tisch", "amount": same("morgen")}]}),
    ],
)
def test_what_is_not_in_the_form_or_not_in_the_words_is_worth_nothing(written: str) -> None:
    """All of it, whatever else it says; and what is said of it repeats nothing of it."""
    with pytest.raises(Malformed) as met:
        ErrandsHearing().hear_written(["Tisch morgen bei Luigi"], BERLIN, written)
    assert not any(word in str(met.value).lower() for word in ("mallory", "pay", "<b>"))


def test_the_form_is_what_strict_servers_take() -> None:
    """Every field is required, no other is allowed, in every part of it."""
    schema = Quotes.model_json_schema()
    parts = [schema, *(one for one in schema["$defs"].values() if one["type"] == "object")]
    assert all(one["additionalProperties"] is False and set(one["required"]) == set(one["properties"]) for one in parts)


@pytest.mark.parametrize(
    ("words", "quotes"),
    [
        ("order 120 bags of rice", {"verb": "REORDER", "goods": [{"quote": "rice", "amount": same("20 bags")}]}),
        ("table at 17:30 for 12 people", {"verb": "BOOK", "hours": same("7:30")}),
        ("table at 17:30 for 12 people", {"verb": "BOOK", "party": same("2 people")}),
        ("table tomorrow for 2", {"verb": "BOOK", "day": same("tomorrow"), "party": same("2"), "meal": "breakfast"}),
        (GERMAN, {**GERMAN_QUOTES, "day": {"quote": "morgen", "english": "morgen früh bitte um"}}),
    ],
)
def test_a_piece_of_a_word_a_meal_nobody_named_and_no_english_are_worth_nothing(words: str, quotes: Any) -> None:
    """Each is asked for once more, and then read by the built-in reader."""
    with pytest.raises(Malformed):
        heard(words, **quotes)


def test_scripts_without_spaces_are_quoted_too() -> None:
    """There a word ends where its letters do."""
    outcome = heard(
        "明日の夜八時に四人でルイージを予約して",
        verb="BOOK",
        day={"quote": "明日", "english": "tomorrow"},
        hours={"quote": "夜八時", "english": "at 8 in the evening"},
        party={"quote": "四人", "english": "for four people"},
        place="ルイージ",
    )
    _, arguments = request(outcome)
    assert (arguments["wish"]["place"], arguments["wish"]["party"]) == ("ルイージ", 4)


def test_an_amount_in_another_language_stands_beside_what_it_was_taken_for() -> None:
    """Whoever says yes sees the quote."""
    outcome = heard(
        "zwei Beutel Katzenfutter bestellen",
        verb="REORDER",
        goods=[{"quote": "Katzenfutter", "amount": {"quote": "zwei Beutel", "english": "20 bags"}}],
    )
    assert isinstance(outcome, Heard)
    assert [one for one in outcome.taken if '"zwei Beutel" was taken for 20' in one]


def test_a_fault_repeats_no_word_of_the_models() -> None:
    """What stood for something private comes back in its answer, and must not leave with the second question."""
    with pytest.raises(Malformed) as fault:
        ErrandsHearing().hear_written(["book"], BERLIN, json.dumps({**NOTHING, "verb": "BOOK", "ana@example.org": 1}))
    assert "ana@example.org" not in str(fault.value)
