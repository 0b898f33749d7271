"""What must not stand in a log is taken out of any text, and what people need to find their way stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.redaction import Redaction

AGENT = f"hal_{'0f' * 16}_{'1e' * 8}_{'2d' * 32}"
KEY = "q7pE-ZxT1_aV9bN3mK5sR8wYc2LdJf0h"


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (AGENT, f"the token {AGENT} was shown"),
        (AGENT[4:], f"Authorization: Bearer {AGENT}"),
        (KEY, f"GET /?key={KEY} HTTP/1.1"),
        ("short7", "http://localhost:4000/?key=short7"),
        (KEY, f"{{'haloop_session': '{KEY}'}}"),
        ("aaaa", "haloop_session=aaaa; other=1"),
        ("aaaa; b=cc", "Cookie: a=aaaa; b=cc"),
        ("dXNlcjpwYXNz", "[(b'authorization', b'Basic dXNlcjpwYXNz')]"),
        ("ab-cd", "Only Bearer ab-cd was sent"),
        ("hunter2", "password='hunter2'"),
        ("hun ter2", '{"password": "hun ter2", "n": 1}'),
        ("abc123", "token=abc123&x=1"),
        (KEY, f"nobody knows {KEY}."),
        ("ana@example.com", "mail to ana@example.com, please"),
        ("ana.b+c@mail.example.co.uk", "<ana.b+c@mail.example.co.uk>"),
        ("ana%40example.com", "/api/people/ana%40example.com"),
        ("4242 4242 4242 4242", "paid with 4242 4242 4242 4242 today"),
        ("4242424242424242", "card4242424242424242"),
        ("378282246310005", "Amex 378282246310005"),
        ("5555-5555-5555-4444", "5555-5555-5555-4444 12"),
        ("DE89 3704 0044 0532 0130 00", "to DE89 3704 0044 0532 0130 00 was sent"),
        ("GB82WEST12345698765432", "GB82WEST12345698765432"),
        ("nl91abna0417164300", "iban nl91abna0417164300"),
        ("+49 170 1234567", "call +49 170 1234567"),
        ("0049 (170) 123-4567", "call 0049 (170) 123-4567"),
        ("030 1234567", "call 030 1234567"),
        ("01701234567", "call 01701234567"),
        ("(555) 123-4567", "call (555) 123-4567"),
        ("555-123-4567", "call 555-123-4567 now"),
        ("Main Street 12", "1 error\n  input_value={'at': 'Main Street 12'}, input_type=dict"),
    ],
)
def test_what_is_secret_or_personal_is_taken_out(secret: str, text: str) -> None:
    """Each form, alone or within other words, as logs have it."""
    assert secret not in Redaction()(text)
    assert Redaction()(text) != ""


@pytest.mark.parametrize(
    "text",
    [
        f"run_{'fedcba9876543210' * 2} waits at gate_{'0123456789abcdef' * 2}_1",
        "On 2018/04/23, on 23.04.2018 and at 2026-11-21T20:25:00.123Z nothing happened.",
        "http://127.0.0.1:40001/api/runs took 1700000000123456 us, 5 of 1234567 events",
        'File "/usr/lib/python3.11/asyncio/base_events.py", line 1922, in _run_once',
        "test_a_page_elsewhere_cannot_use_a_browsers_session",
        "Only bearer tokens are understood here.",
        "request.malformed 422 answer.not_allowed",
        "a" * 64,
        "Release 3.54.1.0 of apsw, 1,048,576 bytes.",
    ],
)
def test_what_is_needed_to_find_the_way_stays(text: str) -> None:
    """Ids, times, addresses of this machine, files, lines, codes and numbers."""
    assert Redaction()(text) == text


def test_what_it_was_told_of_is_taken_out_however_it_is_spelled() -> None:
    """A secret without any form: as it is, in a URL, and between quotes."""
    redaction = Redaction(["it's open\nsesame"])
    redaction.hide("blue elephant")
    for text in ("it's open\nsesame", "?x=it%27s%20open%0Asesame", repr("it's open\nsesame"), "blue elephant"):
        assert "sesame" not in redaction(f"said {text}.")
        assert "elephant" not in redaction(f"said {text}.")


def test_a_short_secret_does_not_blacken_every_line() -> None:
    """A known secret of two letters would be found in half of all words."""
    assert Redaction(["", "an"])("Ana wants an answer.") == "Ana wants an answer."


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """Nothing that can be written breaks it, and no address survives it, whatever stands around."""
    assert "ana@example.com" not in Redaction()(f"{text} ana@example.com {text}")


@pytest.mark.parametrize(
    "piece", ["a", "aB", "1", "a@", "key=", "4 ", "AB12", "+1 ", "'", "0-", "password:", "\n", "bearer "]
)
def test_a_long_text_takes_no_longer_than_its_length_allows(piece: str) -> None:
    """A hundred thousand characters that look like the beginning of something are read within a second or two."""
    text = piece * (100_000 // len(piece))
    begun = time.monotonic()
    Redaction()(text)
    assert time.monotonic() - begun < 3
