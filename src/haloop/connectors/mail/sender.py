"""Who sent a message, as far as the server that received it vouches for them.

Anybody can write any name into `From`. What counts is what the receiving server says of it (RFC 8601): its verdict by
DMARC, which takes a signature (DKIM) or a sending server (SPF) that belongs to the very domain of `From`. Such a server
writes its word above all that came with the message, so only the topmost is read, and only under the server's own
name; what a sender wrote further down says nothing. Whatever could be read in two ways counts as unchecked.
"""

import re
from email.message import Message

from haloop.kernel.mail_address import is_mail_address

_FOLDED = re.compile(r"\r?\n(?=[ \t])")
_ONE_ADDRESS = re.compile(r'\s*(?:(?:"(?:[^"\\]|\\.)*"|[^"<>@,;:\\]*)\s*<([^<>\s]+)>|([^<>\s]+))\s*')
_COMMENT = re.compile(r"\([^()]*\)")
_FROM_MAX, _VERDICT_MAX, _NESTED_MAX = 1_000, 8_000, 10
_VERDICT = re.compile(r"dmarc\s*(?:/\s*1\s*)?=", re.IGNORECASE)
_PASSED = re.compile(r"dmarc\s*(?:/\s*1\s*)?=\s*pass", re.IGNORECASE)


def checked_sender(message: Message, checked_by: str) -> str | None:
    """The one address that it is from, if the server of this name vouches for it."""
    sender = _from(message)
    verdicts = headers(message, "Authentication-Results")
    if sender is None or not verdicts:
        return None
    return sender if _passes(verdicts[0], checked_by, sender.rpartition("@")[2]) else None


def headers(message: Message, name: str) -> list[str]:
    """All headers of a name, from the top, each on one line and without half characters."""
    return [_FOLDED.sub("", str(one)).encode("utf-8", "replace").decode() for one in message.get_all(name, [])]


def _from(message: Message) -> str | None:
    """The one address of the one header; None where there are several, or it could be read in two ways."""
    said = headers(message, "From")
    found = _ONE_ADDRESS.fullmatch(said[0]) if len(said) == 1 and len(said[0]) <= _FROM_MAX else None
    address = (found[1] or found[2]) if found else ""
    return address.casefold() if is_mail_address(address) else None


def _passes(verdict: str, checked_by: str, domain: str) -> bool:
    """Whether one server says this of one domain.

    What it repeats of a sender could hold another verdict, so more than one, wherever it stands, is none; nor is one
    with anything in quotation marks, where a sender's own words could stand for the server's.
    """
    if len(verdict) > _VERDICT_MAX or '"' in verdict or len(_VERDICT.findall(verdict)) != 1:
        return False
    name, *results = _without_comments(verdict).split(";")
    if name.split()[:1] != [checked_by.casefold()]:
        return False
    for result in results:
        verdict_words, *properties = re.sub(r"\s*=\s*", "=", result).split() or [""]
        if _PASSED.fullmatch(verdict_words):
            return f"header.from={domain}" in properties
    return False


def _without_comments(text: str) -> str:
    for _ in range(_NESTED_MAX):
        text, count = _COMMENT.subn(" ", text)
        if not count:
            break
    return text.casefold()
