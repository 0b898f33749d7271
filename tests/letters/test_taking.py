"""People ask by mail: once, as themselves, and whatever they write, nothing is decided there."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from haloop.connectors.mail.mailbox import ImapLetterbox
from haloop.connectors.mail.smtp import SmtpMail
from haloop.kernel.clock import SystemClock
from haloop.kernel.fact import PersonRemoved
from haloop.kernel.ids import PersonId
from haloop.kernel.letter_address import LetterAddresses
from haloop.kernel.notice import Preferences
from haloop.kernel.people import Role
from haloop.letters.taking import LETTERS_AN_HOUR, Letters
from haloop.logs import FIELDS
from haloop.store.doctor import Verdict, examine
from haloop.store.letters import LetterBook, read_looks
from haloop.testing.clock import MovableClock
from tests.api.conftest import Door, opened_errands
from tests.connectors.mail.dovecot import ADDRESS as MAILBOX
from tests.connectors.mail.dovecot import PASSED, Dovecot, dovecot, letter
from tests.notices.post import ADDRESS, Post, letter_text, post_office

ANA = "ana@example.org"
DINNER = "Book dinner at Zum Anker tomorrow at 7pm for 2"


@dataclass(kw_only=True)
class Home:
    """A practice house whose people write letters, its mailbox, and the post office that carries the answers."""

    door: Door
    server: Dovecot
    post: Post
    letters: Letters = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _number: int = 0

    async def open(self) -> None:
        """As a start does."""
        self._open = AsyncExitStack()
        thread = self._open.enter_context(ThreadPoolExecutor(max_workers=1))
        book = LetterBook.open(self.door.practice.home)
        self._open.callback(book.close)
        mail = SmtpMail(self.post.server)
        box = await self._open.enter_async_context(ImapLetterbox.opened(self.server.mailbox(), mail, _today()))
        addresses = LetterAddresses(mailbox=MAILBOX, secret=book.secret())
        self.letters = Letters(
            house=self.door.house, letterbox=box, book=book, addresses=addresses, address=ADDRESS, thread=thread
        )

    async def close(self) -> None:
        """As if the process had ended."""
        await self._open.aclose()

    def key(self, person: PersonId | None = None, address: str = ANA) -> str:
        return self.letters.addresses.key(self.door.practice.account, person or self.door.ana, address)

    async def write(self, words: str, *, look: bool = True, **how: Any) -> EmailMessage | None:
        """Somebody writes, and is answered or not; Ana, unless somebody else is named."""
        self._number += 1
        named = {"key": self.key(), "name": f"<{self._number}@example.org>"}
        self.server.deliver(letter(words, **{**named, **how}))
        before = len(self.post.letters)
        if look:
            await self.letters.look()
        return self.post.letters[before] if len(self.post.letters) > before else None

    async def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.door.got("/api/runs"))["runs"]
        return found

    def counted(self) -> dict[str, int]:
        return dict(self.letters.book._connection.execute("SELECT what, count FROM counted"))


def _today() -> MovableClock:
    """The mailbox's clock; the house's is elsewhere."""
    clock = MovableClock()
    clock.move(timedelta(microseconds=SystemClock().read().wall - clock.read().wall))
    return clock


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with at_home(tmp_path) as home:
        yield home


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[Home]:
    with dovecot() as server:
        async with opened_errands(folder) as door, post_office() as post:
            await server.started()
            home = Home(door=door, server=server, post=post)
            await home.open()
            await door.house.telling.prefer(door.practice.account, door.ana, Preferences(address=ANA, mail=True))
            try:
                yield home
            finally:
                await home.close()


async def test_a_letter_becomes_a_draft_and_the_link_comes_back(home: Home) -> None:
    """The card in short, what was taken for granted, and where to decide; who opens it must say who they are."""
    answer = await home.write(DINNER, Subject="Dinner")

    assert answer is not None
    (run,) = await home.runs()
    (gate,) = home.door.practice.engine.open_gates(home.door.practice.account)
    said = letter_text(answer)
    assert f"\n{ADDRESS}/open?draft_id={gate}\n" in said
    assert "This would happen if you say yes:\n  A table\n" in said
    assert "Zum Anker" in said
    assert (str(answer["Subject"]), str(answer["In-Reply-To"])) == ("Re: Dinner", "<1@example.org>")
    assert (run["words"], run["through"], run["asked_by"]) == ([DINNER], "mail", f"person:{home.door.ana}")


async def test_activity_says_that_the_words_came_by_mail(home: Home) -> None:
    """Beside what was approved and what ran, and on the run itself."""
    await home.write(DINNER)
    (run,) = await home.runs()
    await home.door.decide(await home.door.gate(run["id"]))

    (execution,) = (await home.door.got("/api/activity"))["executions"]
    assert (execution["words"], execution["through"], execution["outcome"]) == ([DINNER], "mail", "happened")


async def test_answering_a_question_goes_on_with_the_same_request(home: Home) -> None:
    """The question comes back, its answer completes the wish, and one run has both; later answers begin no other."""
    asked = await home.write("Book a table at Zum Anker tomorrow at 7pm")
    assert asked is not None
    assert "Answer this message" in letter_text(asked)
    assert await home.runs() == []
    thread: dict[str, Any] = {
        "References": f"<1@example.org> {asked['Message-ID']}",
        "In_Reply_To": str(asked["Message-ID"]),
    }

    answer = await home.write("for 2\n\nOn Monday Haloop wrote:\n> For how many?", **thread)
    once_more = await home.write("for 4", **thread)

    assert answer is not None
    assert once_more is not None
    (run,) = await home.runs()
    assert run["words"] == ["Book a table at Zum Anker tomorrow at 7pm", "for 2"]
    (gate,) = home.door.practice.engine.open_gates(home.door.practice.account)
    assert f"draft_id={gate}" in letter_text(answer)
    assert "Nothing is decided or changed by mail" in letter_text(once_more)


@pytest.mark.parametrize("words", ["yes", "Yes!", "ja", "Approve.", "no", "make it 8pm"])
async def test_a_yes_by_mail_decides_nothing(home: Home, words: str) -> None:
    """It is answered with where to decide; the draft waits as before, and nothing was done."""
    card = await home.write(DINNER)
    assert card is not None

    answer = await home.write(words, In_Reply_To=str(card["Message-ID"]))

    assert answer is not None
    (run,) = await home.runs()
    gate = await home.door.gate(run["id"])
    assert (gate["status"], gate["revision"], gate["yeses"]) == ("open", 1, [])
    assert "Nothing is decided or changed by mail" in letter_text(answer)
    assert f"draft_id={gate['id']}" in letter_text(answer)


async def test_a_yes_to_nothing_says_where_things_wait(home: Home) -> None:
    """Also as a letter of its own, as somebody answers a notice."""
    answer = await home.write("Yes")

    assert answer is not None
    assert f"\n{ADDRESS}/\n" in letter_text(answer)
    assert await home.runs() == []


async def test_what_nobody_here_does_is_answered_with_what_would_be_understood(home: Home) -> None:
    """In the language that the letter is in."""
    english = await home.write("Paint my house, please")
    german = await home.write("Bitte reserviere einen Tisch für zwei")

    assert english is not None
    assert german is not None
    assert "This would be understood:\n  Book dinner" in letter_text(english)
    assert "Das würde verstanden:\n  Book dinner" in letter_text(german)
    assert await home.runs() == []


async def test_whoever_is_not_known_and_checked_is_not_answered(home: Home) -> None:
    """No word goes back to a forged sender, a stranger, another's key, an old address or a machine; each is counted."""
    bo = await home.door.practice.person("Bo", Role.APPROVER)
    await home.door.house.telling.prefer(
        home.door.practice.account, bo, Preferences(address="bo@example.org", mail=True)
    )
    forged = "mx.house.example; dmarc=fail header.from=example.org"
    gone = await home.door.practice.person("Gil")
    await home.door.house.telling.prefer(home.door.practice.account, gone, Preferences(address="gil@example.org"))
    await home.door.practice.engine.record(home.door.practice.account, PersonRemoved(person=gone), by="kernel")
    answers = [
        await home.write(DINNER, key=home.key(gone, "gil@example.org"), sender="gil@example.org"),
        await home.write(DINNER, verdict=forged),
        await home.write(DINNER, sender="eve@example.org"),
        await home.write(DINNER, key="a" * 20),
        await home.write(DINNER, key=home.key(bo, "bo@example.org")),
        await home.write(DINNER, key=home.key(bo, "bo@old.example"), sender="bo@example.org"),
        await home.write(DINNER, Auto_Submitted="auto-replied"),
    ]

    assert answers == [None] * 7
    assert home.post.letters == []
    assert await home.runs() == []
    assert home.counted() == {"unchecked": 1, "unknown": 5, "automatic": 1}


