"""Cards: a draft as data that every surface shows alike, with nothing in it that would not run."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Protocol

import pytest
from pydantic import BaseModel

from haloop.cli.card import card_lines
from haloop.kernel import canonical
from haloop.kernel.card import FOR_PROGRAMS, ModelText, card_of, value_of
from haloop.kernel.draft import Draft, Effect, NamedEffect
from haloop.kernel.gate import Verdict
from haloop.kernel.money import Money
from haloop.kernel.operation import Call, effect
from haloop.kernel.values import plain


class Line(BaseModel, frozen=True):
    item: str
    count: int


class Basket(Draft):
    lines: tuple[Line, ...]
    advice: ModelText | None = None


PAY = NamedEffect(
    name="pay",
    operation="Shop.buy",
    connector="karl",
    version="1",
    live=True,
    leaves=True,
    provider_account="ana@karl",
    argument={"item": "tea"},
    cost_max=Money(minor=500, currency="EUR"),
    payee="Karl",
    purpose="tea",
    preconditions={"price": 500},
    undo="Shop.send_back",
)


def test_a_card_is_data_that_has_one_spelling() -> None:
    """The same draft is the same bytes on the web, in a mail and in a terminal."""
    card = card_of(Basket(lines=(Line(item="tea", count=2),)), {"pay": PAY})

    assert canonical.encode(card) == canonical.encode(canonical.decode(canonical.encode(card)))


class Letter(BaseModel, frozen=True):
    to: str
    words: ModelText
    more: tuple[ModelText, ...] = ()


class Post(Protocol):
    @effect
    async def send(self, letter: Letter, call: Call) -> str: ...


class Sending(Draft):
    send: Effect[str]


def test_words_of_a_model_inside_an_effect_are_marked() -> None:
    """What is sent stays as it is sent; which of it a model wrote stands beside it."""
    words = ModelText(text="Dear Karl", model="m")
    draft = Sending(send=Effect.of(Post.send, Letter(to="Karl", words=words, more=(words,))))

    card = card_of(draft, {"send": replace(PAY, name="send", argument=plain(Letter, draft.send.argument))})

    assert isinstance(card, dict)
    assert card["effects"][0]["by_model"] == ["more.0", "words"]


class Parcel(BaseModel, frozen=True):
    to: str
    weight: int
    label: Annotated[str, FOR_PROGRAMS]


class Courier(Protocol):
    @effect
    async def fetch(self, parcel: Parcel, call: Call) -> str: ...


class Fetching(Draft):
    to: str
    weight: int
    fetch: Effect[str]


def test_a_field_takes_no_second_line_only_where_a_row_shows_the_very_same() -> None:
    """What differs from its row stays on the card, and so does whatever is not marked as for programs."""
    parcel = Parcel(to="Ana", weight=3, label="JVBERi0")
    draft = Fetching(to="Ana", weight=2, fetch=Effect.of(Courier.fetch, parcel))

    card = card_of(draft, {"fetch": replace(PAY, name="fetch", argument=plain(Parcel, parcel))})

    assert isinstance(card, dict)
    assert card["effects"][0]["unlisted"] == ["label", "to"]
    assert card["effects"][0]["argument"] == {"label": "JVBERi0", "to": "Ana", "weight": 3}
    said = [line.strip() for line in card_lines(card)]
    assert [line for line in said if ": " in line] == ["to: Ana", "weight: 2", "weight: 3"]


def test_an_effects_line_is_read_from_the_effect_itself() -> None:
    """Who is paid, how much at most, what is sent and what would undo it are never a desk's words."""
    card = card_of(Basket(lines=()), {"pay": PAY})

    assert card == {
        "disclosures": [],
        "effects": [
            {
                "argument": {"item": "tea"},
                "cost_max": {"currency": "EUR", "minor": 500, "type": "money"},
                "live": True,
                "name": "pay",
                "operation": "Shop.buy",
                "payee": "Karl",
                "preconditions": {"price": 500},
                "provider_account": "ana@karl",
                "purpose": "tea",
                "undo": "Shop.send_back",
                "with": "karl",
            }
        ],
        "rows": [{"label": "basket.lines", "value": {"items": [], "type": "list"}}],
        "title": "basket",
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Money(minor=5, currency="EUR"), {"currency": "EUR", "minor": 5, "type": "money"}),
        (True, {"type": "yes_no", "yes": True}),
        (3, {"number": 3, "type": "number"}),
        ("tea", {"text": "tea", "type": "text"}),
        (Verdict.APPROVED, {"key": "approved", "type": "word"}),
        (datetime(2030, 1, 2, tzinfo=UTC), {"iso": "2030-01-02T00:00:00+00:00", "type": "datetime"}),
        ({"tea": 1}, {"items": [["tea", {"number": 1, "type": "number"}]], "type": "table"}),
        (ModelText(text="Buy!", model="m"), {"model": "m", "text": "Buy!", "type": "model_text"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_value_says_what_it_is(value: object, shown: object) -> None:
    """A surface spells it in the reader's language, and words of a model are marked as such."""
    assert value_of(value) == shown
