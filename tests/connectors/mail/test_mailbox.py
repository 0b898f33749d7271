"""Letters from a real mailbox: in order, from where the last look ended, over TLS; and and answered there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.connectors.mail.mailbox import ImapLetterbox, Mailbox
from haloop.connectors.mail.smtp import Security, SmtpMail
from haloop.kernel.clock import SystemClock
from haloop.kernel.errors import BadInput
from haloop.kernel.failure import StepFault
from haloop.ports.letterbox import Letter, NotRead, Received, Reply, Unread
from haloop.testing.clock import MovableClock
from tests.connectors.mail.dovecot import ADDRESS, PASSWORD, Dovecot, dovecot, letter
from tests.connectors.outside import Authority, serving
from tests.notices.post import Post, letter_text, post_office


@pytest.fixture
async def server() -> AsyncIterator[Dovecot]:
    with dovecot() as running:
        await running.started()
        yield running


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with post_office() as office:
        yield office


@asynccontextmanager
async def reading(mailbox: Mailbox, post: Post, clock: MovableClock | None = None) -> AsyncIterator[ImapLetterbox]:
    async with ImapLetterbox.opened(mailbox, SmtpMail(post.server), clock or _today()) as letterbox:
        yield letterbox


def _today() -> MovableClock:
    """A clock as the mailbox's own."""
    clock = MovableClock()
    clock.move(timedelta(microseconds=SystemClock().read().wall - clock.read().wall))
    return clock


def words_of(received: Received) -> str:
    return received.what.words if isinstance(received.what, Letter) else str(received.what)


@pytest.mark.parametrize("security", list(Security))
async def test_letters_come_in_order_and_each_once(server: Dovecot, post: Post, security: Security) -> None:
    """What came after a mark, over TLS, STARTTLS or this machine's own loopback; and then nothing more."""
    server.deliver(letter("one", key="k"))
    server.deliver(letter("two", key="k", name="<two@example.org>"))
    server.deliver(letter("eve", key="k", verdict="mx.house.example; dmarc=fail header.from=example.org"))
    async with reading(server.mailbox(security), post) as letterbox:
        first = await letterbox.newer(None)
        server.deliver(letter("three", key="k", name="<three@example.org>"))
        later = await letterbox.newer(first[-1].mark)
        none = await letterbox.newer(later[-1].mark)
        again = await letterbox.again(first[0].mark)

    assert [words_of(one) for one in [*first, *later]] == ["one", "two", "unchecked", "three"]
    assert none == []
    assert again == first[0]


async def test_a_mailbox_that_was_numbered_anew_is_read_anew(server: Dovecot, post: Post) -> None:
    """A mark of another series counts for nothing: what is fresh comes once more, under the same names."""
    server.deliver(letter("one", key="k"))
    async with reading(server.mailbox(), post) as letterbox:
        (before,) = await letterbox.newer(None)
        server.renumber()
        await server.started()
        with pytest.raises(NotRead):
            await letterbox.newer(before.mark)
        (after,) = await letterbox.newer(before.mark)
        gone = await letterbox.again(before.mark)

    assert after.mark.series != before.mark.series
    assert after.what == before.what
    assert gone is None


async def test_what_lay_too_long_is_old(server: Dovecot, post: Post) -> None:
    """Tomorrow meant another day when it was written."""
    server.deliver(letter(key="k"))
    clock = _today()
    clock.move(timedelta(days=2, minutes=5))
    async with reading(server.mailbox(), post, clock) as letterbox:
        received = await letterbox.newer(None)

    assert [one.what for one in received] == [Unread.OLD]


async def test_a_huge_message_costs_its_beginning_alone(server: Dovecot, post: Post) -> None:
    """Twenty megabytes of pictures below a line of words: the line is read."""
    message = letter("one line", key="k")
    message.add_attachment(b"\xff" * 20_000_000, maintype="image", subtype="jpeg", filename="a.jpg")
    server.deliver(message)
    async with reading(server.mailbox(), post) as letterbox:
        received = await letterbox.newer(None)

    assert [words_of(one) for one in received] == ["one line"]


async def test_an_answer_stands_in_the_conversation_and_is_known_for_a_machines(server: Dovecot, post: Post) -> None:
    """To the sender alone, under one name however often it is sent, answerable at the writer's own address."""
    server.deliver(letter(key="k3y", References="<zero@example.org>"))
    async with reading(server.mailbox(), post) as letterbox:
        (received,) = await letterbox.newer(None)
        assert isinstance(received.what, Letter)
        reply = Reply(
            id="0" * 32,
            letter=received.what,
            subject="Re: An errand",
            lines=("A line.", "Another."),
            link="http://localhost:4000/open?draft_id=gate_1",
            footer="The end.",
            at=1_800_000_000_000_000,
        )
        name = await letterbox.answer(reply)

    (sent,) = post.letters
    assert post.recipients == [["ana@example.org"]]
    assert letter_text(sent) == "A line.\n\nAnother.\n\nhttp://localhost:4000/open?draft_id=gate_1\n\n-- \nThe end.\n"
    assert {header: str(sent[header]) for header in _ANSWERED} == _ANSWERED
    assert name == _ANSWERED["Message-ID"] == letterbox.name_of("0" * 32)


_ANSWERED = {
    "Auto-Submitted": "auto-replied",
    "From": f"Haloop <{ADDRESS}>",
    "In-Reply-To": "<one@example.org>",
    "Message-ID": f"<letter.{'0' * 32}@house.example>",
    "References": "<zero@example.org> <one@example.org>",
    "Reply-To": "haloop+k3y@house.example",
    "Subject": "Re: An errand",
    "To": "ana@example.org",
}


async def test_a_mailbox_that_cannot_be_read_says_why(server: Dovecot, post: Post, tmp_path: Path) -> None:
    """A wrong password, a certificate that nobody believes, nobody there: each by its name, and no secret in it."""
    other = Authority.made(tmp_path, "localhost")
    codes = []
    for mailbox in (
        server.mailbox(password="a wrong password"),
        replace(server.mailbox(), certificates=other.believed()),
        replace(server.mailbox(), port=1),
    ):
        async with reading(mailbox, post) as letterbox:
            with pytest.raises(NotRead) as problem:
                await letterbox.newer(None)
            with pytest.raises(StepFault):
                await letterbox.check()
        codes.append(problem.value.code)
        assert "password" not in problem.value.sentence

    assert codes == ["letters.login", "letters.certificate", "letters.unreachable"]
    assert PASSWORD not in repr(server.mailbox())
    with pytest.raises(BadInput, match="unencrypted"):
        replace(server.mailbox(), host="mail.example.org", security=Security.NONE)


async def test_a_server_that_says_nothing_is_given_up(post: Post, server: Dovecot) -> None:
    """Whoever ends the process does not wait for it."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK here\r\n")
        await reader.read(1)
        await asyncio.sleep(3600)

    async with serving(silent) as port:
        mailbox = replace(server.mailbox(Security.NONE), port=port)
        async with asyncio.timeout(10):
            async with reading(mailbox, post) as letterbox:
                look = asyncio.create_task(letterbox.newer(None))
                await asyncio.sleep(0.3)
                look.cancel()
                await asyncio.gather(look, return_exceptions=True)
