"""What leaves for a model instead of what is private: placeholders, which are turned back in its answer.

E-mail addresses, telephone, card and account numbers are found by their form, streets and house numbers too, and
names because whoever asks knows them. A secret gets no placeholder: words that hold one do not leave at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from haloop.kernel import canonical
from haloop.kernel.private import Private, replaced
from haloop.ports.models import HasSecret

_NAME_LENGTH_MIN = 3
_STREET = re.compile(
    r"\b\d{1,5}[a-z]? (?:[A-Z][\w'.-]*\s){1,4}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct"
    r"|Square|Sq|Terrace|Place|Pl|Way)\b\.?"
    r"|\b[A-ZÄÖÜ][\wäöüß.-]*(?:straße|strasse|str\.|gasse|allee|platz|weg|ufer|ring|damm) \d{1,4} ?[a-z]?\b"
    r"|\b(?:rue|avenue|via|calle|plaza|piazza) (?:[\w'.-]+\s){1,5}\d{1,4}\b"
)


@dataclass(slots=True)
class Scrubbed:
    """A text that may leave, and what its placeholders stand for."""

    text: str = ""
    _hidden: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, words: str, names: Iterable[str] = ()) -> "Scrubbed":
        """Words without what is private in them; HasSecret where they must not leave at all."""
        scrubbed = cls()
        text = replaced(words, lambda private, found: scrubbed._hide(private, found, words))
        text = _STREET.sub(lambda found: scrubbed._named("ADDRESS", found[0], words), text)
        parts = {part for name in names for part in (name, *name.split()) if len(part) >= _NAME_LENGTH_MIN}
        known = sorted(parts, key=len, reverse=True)
        if known:
            names_in = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)", re.IGNORECASE)
            text = names_in.sub(lambda found: scrubbed._named("NAME", found[0], words), text)
        scrubbed.text = text
        return scrubbed

    def put_back(self, written: str) -> str:
        """An answer in JSON with what the placeholders stand for."""
        for placeholder, hidden in self._hidden.items():
            written = written.replace(placeholder, canonical.encode(hidden).decode()[1:-1])
        return written

    def _hide(self, private: Private, found: str, words: str) -> str:
        if private is Private.HIDDEN:
            raise HasSecret("Something in these words looks like a secret, so they were not sent to the model.")
        return self._named(private.name, found, words)

    def _named(self, what: str, found: str, words: str) -> str:
        """The same thing gets the same placeholder, and none that somebody wrote themselves."""
        again = next((placeholder for placeholder, hidden in self._hidden.items() if hidden == found), None)
        if again:
            return again
        number = len(self._hidden) + 1
        while f"<{what}_{number}>" in words:
            number += 1
        self._hidden[f"<{what}_{number}>"] = found
        return f"<{what}_{number}>"