async def test_a_letter_is_taken_once_though_the_process_dies_in_between(home: Home) -> None:
    """Its run had begun and its answer was on its way: one run, and the same answer under the same name."""
    home.post.dozes = True
    await home.write(DINNER, look=False)
    dying = asyncio.create_task(home.letters.look())
    async with asyncio.timeout(20):
        while not await home.runs():  # noqa: ASYNC110  # nothing else says so
            await asyncio.sleep(0.05)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await home.close()
    home.post.dozes = False

    await home.open()
    for _ in range(3):
        await home.letters.look()
        home.door.practice.clock.move(timedelta(minutes=15))  # where it could not be sent at once, it is again

    assert len(await home.runs()) == 1
    assert [str(one["In-Reply-To"]) for one in home.post.letters] == ["<1@example.org>"]
    assert home.counted() == {"taken": 1}


async def test_a_mailbox_numbered_anew_and_a_letter_delivered_twice_ask_for_nothing_anew(home: Home) -> None:
    """What was taken is known by its own name, wherever it lies now."""
    await home.write(DINNER)
    await home.write(DINNER, name="<1@example.org>")
    home.server.renumber()
    await home.server.started()
    await home.close()
    await home.open()
    await home.letters.look()

    assert len(await home.runs()) == 1
    assert len(home.post.letters) == 1


