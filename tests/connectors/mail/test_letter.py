"""A message read as a letter: who wrote it, as its server vouches for them, and what they wrote themselves."""

import time
from email.message import EmailMessage

import pytest

from haloop.connectors.mail.letter import read_letter
from haloop.ports.letterbox import Letter, Unread

MAILBOX, MX = "haloop@house.example", "mx.house.example"
PASS = "dmarc=pass header.from=example.org"
VERDICT = f"{MX}; dkim=pass header.d=example.org; dmarc=pass (p=REJECT) header.from=example.org"
HEAD = {
    "Authentication-Results": VERDICT,
    "From": "Ana <ana@example.org>",
    "To": "haloop+k3y@house.example",
    "Subject": "Dinner",
    "Message-ID": "<one@example.org>",
}


def raw(body: bytes = b"Book a table", *more: tuple[str, str], **instead: str | None) -> bytes:
    """A message as it lies in a mailbox, with these headers instead of the usual ones, and more on top."""
    named = {name.replace("_", "-"): value for name, value in instead.items()}
    head = [*more, *({**HEAD, **named}).items()]
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in head if value is not None) + b"\r\n" + body


def read(message: bytes) -> Letter | Unread:
    return read_letter(message, mailbox=MAILBOX, checked_by=MX)


def words(message: bytes) -> str:
    letter = read(message)
    assert isinstance(letter, Letter), letter
    return letter.words


def test_a_letter_says_who_wrote_it_and_what() -> None:
    """The sender that the server vouches for, the key it went to, the words, and the names it stands between."""
    letter = read(raw(References="<a@x> <b@x>", In_Reply_To="<b@x>", Content_Language="de-DE, en"))

    assert letter == Letter(
        id="<one@example.org>",
        sender="ana@example.org",
        key="k3y",
        subject="Dinner",
        words="Book a table",
        language="de-de",
        thread=("<a@x>", "<b@x>"),
    )


@pytest.mark.parametrize(
    "verdict",
    [
        None,
        "mx.elsewhere.example; dmarc=pass header.from=example.org",
        f"{MX}; dmarc=fail header.from=example.org",
        f"{MX}; dmarc=none header.from=example.org",
        f"{MX}; dmarc=pass header.from=evil.example",
        f"{MX}; dmarc=pass",
        f"{MX}; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=evil.example",
        f"{MX}; dkim=pass header.d=example.org",
        f'{MX}; spf=pass smtp.mailfrom="x;{PASS}"@evil.example; dmarc=fail header.from=example.org',
        f'{MX}; spf=pass (of "a); {PASS}") smtp.mailfrom=x; dmarc=fail header.from=example.org',
        f'{MX}; spf=pass smtp.mailfrom="; {PASS} ;"@evil.example',
        f"{MX} (dmarc=pass header.from=example.org)",
        f"{MX}; (dmarc=pass header.from=example.org",
        f"{MX}.evil.example; dmarc=pass header.from=example.org",
        f"x; {MX}; dmarc=pass header.from=example.org",
        f"{MX}; dmarc=pass header.from=example.org" + " " * 9_000,
    ],
)
def test_a_sender_that_nobody_vouches_for_is_nobody(verdict: str | None) -> None:
    """No verdict, another server's, a failed or unaligned one, and one that a sender wrote into another's words."""
    assert read(raw(Authentication_Results=verdict)) is Unread.UNCHECKED


def test_only_what_the_receiving_server_wrote_on_top_counts() -> None:
    """A verdict that came with the message stands below the server's own, and says nothing there."""
    own = ("Authentication-Results", f"{MX}; dmarc=fail header.from=example.org")

    assert read(raw(b"x", own)) is Unread.UNCHECKED
    assert isinstance(
        read(raw(b"x", Authentication_Results=f"{MX}; dmarc = pass\r\n header.from = example.org")), Letter
    )


