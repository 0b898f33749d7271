"""Takes letters up: one look after another into the letterbox, beside everything else and in nobody's way.

A letter is taken up once. Its own name, with whose it is, is the key under which its run begins, so that a process that
dies anywhere in between begins no second one; and how far was read is written down only with what became of it. An
answer that could not be sent is tried again by itself, and one that was on its way when the process died goes out once
more, under the same name.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import TypeVar

from haloop.api.house import House
from haloop.api.rates import Rate, TooMany
from haloop.api.runs import show_run
from haloop.api.words import in_words
from haloop.identity import Caller
from haloop.kernel import canonical
from haloop.kernel.errors import HaloopError
from haloop.kernel.gate import run_of
from haloop.kernel.ids import RunId
from haloop.kernel.letter_address import LetterAddresses
from haloop.kernel.people import Role
from haloop.letters.answering import Answered, Answering, is_a_decision
from haloop.letters.catalogue import language_of
from haloop.ports.letterbox import Letter, Letterbox, NotRead, Received, Unread
from haloop.ports.notifier import NeverTold, NotTold
from haloop.store.letters import Kept, LetterBook
from haloop.store.notices import Known
from haloop.wire.requests import WORDS_MAX, AskedInWords, AsksBack, Begun, NotSupported
from haloop.wire.runs import RunState

log = logging.getLogger("haloop.letters")

T = TypeVar("T")

THROUGH = "mail"
TRIES_MAX = 10
LETTERS_AN_HOUR = 20
"""So many letters of one person are taken up within an hour."""
REMEMBERED = timedelta(days=7)
"""Longer than anything that came is fresh: whatever is read twice is known."""
_LOOK_SECONDS = 5.0
_NOTED_SECONDS = 300
"""So often it is written down that all is well."""
_PAUSE = timedelta(minutes=1)
_WAIT_SECONDS, _BETWEEN_SECONDS = 15.0, 0.1
"""So long an answer waits for a draft; then it says that the run goes on."""
_STOPPED = frozenset({RunState.ENDED, RunState.PARKED, RunState.UNCERTAIN})
_SECOND = 1_000_000


@dataclass(slots=True, kw_only=True)
class Letters:
    """One home's. `reading` reads them."""

    house: House
    letterbox: Letterbox
    book: LetterBook
    addresses: LetterAddresses
    address: str
    """Where links lead."""
    thread: ThreadPoolExecutor
    """The disk is slow, and nobody else waits for it."""
    _rate: Rate = field(default_factory=lambda: Rate(count=LETTERS_AN_HOUR, seconds=3_600))
    _noted: tuple[int, str] = (0, "")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Take letters up until the end of the block."""
        task = asyncio.create_task(self._again_and_again(), name="letters")
        task.add_done_callback(self._note_end)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def look(self) -> None:
        """Take up whatever came, and send what is owed."""
        for kept in await self._do(self.book.due, self._now()):
            received = await self.letterbox.again(kept.mark)
            if received is None or not isinstance(received.what, Letter):
                await self._do(self.book.keep, replace(kept, due=None))  # it is not there any more: nobody waits
            else:
                await self._take_up(received, received.what)
        while received_now := await self.letterbox.newer(await self._do(self.book.mark)):
            for received in received_now:
                if isinstance(received.what, Letter):
                    await self._take_up(received, received.what)
                else:
                    await self._pass_over(received, received.what)

    # One letter

    async def _take_up(self, received: Received, letter: Letter) -> None:
        """Answer one letter, unless that was done before."""
        writer = await self._writer(letter)
        if writer is None:
            await self._pass_over(received, Unread.UNKNOWN)
            return
        name = sha256(canonical.encode([writer.account, writer.person, letter.id])).hexdigest()[:32]
        before = await self._do(self.book.find, name)
        if before is not None and before.due is None:
            await self._do(self.book.keep, replace(before, mark=received.mark))
            return
        try:
            if before is None:
                self._rate.take(f"{writer.account} {writer.person}", self._now())
        except TooMany:
            await self._pass_over(received, Unread.TOO_MANY)
            return
        question = await self._question(letter, writer)
        language = question.language if question else language_of(letter.language, letter.words)
        answering = Answering(language)
        answered = await self._answered(letter, writer, name, question, answering)
        kept = Kept(
            id=name,
            account=writer.account,
            person=writer.person,
            mark=received.mark,
            came_at=before.came_at if before else self._now(),
            tries=before.tries if before else 0,
            link=answered.link,
            language=language,
            said=answered.said,
        )
        reply = answering.reply(name, letter, answered, address=self.address, at=self._now())
        await self._do(self.book.keep, replace(kept, due=self._now()))  # a disk that fails after it sends nothing twice
        try:
            await self.letterbox.answer(reply)
        except NotTold as problem:
            kept = self._put_off(kept, problem)
        goes_on = question if question and question.said and kept.due is None else None
        await self._do(partial(self.book.keep, kept, answers=goes_on))
        log.info("letter taken", extra=_about(answered))

    async def _writer(self, letter: Letter) -> Known | None:
        """Whose letter it is: who is told at the address it comes from, has the key it went to, and is still here."""
        for one in await self.house.telling.told_at(letter.sender):
            is_theirs = self.addresses.key(one.account, one.person, letter.sender) == letter.key
            if is_theirs and one.person in (await self.house.engine.account(one.account)).people:
                return one
        return None

    async def _question(self, letter: Letter, writer: Known) -> Kept | None:
        """The newest of our answers that this one answers, if it does."""
        for name in reversed(letter.thread):
            ours = name.removeprefix("<letter.").partition("@")[0]
            found = await self._do(self.book.find, ours) if self.letterbox.name_of(ours) == name else None
            if found and (found.account, found.person) == (writer.account, writer.person):
                return found
        return None

    async def _answered(
        self, letter: Letter, writer: Known, name: str, question: Kept | None, answering: Answering
    ) -> Answered:
        """What the letter becomes; nothing in it ever decides."""
        before = question.said if question else ()
        if question is not None and question.link:
            return answering.never_by_letter(question.link)
        if is_a_decision(letter.words) and not before:
            return answering.never_by_letter("")
        if len(letter.words) > WORDS_MAX:
            return answering.too_long(WORDS_MAX)
        try:
            return await self._asked(letter, writer, name, before, answering)
        except HaloopError as error:  # the house says no, and whoever wrote hears why
            log.warning("letter refused", extra={"code": error.code})
            return answering.refused(error)

    async def _asked(
        self, letter: Letter, writer: Known, name: str, before: tuple[str, ...], answering: Answering
    ) -> Answered:
        people = (await self.house.engine.account(writer.account)).people
        caller = Caller(account=writer.account, person=writer.person, roles=people[writer.person].roles)
        caller.require_role(Role.OWNER, Role.APPROVER)
        asked = AskedInWords(
            words=letter.words or "?",
            conversation=list(before),
            language=language_of("", " ".join([*before, letter.words])),
        )
        heard = await in_words(self.house, caller, asked, f"{caller.actor} letter {name}", through=THROUGH)
        match heard:
            case Begun(run=run, understood=understood):
                return await self._what_came(caller, RunId(run), understood.taken if understood else [], answering)
            case AsksBack():
                return answering.question(heard)
            case NotSupported():
                return answering.unsupported(heard)

    async def _what_came(self, caller: Caller, run: RunId, taken: list[str], answering: Answering) -> Answered:
        """Wait until it asks, has stopped, or takes longer than an answer may."""
        for _ in range(round(_WAIT_SECONDS / _BETWEEN_SECONDS)):
            gates = [gate for gate in self.house.engine.open_gates(caller.account) if run_of(gate) == run]
            if gates:
                seen = await self.house.engine.gate(caller.account, gates[-1])
                return answering.card(gates[-1], seen.card, taken)
            detail = await show_run(self.house, caller, run)
            if detail.state in _STOPPED:
                return answering.run(run, detail.reason)
            await asyncio.sleep(_BETWEEN_SECONDS)
        return answering.run(run, None)

    def _put_off(self, kept: Kept, problem: NotTold) -> Kept:
        """Answer it again later, or give that up loudly: what was asked for stands in the ledger."""
        log.warning("letter not answered", extra={"code": problem.code})
        if isinstance(problem, NeverTold) or kept.tries + 1 >= TRIES_MAX:
            return kept
        pause = _PAUSE * 2**kept.tries
        return replace(kept, tries=kept.tries + 1, due=self._now() + pause // timedelta(microseconds=1))

    async def _pass_over(self, received: Received, why: Unread) -> None:
        log.info("letter not taken", extra={"result": str(why)})
        await self._do(self.book.pass_over, received.mark, str(why))

    # Again and again

    async def _again_and_again(self) -> None:
        while True:
            try:
                await self.look()
            except NotRead as problem:
                await self._note(problem.sentence, code=problem.code)
            except HaloopError as error:
                log.error("letters cannot be taken up", extra={"code": error.code})  # noqa: TRY400  # its code says it all
            else:
                await self._note("")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _note(self, problem: str, *, code: str = "") -> None:
        """Write down how the look went, where that is news; and forget whoever may not write any more."""
        now, (noted_at, noted) = self._now(), self._noted
        if problem == noted and now < noted_at + _NOTED_SECONDS * _SECOND:
            return
        self._noted = now, problem
        if problem:
            log.warning("letters cannot be read", extra={"code": code})
        writers = [(one.account, one.person) for one in await self.house.telling.told_somewhere()]
        with suppress(HaloopError):  # the next look says what is wrong with the disk
            await self._do(self.book.looked, now, problem)
            before = now - REMEMBERED // timedelta(microseconds=1)
            await self._do(partial(self.book.forget, before=before, but=writers))

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        """A mistake of ours ends the reading, and nothing else; that must not stay unseen."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("letters are read no more", exc_info=error)
            said = "Reading has ended over a mistake; the log says which. It begins again with the next start."
            self.thread.submit(self.book.looked, self._now(), said)

    def _now(self) -> int:
        return self.house.engine.world.now()

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, partial(work, *arguments))


def _about(answered: Answered) -> dict[str, str]:
    """What the log says of it: ids alone."""
    if answered.link.startswith("gate_"):
        return {"gate": answered.link}
    return {"run": answered.link} if answered.link else {"result": "question" if answered.said else "answered"}
