"""What in a text is a secret, or tells who somebody is or how to pay as them, found by its form.

Tokens, keys, cookies, e-mail addresses, telephone, card and account numbers have forms. A password or a name has
none, and is found only where it is labelled. Whoever finds something says what to put in its place: a log a word in
brackets, a prompt a placeholder that can be turned back.
"""

import re
from collections.abc import Callable
from enum import StrEnum

# Read at each place in this order. What begins with `keep_` stays, and no later form finds a part of it. Every form
# begins where a word begins or at a fixed word, so that a text of any length is read in time that grows with it.
_FORMS = re.compile(
    r"""
      (?P<keep_id>\b(?:run|acc|sys|per|gate|grant)_[0-9a-f]{32}(?![0-9a-f]))
    | (?P<keep_date>(?<!\d)\d{4}[-/.]\d{2}[-/.]\d{2}(?:[T\ ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?)?(?!\d)
        | (?<!\d)\d{1,2}[/.]\d{1,2}[/.]\d{4}(?!\d))
    | (?P<agent_token>(?:hal|inv)_\w{8,})
    | (?P<header>\b(?:(?:proxy-)?authorization|(?:set-)?cookie)(?P<header_is>['"]?\s*[:=,]\s*\(?b?['"]?)[^'"\n\\]+)
    | (?P<bearer>\bbearer\s+(?!tokens?\b)[^\s'",;]{4,} | \bbasic\s+[a-z0-9+/]{12,}={0,2})
    | (?P<label>(?:haloop_session|pass(?:word|wd|phrase)|token|secret|api[_-]?key|[?&]key)
        (?P<label_is>['"]?\s*[:=]\s*b?)(?:"[^"\n]*"|'[^'\n]*'|[^\s'"&,;)}\]]+))
    | (?P<input>\binput_value=[^\n]*?(?=,\ input_type=|\n|$))
    | (?P<email>(?<![^\s<>()\[\]{}"',;:=/\\|?&])[^\s@<>()\[\]{}"',;:=/\\|?&]+(?:@|%40)[\w-]+(?:\.[\w-]+)+)
    | (?P<iban>\b[A-Z]{2}\d{2}(?:[\ -]?[A-Z0-9]){11,30}(?![A-Z0-9]))
    | (?P<card>(?<!\d)[2-6](?:[\ -]?\d){12,18}(?!\d))
    | (?P<phone>(?<![\w.])(?:\+|00)[1-9](?:[\ ()./-]{0,2}\d){6,14}(?!\w)
        | (?<![\w.:/-])\(?0\d{1,4}\)?(?:[\ ./-]{1,2}\d{2,}){1,5}(?!\w)
        | (?<![\w.:/-])(?:1[\ .-])?\(?[2-9]\d{2}\)?[\ .-]{1,2}\d{3}[\ .-]\d{4}(?!\w)
        | (?<![\w.:/-])(?:0\d{8,11}|[2-9]\d{2}[2-9]\d{6})(?!\w))
    | (?P<random>(?-i:(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[A-Za-z0-9_-]{32,}(?![\w-])))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PHONE_DIGITS_MIN = 7
_IBAN_LENGTH_MIN = 15
_CARD_LENGTH_MIN = 13


class Private(StrEnum):
    """What was found."""

    HIDDEN = "hidden"
    """A secret: it is said nowhere, and not replaced by a name either."""
    EMAIL = "e-mail address"
    ACCOUNT = "account number"
    CARD = "card number"
    PHONE = "phone number"


def replaced(text: str, put: Callable[[Private, str], str]) -> str:
    """The text, with `put` of each thing that was found instead of it."""
    return _FORMS.sub(lambda found: _put(found, put), text)


def _put(found: re.Match[str], put: Callable[[Private, str], str]) -> str:
    form, text = found.lastgroup or "", found[0]
    match form:
        case "header" | "label":
            kept = found.end(f"{form}_is") - found.start()
            return text[:kept] + put(Private.HIDDEN, text[kept:])
        case "agent_token" | "bearer" | "input" | "random":
            return put(Private.HIDDEN, text)
        case "email":
            return put(Private.EMAIL, text)
        case "iban":
            return _beginning(text, _end_of_iban(text), put, Private.ACCOUNT)
        case "card":
            return _beginning(text, _end_of_card(text), put, Private.CARD)
        case "phone" if sum(map(str.isdecimal, text)) >= _PHONE_DIGITS_MIN:
            return put(Private.PHONE, text)
    return text


def _beginning(text: str, end: int, put: Callable[[Private, str], str], private: Private) -> str:
    return put(private, text[:end]) + text[end:] if end else text


def _end_of_iban(text: str) -> int:
    """An account number may be followed by words that look like a part of it: where the longest that holds ends."""
    for end in range(len(text), _IBAN_LENGTH_MIN - 1, -1):
        letters = re.sub(r"[ -]", "", text[:end]).upper()
        if text[end - 1].isalnum() and len(letters) >= _IBAN_LENGTH_MIN and _holds_iban(letters):
            return end
    return 0


def _end_of_card(text: str) -> int:
    """The same for a card's number."""
    for end in range(len(text), _CARD_LENGTH_MIN - 1, -1):
        digits = [int(one) for one in text[:end] if one.isdecimal()]
        if text[end - 1].isdecimal() and len(digits) >= _CARD_LENGTH_MIN and _holds_luhn(digits):
            return end
    return 0


def _holds_iban(letters: str) -> bool:
    return int("".join(str(int(one, 36)) for one in letters[4:] + letters[:4])) % 97 == 1


def _holds_luhn(digits: list[int]) -> bool:
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
