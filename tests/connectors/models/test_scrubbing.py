"""What leaves for a model: nothing that tells who somebody is, and everything comes back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.connectors.models.scrubbing import Scrubbed
from haloop.ports.models import HasSecret


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("book for 2 at Luca, call me at +49 30 1234567", "book for 2 at Luca, call me at <PHONE_1>"),
        ("mail ana@example.org and Ben@example.org", "mail <EMAIL_1> and <EMAIL_2>"),
        ("pay with 4111 1111 1111 1111 please", "pay with <CARD_1> please"),
        ("from DE89 3704 0044 0532 0130 00 please", "from <ACCOUNT_1> please"),
        ("send it to 12 Old Mill Road please", "send it to <ADDRESS_1> please"),
        ("Pizza in die Hauptstraße 5a", "Pizza in die <ADDRESS_1>"),
        ("a table for Ana and me, under Ana", "a table for <NAME_1> and me, under <NAME_1>"),
        ("Anabel and Ana's sister", "Anabel and <NAME_1>'s sister"),
        ("<EMAIL_1> is not ana@example.org", "<EMAIL_1> is not <EMAIL_2>"),
        ("book dinner 2027-03-04 at 19:00 for 12, or 3/5", "book dinner 2027-03-04 at 19:00 for 12, or 3/5"),
    ],
)
def test_a_placeholder_stands_for_what_is_private(words: str, left: str) -> None:
    """Days, hours and numbers of people stay; the answer gets back what was taken out."""
    scrubbed = Scrubbed.of(words, ["Ana", "Jo"])
    assert scrubbed.text == left
    assert json.loads(scrubbed.put_back(json.dumps({"quote": left})))["quote"].endswith(words.removeprefix("<EMAIL_1>"))


@pytest.mark.parametrize(
    "words",
    [
        "my password: hunter2hunter2",
        "log in with token=abcdefgh12345",
        "Authorization: Bearer abcdefghijkl",
        "use hal_0123456789abcdef",
        "key sk-Aa0123456789012345678901234567890123",
    ],
)
def test_a_secret_has_no_placeholder(words: str) -> None:
    """Words with one stay where they are."""
    with pytest.raises(HasSecret):
        Scrubbed.of(f"book a table, {words}")


@given(
    st.lists(
        st.sampled_from(["Ana", "Grünwald", "x@example.org", "+49 30 1234567", "a table", '"', "\\", "at 7"]),
        max_size=9,
    )
)
def test_whatever_is_said_comes_back_and_nothing_known_leaves(pieces: list[str]) -> None:
    """In any mixture; what the placeholders stand for may hold quotes and backslashes."""
    words = " ".join(pieces)
    scrubbed = Scrubbed.of(words, ["Ana", "Grünwald"])
    assert not any(known in scrubbed.text for known in ("Ana", "Grünwald", "example.org", "1234567"))
    assert json.loads(scrubbed.put_back(json.dumps({"quote": scrubbed.text}))) == {"quote": words}


@pytest.mark.parametrize("said", ["book for Ana tomorrow", "book for ana lopez", "LOPEZ wants a table"])
def test_a_part_of_a_name_is_a_name(said: str) -> None:
    """People are called by one of their names, and write it as they like."""
    left = Scrubbed.of(said, ["Ana Lopez"]).text.lower()
    assert "ana" not in left
    assert "lopez" not in left
