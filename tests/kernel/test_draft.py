"""A draft is bytes: whatever would run stands in them, by name, and they read back as what they were made of."""

from collections.abc import Mapping

import pytest

from haloop.kernel import canonical
from haloop.kernel.card import card_of
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import Effect, Money
from haloop.kernel.draft import Draft, NamedEffect, decode_draft, effects_of, encode_draft, fill, plain_payload
from haloop.kernel.errors import BadDraft, BadValue
from tests.engines.procedures import booking, checkout, mission

TABLE = booking.Table(place="Luigi", at="19:00")
QUOTE = checkout.Quote(merchant="Adler", wanted="tea", total=Money(minor=1500, currency="EUR"))
STREET = Connectors(
    [
        booking.restaurant(booking.Restaurant()),
        *checkout.high_street(checkout.Merchants(), checkout.Bank()),
        *mission.workshop(mission.ScriptedAgent(), mission.Repository()),
    ]
)


def named(draft: Draft) -> Mapping[str, NamedEffect]:
    return STREET.name_effects(effects_of(draft))


def encoded(draft: Draft) -> bytes:
    return encode_draft(plain_payload(draft, effects_of(draft)), named(draft))


def test_the_bytes_hold_everything_about_an_effect() -> None:
    """What would be done, by whom, for whom, as whom, in which mode, at what most, and how it is undone."""
    stored = canonical.decode(encoded(booking.TableDraft.offer([TABLE])))
    assert stored == {
        "effects": {
            "reserve": {
                "argument": {"at": "19:00", "place": "Luigi"},
                "connector": "town",
                "cost_max": {"currency": "EUR", "minor": 2000},
                "leaves": True,
                "live": False,
                "operation": "Booking.reserve",
                "payee": "Luigi",
                "preconditions": {},
                "provider_account": "",
                "purpose": named(booking.TableDraft.offer([TABLE]))["reserve"].purpose,
                "undo": "Booking.cancel",
                "version": "1",
            }
        },
        "payload": {"options": [{"at": "19:00", "place": "Luigi"}], "reserve": {"effect": "reserve"}},
    }


@pytest.mark.parametrize(
    "draft",
    [
        booking.TableDraft.offer([TABLE]),
        checkout.CartDraft(lines=(checkout.Line.of(QUOTE), checkout.Line.of(QUOTE))),
        mission.StageReview.of("plan", mission.Artifact(text="a"), mission.Artifact(text="b")),
        mission.StageReview.of("publish", mission.Artifact(text="a"), mission.Artifact(text="b")),
    ],
    ids=lambda draft: type(draft).__name__,
)
def test_a_draft_reads_back_as_the_same_bytes(draft: Draft) -> None:
    """A draft that is read from its bytes would show and run exactly the same."""
    again, known = decode_draft(type(draft), encoded(draft), STREET.operations)

    assert encoded(again) == encoded(draft)
    assert known == named(draft)


def test_an_effect_is_named_by_where_it_stands() -> None:
    """Cards and orders of several lines are told apart by their lines."""
    draft = checkout.CartDraft(lines=(checkout.Line.of(QUOTE), checkout.Line.of(QUOTE)))
    assert list(effects_of(draft)) == ["lines.0.card", "lines.0.order", "lines.1.card", "lines.1.order"]


def test_a_place_for_later_names_its_source() -> None:
    """An order says in the approved bytes which card it will be paid with, and is later given that very card."""
    order = named(checkout.CartDraft(lines=(checkout.Line.of(QUOTE),)))["lines.0.order"]

    filled = fill(order.argument, {"lines.0.card": {"handle": "card-1"}})

    assert isinstance(order.argument, dict)
    assert order.argument["pay_with"] == {"$later": "lines.0.card"}
    assert isinstance(filled, dict)
    assert filled["pay_with"] == {"$filled": {"handle": "card-1"}}
    assert filled | {"pay_with": None} == order.argument | {"pay_with": None}


def test_an_effect_that_is_not_there_has_no_line() -> None:
    """A stage in the middle of a mission shows no effect, and none could run."""
    draft = mission.StageReview.of("plan", mission.Artifact(text="a"), mission.Artifact(text="b"))
    card = card_of(draft, named(draft))
    assert isinstance(card, dict)
    assert card["effects"] == []


def test_an_effect_of_no_installed_port_is_not_read_back() -> None:
    """A draft whose operation nobody offers any more is refused by name."""
    with pytest.raises(BadDraft) as refused:
        decode_draft(booking.TableDraft, encoded(booking.TableDraft.offer([TABLE])), {})
    assert refused.value.code == "effect.operation"


@pytest.mark.parametrize("body", [b"{}", b'{"effects":[],"payload":{}}', b"[]"])
def test_bytes_that_are_no_draft_are_refused(body: bytes) -> None:
    """Whatever else stands there is not read as a draft."""
    with pytest.raises(BadDraft):
        decode_draft(booking.TableDraft, body, STREET.operations)


def test_a_draft_whose_effect_is_missing_is_refused() -> None:
    """A reference to an effect that the bytes do not hold leads nowhere."""
    body = canonical.encode({"effects": {}, "payload": {"options": [], "reserve": {"effect": "reserve"}}})
    with pytest.raises(BadValue):
        decode_draft(booking.TableDraft, body, STREET.operations)


def test_the_same_wish_has_the_same_purpose() -> None:
    """A second try for the same thing is recognised, whatever else its draft shows."""
    once = booking.TableDraft.offer([TABLE])
    again = booking.TableDraft.offer([TABLE, booking.Table(place="Luigi", at="21:30")])
    other = booking.TableDraft.offer([booking.Table(place="Luigi", at="21:30")])
    assert named(once)["reserve"].purpose == named(again)["reserve"].purpose
    assert named(once)["reserve"].purpose != named(other)["reserve"].purpose


def test_the_most_an_effect_costs_is_never_less_than_nothing() -> None:
    """A cost below nothing would make room in a budget for another."""
    with pytest.raises(BadDraft) as refused:
        Effect.of(booking.Booking.reserve, TABLE, cost_max=Money(minor=-1, currency="EUR"))
    assert refused.value.code == "effect.cost_max"
