"""What somebody wrote in a message: the words of its first readable part, without what they quote or sign with.

Attachments and forwarded messages are left alone. Of HTML only the text is taken; nothing of it is ever shown. A
charset that nobody knows, a broken encoding and parts within parts without end cost words, never the process.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from html.parser import HTMLParser

_DEPTH_MAX = 8
_PARTS_MAX = 50
_QUOTE_BEGINS = re.compile(
    r"(?:on|am|le|il|op|den)\b.{0,300}\b(?:wrote|schrieb(?:en)?)\b.{0,200}:"  # On Monday Ana wrote:
    r"|[-_]{3,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht)\s*[-_]{3,}"
    r"|_{20,}",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\*?(?:from|von|gesendet|sent)\*?:\*? \S.*", re.IGNORECASE)
_HEADER_TOO = re.compile(r"\*?(?:sent|date|to|gesendet|datum|an|subject|betreff)\*?:\*? \S.*", re.IGNORECASE)
_SIGNATURES = frozenset({"--", "—"})
_SENT_FROM = re.compile(
    r"(?:sent from (?:my|outlook)|von meinem .{1,40} gesendet|gesendet (?:mit|von)\b).{0,80}", re.IGNORECASE
)
_BLOCKS = frozenset(["p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "table", "ul", "ol"])
_UNSEEN = frozenset(["style", "script", "title", "blockquote", "template"])
_EMPTY = frozenset(["br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr"])


def own_words(message: Message) -> str:
    """The words; empty where there are none."""
    parts: dict[str, Message] = {}
    for part in _readable(message):
        parts.setdefault(part.get_content_type(), part)
    if "text/plain" in parts and (said := _unquoted(_text(parts["text/plain"]))):
        return said
    return _unquoted(_seen(_text(parts["text/html"]))) if "text/html" in parts else ""


def _readable(message: Message) -> Iterator[Message]:
    """The parts that a reader is shown in the message itself."""
    waiting = [(message, 0)]
    for _ in range(_PARTS_MAX):
        if not waiting:
            return
        part, depth = waiting.pop(0)
        if part.get_content_maintype() == "multipart" and part.is_multipart() and depth < _DEPTH_MAX:
            inner = part.get_payload()
            waiting[:0] = [(one, depth + 1) for one in inner if isinstance(one, Message)] if inner else []
        elif part.get_content_disposition() != "attachment" and not part.is_multipart():
            yield part


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    try:
        said = raw.decode(str(part.get_content_charset("utf-8")), "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or that is none of text
        said = raw.decode("utf-8", "replace")
    return said.encode("utf-8", "replace").decode()  # some charsets spell half characters


def _unquoted(text: str) -> str:
    """Down to where somebody else's words begin, or a signature does."""
    lines = [line.strip().replace("\u200b", "") for line in text.splitlines()]
    own: list[str] = []
    for number, line in enumerate(lines):
        joined = f"{line} {lines[number + 1]}" if number + 1 < len(lines) else line
        is_header = _HEADER.fullmatch(line) and any(
            _HEADER_TOO.fullmatch(one) for one in lines[number + 1 : number + 4]
        )
        if _QUOTE_BEGINS.fullmatch(line) or _QUOTE_BEGINS.fullmatch(joined) or is_header or line in _SIGNATURES:
            break
        if not line.startswith(">") and not _SENT_FROM.fullmatch(line):
            own.append(line)
    return " ".join(" ".join(own).split())


def _seen(html: str) -> str:
    reader = _Reader()  # never closed: what it has begun and not understood by then it would read again from each place
    with suppress(AssertionError):  # what the library says to a section that nobody knows; all before it was read
        reader.feed(f"{html}\n")
    return "".join(reader.said)


class _Reader(HTMLParser):
    """Takes the text that a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._unseen: list[str] = []
        """The elements that are open and hold nothing of the writer's, from the outermost."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        quotes = "quote" in (named.get("class") or "") or "divRplyFwdMsg" in (named.get("id") or "")
        if tag not in _EMPTY and (tag in _UNSEEN or quotes or self._unseen):
            self._unseen.append(tag)
        if tag in _BLOCKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        if tag in _BLOCKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.said.append(" ".join(data.split("\n")))
