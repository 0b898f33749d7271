"""Whether the file that an agent left reads as it should: each check says what is wrong, or nothing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from pydantic import ValidationError

from haloop.ports.agents import Check, ImplementationResult

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_TEXTS = (".md", ".json")


def faults_of(name: str, content: bytes, checks: tuple[Check, ...]) -> Iterator[str]:
    """All that is wrong with a file, in words for whoever reads why it was not taken."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        if name.endswith(_TEXTS) or checks:
            yield f"{name} is no text in UTF-8."
        return
    by_name = (Check.JSON,) if name.endswith(".json") else ()
    for check in dict.fromkeys((*by_name, *checks)):
        fault = _FAULTS[check](text)
        if fault:
            yield f"{name} {fault}"


def _blank(text: str) -> str:
    return "" if text.strip() else "says nothing."


def _without_heading(text: str) -> str:
    return "" if _HEADING.search(text) else "has no heading."


def _no_json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        return f"is no JSON: {error}."
    except RecursionError:
        return "is no JSON that can be read: it is nested too deeply."
    return ""


def _no_result(text: str) -> str:
    try:
        ImplementationResult.model_validate_json(text)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, wrong["loc"]))
        return f"does not say what was implemented: {where}: {wrong['msg']}." if where else "is no such result."
    return ""


_FAULTS: Mapping[Check, Callable[[str], str]] = {
    Check.NOT_EMPTY: _blank,
    Check.MARKDOWN_HEADING: _without_heading,
    Check.JSON: _no_json,
    Check.IMPLEMENTATION_RESULT: _no_result,
}