@pytest.mark.parametrize(
    "sender",
    [
        "ana@example.org, eve@evil.example",
        "<ana@example.org> <eve@evil.example>",
        "eve@evil.example <ana@example.org>, x",
        "Ana <ana@example.org",
        "group: ana@example.org;",
        "ana@example.org (comment)",
        "",
        None,
        "a" * 2_000 + " <ana@example.org>",
    ],
)
def test_a_from_that_could_be_read_in_two_ways_is_nobodys(sender: str | None) -> None:
    """One header with one address, or nobody has written."""
    assert read(raw(From=sender)) is Unread.UNCHECKED


def test_two_from_headers_are_nobodys() -> None:
    """What one program shows and another checks might be two people."""
    assert read(raw(b"x", ("From", "eve@evil.example"))) is Unread.UNCHECKED
    assert read(raw(b"x", ("Subject", "x\rFrom: eve@evil.example"))) is Unread.UNCHECKED


@pytest.mark.parametrize(
    "sender",
    ['"Ana, of Example" <ana@example.org>', "=?utf-8?q?Ana=40evil=2Eexample?= <Ana@Example.org>", "ana@example.org"],
)
def test_a_name_of_any_spelling_is_only_a_name(sender: str) -> None:
    """Quoted, encoded or none: what counts is the address."""
    letter = read(raw(From=sender))

    assert isinstance(letter, Letter)
    assert letter.sender == "ana@example.org"


@pytest.mark.parametrize(
    "to",
    [
        "haloop@house.example",
        "eve+k3y@house.example",
        "haloop+k3y@evil.example",
        "haloop+a@house.example, haloop+b@house.example",
    ],
)
def test_mail_to_no_ones_address_is_unknown(to: str) -> None:
    """Without a key, with another's mailbox, or with two keys, nobody has written."""
    assert read(raw(To=to)) is Unread.UNKNOWN


@pytest.mark.parametrize(
    "header",
    [
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("Auto-Submitted", "auto-generated; x=y"),
        ("Precedence", "bulk"),
        ("List-Id", "<list.example.org>"),
        ("List-Unsubscribe", "<mailto:x@example.org>"),
        ("Return-Path", "<>"),
        ("X-Autoreply", "yes"),
        ("Content-Type", "multipart/report; boundary=b"),
    ],
)
def test_what_a_machine_sent_is_no_letter(header: tuple[str, str]) -> None:
    """Holiday notes, bounces and lists, whoever they are from: to answer them is to begin a loop."""
    assert read(raw(b"x", header)) is Unread.AUTOMATIC


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ("For 2\r\n\r\nOn Mon, 1 Mar 2027, Haloop <haloop@house.example>\r\nwrote:\r\n> For how many?", "For 2"),
        ("Für 2\r\n\r\nAm 1.3.27 um 9 schrieb Haloop:\r\n> Wie viele?", "Für 2"),
        ("For 2\r\n-----Original Message-----\r\nFrom: x", "For 2"),
        ("For 2\r\n\r\nVon: Haloop\r\nGesendet: Montag\r\nAn: Ana\r\n\r\nWie viele?", "For 2"),
        ("> For how many?\r\nFor 2\r\n-- \r\nAna\r\nExample Ltd", "For 2"),
        ("For 2\r\n\r\nSent from my iPhone", "For 2"),
        ("For 2\r\n\r\nVon meinem iPhone gesendet", "For 2"),
    ],
)
def test_what_somebody_quotes_or_signs_with_is_not_what_they_wrote(body: str, own: str) -> None:
    """Only their own words are heard: an old yes below them asks for nothing."""
    assert words(raw(body.encode(), Content_Type="text/plain; charset=utf-8")) == own


def test_html_alone_is_read_as_its_text() -> None:
    """Without styles, scripts, and the message it answers; a broken one gives what can be read."""
    html = b"""<html><head><style>p{}</style><title>no</title></head><body>
    <p>Book a <b>table</b> &amp; wine<br>for 2</p>
    <div class="gmail_quote">On Monday: <p>old</p></div><blockquote>older</blockquote><script>no()</script></body>"""

    assert words(raw(html, Content_Type="text/html; charset=utf-8")) == "Book a table & wine for 2"
    assert words(raw(b"Book it<![broken[ x]]>", Content_Type="text/html")) == "Book it"


