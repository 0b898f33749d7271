"""What is asked of a model, and what it answers, as bytes: read in one way only. What is asked is written anew, so that
nobody reads it in another.

How much of a structure may come is counted before it is read: a reader holds up everybody else in the process.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

import orjson

Read: TypeAlias = "str | int | float | bool | list[Read] | dict[str, Read] | None"

PARTS_MAX = 250_000
"""Brackets, braces and commas, also those in texts. So many are read and looked through in 0.2 to 0.5 s;
a session of 200,000 tokens has up to 45,000 of them, one of a million up to 220,000."""
_PAIR_OR_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_HALF = len(rb"\ud83d")
_BACKSLASH = ord("\\")


class NotAsked(Exception):
    """A request that goes nowhere, and why."""


def read_json(body: bytes) -> Read:
    """What stands there, in strict UTF-8 and JSON; NotAsked where it is none, or would take too long to read.

    Of a name that is said twice the last counts, and what is written anew has no other. Half a character, which is left
    where a program cuts a text in two, is read as one that nobody knows: it stays in all that is said after it.
    """
    if sum(body.count(one) for one in (b"[", b"{", b",")) > PARTS_MAX:
        raise NotAsked(f"It has more than {PARTS_MAX:,} brackets, braces and commas. Ask for less at once.")
    read: Read
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = _with_halves(body)
    return read


def _with_halves(body: bytes) -> Read:
    try:
        read: Read = orjson.loads(_PAIR_OR_HALF.sub(_whole, body, count=PARTS_MAX))
    except orjson.JSONDecodeError as error:
        raise NotAsked("The request is no JSON that can be read.") from error
    return read


def _whole(found: re.Match[bytes]) -> bytes:
    """A pair is a character; behind a backslash that itself is escaped nothing is."""
    before = found.start()
    while before and found.string[before - 1] == _BACKSLASH:
        before -= 1
    is_half = len(found[0]) == _HALF and (found.start() - before) % 2 == 0
    return b"\\ufffd" if is_half else found[0]


def read_if_plain(body: bytes) -> Read:
    """The same of what nobody waits to hear a no to: nothing, where it cannot be read."""
    try:
        return read_json(body)
    except NotAsked:
        return None


def written(said: Mapping[str, Read]) -> bytes:
    """The same as bytes: names in their order, for what a provider keeps of a text hangs on that."""
    try:
        return orjson.dumps(said)
    except orjson.JSONEncodeError as error:
        raise NotAsked("The request is nested too deeply.") from error
