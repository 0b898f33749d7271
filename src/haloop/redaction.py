"""Takes out of a text what must not stand in a log: secrets, and what tells who somebody is or how to pay as them.

It works on text that is finished, after every message was put together and every traceback written, so that there is
no way around it. What has a form is found by its form: tokens, keys, cookies, e-mail addresses, telephone, card and
account numbers. What has none, such as a password or a name, is found only where it is labelled or known.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

_KNOWN_LENGTH_MIN = 6
"""A shorter secret would be found in half of all words."""

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
_SHORT = 80
_PHONE_DIGITS_MIN = 7
_IBAN_LENGTH_MIN = 15
_CARD_LENGTH_MIN = 13


class Redaction:
    """What is taken out: everything of a known form, and the secrets it was told of."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known: tuple[str, ...] = ()
        for secret in known:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """From now on this very text is taken out too, also as it stands in a URL or between quotes."""
        if len(secret) >= _KNOWN_LENGTH_MIN:
            spelled = {*self._known, secret, quote(secret, safe=""), repr(secret)[1:-1]}
            self._known = tuple(sorted(spelled, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text without them; what was there is named in brackets."""
        for secret in self._known:
            text = text.replace(secret, "[hidden]")
        return _without_forms_again(text) if len(text) <= _SHORT else _without_forms(text)


def _without_forms(text: str) -> str:
    return _FORMS.sub(_named, text)


@lru_cache(maxsize=1_000)
def _without_forms_again(text: str) -> str:
    """The same for words and ids, which come again and again: reading each anew would be most of a line's cost."""
    return _without_forms(text)


def _named(found: re.Match[str]) -> str:
    form, text = found.lastgroup or "", found[0]
    match form:
        case "header" | "label":
            return text[: found.end(f"{form}_is") - found.start()] + "[hidden]"
        case "agent_token" | "bearer" | "input" | "random":
            return "[hidden]"
        case "email":
            return "[e-mail address]"
        case "iban":
            return _without_iban(text)
        case "card":
            return _without_card(text)
        case "phone" if sum(map(str.isdecimal, text)) >= _PHONE_DIGITS_MIN:
            return "[phone number]"
    return text


def _without_iban(text: str) -> str:
    """An account number may be followed by words that look like a part of it: the longest that holds is taken out."""
    for end in range(len(text), _IBAN_LENGTH_MIN - 1, -1):
        letters = re.sub(r"[ -]", "", text[:end]).upper()
        if len(letters) >= _IBAN_LENGTH_MIN and _holds_iban(letters):
            return f"[account number]{text[end:]}"
    return text


def _without_card(text: str) -> str:
    """The same for a card's number."""
    for end in range(len(text), _CARD_LENGTH_MIN - 1, -1):
        digits = [int(one) for one in text[:end] if one.isdecimal()]
        if text[end - 1].isdecimal() and len(digits) >= _CARD_LENGTH_MIN and _holds_luhn(digits):
            return f"[card number]{text[end:]}"
    return text


def _holds_iban(letters: str) -> bool:
    return int("".join(str(int(one, 36)) for one in letters[4:] + letters[:4])) % 97 == 1


def _holds_luhn(digits: list[int]) -> bool:
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
