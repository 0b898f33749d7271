"""Takes out of a text what must not stand in a log: secrets, and what tells who somebody is or how to pay as them.

It works on text that is finished, after every message was put together and every traceback written, so that there is
no way around it. What has a form is found by its form; what has none, such as a password or a name, only where it is
labelled or known.
"""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from haloop.kernel.private import replaced

_KNOWN_LENGTH_MIN = 6
"""A shorter secret would be found in half of all words."""
_SHORT = 80


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
    return replaced(text, lambda private, _: f"[{private}]")


@lru_cache(maxsize=1_000)
def _without_forms_again(text: str) -> str:
    """The same for words and ids, which come again and again: reading each anew would be most of a line's cost."""
    return _without_forms(text)
