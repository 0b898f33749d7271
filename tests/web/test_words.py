"""The catalogues of words: every language has every message, with the same places in it."""

import json
import re
from pathlib import Path

import pytest

WORDS = Path(__file__).parents[2] / "src" / "haloop" / "words"
SOURCE = Path(__file__).parents[2] / "web" / "src"
LETTERS = WORDS.parent / "letters"
LANGUAGES = ["de"]


def messages(language: str) -> dict[str, str]:
    """One catalogue."""
    found: dict[str, str] = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_there_in_every_language(language: str) -> None:
    """Nobody meets half a sentence in a tongue they did not choose."""
    assert messages(language).keys() == messages("en").keys()
    assert [key for key, said in messages(language).items() if not said.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_says_the_same_values(language: str) -> None:
    """An amount, a name or a time that one reader sees, every reader sees."""
    english = messages("en")

    def places(said: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", said))

    translated = messages(language)
    assert [key for key in english if places(english[key]) != places(translated[key])] == []


def test_what_is_said_comes_from_the_catalogue() -> None:
    """Every message that the app names, or an answer to a letter, exists, and none waits there for nobody."""
    files = [*(path for path in SOURCE.rglob("*.ts*") if "schema.d" not in path.name), *LETTERS.glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r'"([a-z_]+(?:\.[a-zA-Z_0-9]+)*)"', code))
    built = tuple(re.findall(r"`([a-z_]+(?:\.[a-z_]+)*\.)\$\{", code))
    known = {re.sub(r"\.(one|other)$", "", key) for key in messages("en")}
    assert {key for key in known if key not in named and not key.startswith(built)} == set()
