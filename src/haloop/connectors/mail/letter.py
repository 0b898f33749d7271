"""A message as it lies in the mailbox, read as a letter; or why it is none.

Nothing is believed that the sender alone says. What a machine sent is never answered: a holiday note that answers our
answer would go on for ever.
"""

import re
from contextlib import suppress
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from hashlib import sha256

from haloop.connectors.mail.sender import checked_sender, headers
from haloop.connectors.mail.text import own_words
from haloop.kernel.letter_address import key_in
from haloop.ports.letterbox import Letter, Unread

_NAME = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>")
_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
_THREAD_MAX = 20
_LINE_MAX = 4_000
"""So much of a header is looked through."""
_SUBJECT_MAX = 150
_ANSWERED = re.compile(r"(?:(?:re|aw|fwd?|wg|antw)\s*:\s*)+", re.IGNORECASE)
_TO = ("Delivered-To", "X-Original-To", "To", "Cc")
_LISTED = ("List-Id", "List-Post", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Response-From")
_IN_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


def read_letter(raw: bytes, *, mailbox: str, checked_by: str) -> Letter | Unread:
    """What somebody wrote to this mailbox, where its server vouches for them by this name."""
    try:
        message = message_from_bytes(raw)
    except RecursionError:  # parts within parts, more than any writer's program makes
        return Unread.UNCHECKED
    key = _key(message, mailbox)
    if not key:
        return Unread.UNKNOWN
    if _is_automatic(message):
        return Unread.AUTOMATIC
    sender = checked_sender(message, checked_by)
    if sender is None:
        return Unread.UNCHECKED
    subject = _subject(message)
    return Letter(
        id=next(iter(_names(message, "Message-ID")), sha256(raw).hexdigest()),
        sender=sender,
        key=key,
        subject=subject,
        words=own_words(message) or _ANSWERED.sub("", subject).strip(),
        language=" ".join(headers(message, "Content-Language"))[:35].partition(",")[0].strip().casefold(),
        thread=tuple(dict.fromkeys([*_names(message, "References"), *_names(message, "In-Reply-To")]))[-_THREAD_MAX:],
    )


def _key(message: Message, mailbox: str) -> str:
    """The key that it was sent to; none where it was sent to two, which nobody has."""
    addresses = [one for name in _TO for said in headers(message, name) for one in _ADDRESS.findall(said[:_LINE_MAX])]
    keys = {key for one in addresses if (key := key_in(mailbox, one))}
    return keys.pop() if len(keys) == 1 else ""


def _is_automatic(message: Message) -> bool:
    """Whether a machine sent it (RFC 3834, and what came before it)."""
    said = [one.partition(";")[0].strip().casefold() for one in headers(message, "Auto-Submitted")]
    return (
        any(one != "no" for one in said)
        or any(one.strip().casefold() in _IN_BULK for one in headers(message, "Precedence"))
        or any(name in message for name in _LISTED)
        or any(one.strip() == "<>" for one in headers(message, "Return-Path"))
        or message.get_content_type() in ("multipart/report", "message/delivery-status")
    )


def _names(message: Message, header: str) -> list[str]:
    return [name for said in headers(message, header) for name in _NAME.findall(said[-_LINE_MAX:])]


def _subject(message: Message) -> str:
    said = " ".join(headers(message, "Subject")[:1])
    with suppress(MessageError, LookupError, ValueError):  # its encoding is broken or unknown: as it stands
        said = str(make_header(decode_header(said))).encode("utf-8", "replace").decode()
    return " ".join("".join(one if one.isprintable() else " " for one in said).split())[:_SUBJECT_MAX]