async def test_an_answer_that_could_not_be_sent_is_sent_later(home: Home) -> None:
    """The run begins all the same, and the next letter does not wait; a question stays open until it was asked."""
    home.post.answers = ["451 later"]
    first = await home.write(DINNER)
    second = await home.write("Paint my house")
    await home.letters.look()
    home.door.practice.clock.move(timedelta(minutes=2))
    await home.letters.look()

    assert (first, len(await home.runs())) == (None, 1)
    assert second is not None
    assert [str(one["In-Reply-To"]) for one in home.post.letters] == ["<2@example.org>", "<1@example.org>"]


async def test_who_writes_without_measure_is_not_answered_without_measure(home: Home) -> None:
    """So many an hour; the others are counted, and begin nothing."""
    for _ in range(LETTERS_AN_HOUR + 2):
        await home.write("Paint my house", look=False)
    await home.letters.look()

    assert len(home.post.letters) == LETTERS_AN_HOUR
    assert home.counted() == {"taken": LETTERS_AN_HOUR, "too_many": 2}


async def test_who_may_only_look_and_who_says_too_much_hear_why_nothing_begins(home: Home) -> None:
    """A refusal of the house comes back in words; it is nobody's silence."""
    vic = await home.door.practice.person("Vic", Role.VIEWER)
    await home.door.house.telling.prefer(home.door.practice.account, vic, Preferences(address="vic@example.org"))
    looker = await home.write(DINNER, key=home.key(vic, "vic@example.org"), sender="vic@example.org")
    too_much = await home.write("Book " + "dinner " * 200)

    assert looker is not None
    assert too_much is not None
    assert "Nothing was begun. This is for an owner or approver" in letter_text(looker)
    assert "at most 1000 characters" in letter_text(too_much)
    assert await home.runs() == []


async def test_nothing_of_a_letter_stands_in_the_log(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """Neither who wrote, nor what, nor to which address: ids and codes alone."""
    caplog.set_level(logging.INFO, logger="haloop")
    await home.write(DINNER)
    await home.write(DINNER, sender="eve@example.org")

    records = [one for one in caplog.records if one.name == "haloop.letters"]
    said = [one.getMessage() + str({name: one.__dict__.get(name) for name in FIELDS}) for one in records]
    assert len(said) == 2
    assert not [one for one in said if "@" in one or "Anker" in one or home.key() in one]


async def test_words_are_kept_only_while_a_question_waits(home: Home) -> None:
    """Then the file holds none of them, and nothing at all of somebody who is told nowhere any more."""
    asked = await home.write("Book a table at Zum Anker tomorrow at 7pm")
    assert asked is not None
    file = home.door.practice.home / "letters.db"
    waiting = b"Zum Anker" in file.read_bytes()
    await home.write("for 2", In_Reply_To=str(asked["Message-ID"]))
    answered = b"Zum Anker" in file.read_bytes() or b"ana@" in file.read_bytes()
    await home.door.house.telling.prefer(home.door.practice.account, home.door.ana, Preferences())
    await home.letters._note("")

    assert (waiting, answered) == (True, False)
    assert list(home.letters.book._connection.execute("SELECT * FROM letter")) == []


async def test_the_doctor_says_how_the_mailbox_was_read(home: Home) -> None:
    """How many letters, when last, and what is wrong, without opening anything that is in use."""
    await home.write(DINNER)
    await home.write(DINNER, sender="eve@example.org")
    await home.letters._note("")
    well = _letters_line(home)
    await home.letters._note("The mailbox lets nobody in, or cannot be read.", code="letters.login")
    ill = _letters_line(home)

    assert well.startswith("ok 1 letters taken up, 1 messages not; ")
    assert ill.startswith("FAIL The mailbox lets nobody in, or cannot be read. 1 letters taken up")
    assert PASSED not in well
    assert read_looks(home.door.practice.home / "elsewhere") is None


def _letters_line(home: Home) -> str:
    checks = examine(home.door.practice.home, home.door.practice.folder / "witness", home.door.practice.clock)
    (found,) = [one for one in checks if one.name == "letters"]
    assert isinstance(found.verdict, Verdict)
    return f"{found.verdict} {found.sentence}"


async def test_a_mistake_of_ours_is_said_where_people_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends, loudly: the log has the reason, and so has the doctor."""

    async def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr("haloop.letters.taking.in_words", breaks)
    await home.write(DINNER, look=False)
    async with home.letters.reading():
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "letters"])

    (look,) = await home.letters._do(home.letters.book._rows, "SELECT problem FROM look")  # once its thread has written
    assert "ended over a mistake" in look[0]
