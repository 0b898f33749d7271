"""The words that letters are answered with, in the language of whoever wrote: the same catalogues as the app's."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_CATALOGUES = Path(__file__).parents[1] / "words"
_SMALL_GERMAN = """
ich du er sie wir ihr mir mich uns der die das den dem ein eine einen einer für und oder nicht bitte ja nein am um im
mit bei beim vom zum zur auf ist sind möchte will heute morgen abend uhr tisch kündige kündigen bestelle bestell
bestellen reserviere reservieren buche personen freitag samstag sonntag montag dienstag mittwoch donnerstag
"""
_SMALL_ENGLISH = """
i you he she we they me my us the a an of to for at in on with and or is are please yes no this that can could want need
get book reserve table cancel order reorder usual tonight tomorrow dinner lunch people
"""


class Words:
    """One language's catalogue."""

    def __init__(self, language: str) -> None:
        self._messages = _read(language)

    def __call__(self, key: str, **values: object) -> str:
        return self._messages[key].format_map(values)

    def label(self, key: str) -> str:
        """What a field or a title of a card is called; spelt out where the catalogue does not know it."""
        name = key.rpartition(".")[2]
        known = (self._messages.get(one) for one in (f"label.{key}", f"field.{name}", f"card.{key}"))
        return next((one for one in known if one), name.replace("_", " ").capitalize())


def language_of(said: str, words: str) -> str:
    """What somebody writes in, as they say, or else by the small words that no sentence goes without."""
    if said[:2] in ("de", "en"):
        return said[:2]
    found = [word.strip(".,;:!?\"'()") for word in words.casefold().split()]
    german, english = (sum(word in some.split() for word in found) for some in (_SMALL_GERMAN, _SMALL_ENGLISH))
    return "de" if german > english else "en"


@cache
def _read(language: str) -> Mapping[str, str]:
    messages: dict[str, str] = json.loads((_CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))
    return messages
