"""What a provider's no is told as: its own words name who pays, and sometimes a part of the key."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

from haloop.connectors.gateway.answering import Refused
from haloop.connectors.gateway.body import Read, read_if_plain
from haloop.connectors.gateway.counting import READ_AT_ONCE_MAX
from haloop.connectors.gateway.providers import Provider

_SENTENCES: Mapping[int, str] = {
    401: "{who} do not accept the key that Haloop holds ({status}); {setting} names it.",
    403: "{who} do not let the key that Haloop holds ask for that ({status}): this model may not be for it, or not from"
    " here; {setting} names it.",
    404: "{who} know nothing by that name ({status}), or not for the key that Haloop holds: is it a model of theirs?"
    " Of earlier answers they keep nothing, so an item of one is sent whole, and not by its id.",
    429: "{who} take no more calls for now ({status}): too much was asked at once, or what is paid for is used up.",
}
_WRONG_KEY = b"API_KEY_INVALID"
"""Gemini says so with a 400, which is otherwise a fault of the request's."""
_NEVER_DONE = frozenset({*range(400, 500), 503, 529})
"""Answers by which a provider says that it did nothing, whatever else they hold."""
_SERVER_ERRORS = 500
_DELAY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)s")


def refused(provider: Provider, status: int, body: bytes, headers: Mapping[str, str]) -> Refused | None:
    """In our own sentence, where the provider's is not for whoever asked."""
    known = 401 if status == HTTPStatus.BAD_REQUEST and _WRONG_KEY in body else status
    if known not in _SENTENCES:
        return None
    sentence = _SENTENCES[known].format(
        who=f"{provider}'s models", status=status, setting=f"gateway.{provider}_key_file"
    )
    return Refused(HTTPStatus(status), sentence, headers={**_wait(provider, body), **headers})


def is_free(status: int, body: bytes) -> bool:
    """Whether the provider says that it did nothing; none bills what it calls an error of its own."""
    if status in _NEVER_DONE:
        return True
    return status >= _SERVER_ERRORS and "error" in _said(body)


def _wait(provider: Provider, body: bytes) -> Mapping[str, str]:
    """When to try again, as a header says it: Gemini has none, and says it in its error's details."""
    match _said(body):
        case {"error": {"details": list(details)}} if provider is Provider.GEMINI:
            delays = (one.get("retryDelay") for one in details if isinstance(one, dict))
            found = next(filter(None, (_DELAY.fullmatch(delay) for delay in delays if isinstance(delay, str))), None)
            return {"retry-after": str(ceil(float(found[1])))} if found else {}
    return {}


def _said(body: bytes) -> Mapping[str, Read]:
    """An error, which Gemini puts into a list where it would have said more; nothing where there is none."""
    said = read_if_plain(body) if len(body) <= READ_AT_ONCE_MAX else None
    first = said[0] if isinstance(said, list) and said else said
    return first if isinstance(first, dict) else {}