def test_parts_within_parts_are_read_and_attachments_are_not() -> None:
    """The first text that a reader is shown; a file, and a message that was forwarded as one, ask for nothing."""
    message = EmailMessage()
    for name, value in HEAD.items():
        message[name] = value
    message.set_content("Book a table")
    message.add_alternative("<p>Something else</p>", subtype="html")
    message.add_attachment("Buy a yacht", filename="a.txt")
    forwarded = EmailMessage()
    forwarded.set_content("Buy two yachts")
    message.add_attachment(forwarded)
    only_attached = EmailMessage()
    for name, value in HEAD.items():
        only_attached[name] = value
    only_attached.add_attachment(forwarded)

    assert words(message.as_bytes()) == "Book a table"
    assert words(only_attached.as_bytes()) == "Dinner"


@pytest.mark.parametrize(
    ("charset", "said"),
    [("iso-8859-1", "Für 2"), ("no-such-charset", "F\ufffdr 2"), ("rot13", "F\ufffdr 2"), ("utf-8", "F\ufffdr 2")],
)
def test_a_charset_that_is_wrong_or_unknown_costs_letters_not_the_process(charset: str, said: str) -> None:
    """What cannot be read is marked, and the rest is heard."""
    assert words(raw(b"F\xfcr 2", Content_Type=f"text/plain; charset={charset}")) == said


def test_half_characters_never_come_in() -> None:
    """A charset may spell them; nothing behind the door could write them down."""
    letter = read(raw(b"+2AA- table", Content_Type="text/plain; charset=utf-7"))

    assert isinstance(letter, Letter)
    letter.words.encode()


@pytest.mark.parametrize(
    ("subject", "read_as"),
    [
        ("=?utf-8?b?VGlzY2ggZsO8ciB6d2Vp?=", "Tisch für zwei"),
        ("=?no-such?b?VGlz?= x", "=?no-such?b?VGlz?= x"),
        ("=?utf-8?b?A?=", "=?utf-8?b?A?="),
    ],
)
def test_an_empty_message_asks_with_its_subject(subject: str, read_as: str) -> None:
    """Encoded words are read, broken ones stand as they are."""
    assert words(raw(b"", Subject=f"Re: AW: {subject}")) == read_as


def test_messages_without_measure_end() -> None:
    """Nests without end, headers without end and parts without end are read as far as anybody would, in no time."""
    nest = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(4_000))
    parts = b"".join(b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" for _ in range(5_000))

    assert words(raw(parts, Content_Type="multipart/mixed; boundary=b")) == "Dinner"
    assert read(raw(b"--x\r\n" + nest, Content_Type="multipart/mixed; boundary=x")) is Unread.UNCHECKED
    assert read(raw(To="a" * 200_000)) is Unread.UNKNOWN
    assert read(raw(From="(" * 200_000)) is Unread.UNCHECKED


def test_a_subject_in_no_encoding_is_taken_as_it_stands() -> None:
    """Whatever the library says to it: one letter keeps no other back."""
    head = raw(Subject=None).replace(b"\r\n\r\n", b"\r\nSubject: =?\xc3\xbctf-8?q?x?=\r\n\r\n", 1)
    letter = read(head)
    assert isinstance(letter, Letter)
    assert letter.words == "Book a table"


@pytest.mark.parametrize("piece", ["<a ", "<", "</", "<!--", "<x y='", "&"])
def test_markup_without_end_costs_no_time(piece: str) -> None:
    """What is begun and never ended is read once, not again from each place."""
    html = piece * (200_000 // len(piece))
    begun = time.process_time()
    read(raw(f"Book a table<br>{html}".encode(), ("Content-Type", "text/html")))
    assert time.process_time() - begun < 3
