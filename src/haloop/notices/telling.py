"""Tells people what waits for them and what went wrong, beside everything else and in nobody's way.

The ledger is the queue. One task reads on in each account's tree whenever something is new, and writes down what is
owed to whom together with how far it has read; another for each way of telling takes what is due. So a restart
forgets nothing and tells nothing anew: only a message that was on its way when the process ended goes out again,
under the same name. What cannot be told is tried again, ever more seldom, and given up loudly.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from haloop.connectors.push.web_push import WebPush
from haloop.engines.local import LocalEngine
from haloop.kernel.errors import HaloopError, NotFound
from haloop.kernel.fact import Fact
from haloop.kernel.gate import GateId
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.notice import BREAKS_QUIET, NoticeKind, Preferences
from haloop.notices.owing import Owing, Reachable, notice_id
from haloop.notices.words import COUNTED, GATES, counted, worded
from haloop.ports.notifier import Device, NeverTold, Notice, Notifier, NotTold, PlaceGone
from haloop.store.notices import Debts, Known, KnownDevice, NoticeBook, Owed, Place
from haloop.store.sqlite import SqliteLedger

log = logging.getLogger("haloop.notices")

T = TypeVar("T")

TRIES_MAX = 12
"""Over about five hours; then it is given up."""
FIRST_PAUSE = timedelta(seconds=30)
PAUSE_MAX = timedelta(hours=1)
REMEMBERED = timedelta(days=30)
"""What was told of failures is remembered so long, so that a run that fails the same way again is told once."""

_LOOK_SECONDS_MIN, _LOOK_SECONDS_MAX = 1.0, 30.0
_GATHER_SECONDS = 0.05
"""What comes thick and fast is looked at together, so that those who work are not held up."""
_PAGE = 100
_PAGES_UNWRITTEN = 10
"""So many pages without anything owed are read before it is written down how far."""
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How people can be reached from here."""

    push: WebPush
    mail: Notifier[str] | None = None
    """None where no mail server is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How it went to tell somebody something, one way."""

    device: str
    """Empty: by mail."""
    problem: NotTold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingStatus:
    """Whether people are told."""

    by_mail: bool
    debts: Debts


class Telling:
    """One home's. `opened` makes one."""

    def __init__(
        self,
        book: NoticeBook,
        thread: ThreadPoolExecutor,
        *,
        ledger: SqliteLedger,
        engine: LocalEngine,
        ways: Ways,
        zone: str,
    ) -> None:
        self._book = book
        self._thread = thread
        self._ledger = ledger
        self._engine = engine
        self.ways = ways
        self.address = ""
        """Where links lead."""
        self._unsaid = Preferences(zone=zone)
        """How people are told who have not said how."""
        self._people: dict[AccountId, dict[PersonId, Reachable]] = {}
        self._places: dict[AccountId, Place] = {}
        self._unwritten = 0
        self._reading, self._mailing, self._pushing = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._news, self._mail_due, self._push_due = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._no_mail_before = 0
        """A mail server that did not work is left alone until then, whatever else is due."""
        self._broken: dict[str, str] = {}
        """What does not work at all just now, each with the reason."""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, home: Path, *, ledger: SqliteLedger, engine: LocalEngine, ways: Ways, address: str, zone: str = "UTC"
    ) -> "AsyncIterator[Telling]":
        """Tell people until the end of the block; links lead to `address`, `zone` is of people who name none."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="notices") as thread:
            loop = asyncio.get_running_loop()
            book = await loop.run_in_executor(thread, NoticeBook.open, home)
            telling = cls(book, thread, ledger=ledger, engine=engine, ways=ways, zone=zone)
            telling.address = address
            try:
                async with telling._working():
                    yield telling
            finally:
                await loop.run_in_executor(thread, book.close)

    # What people say

    async def preferences(self, account: AccountId, person: PersonId) -> Preferences:
        """How somebody wants to be told."""
        known = (await self._reachable(account)).get(person)
        return known.preferences if known else self._unsaid

    async def prefer(self, account: AccountId, person: PersonId, preferences: Preferences) -> None:
        """Keep how somebody wants to be told; it holds from now on, also for what is owed already."""
        async with self._reading:
            await self._keep(account, person, preferences)
        self._look_soon()

    async def devices(self, account: AccountId, person: PersonId) -> Sequence[KnownDevice]:
        known = (await self._reachable(account)).get(person)
        return known.devices if known else ()

    async def add_device(self, account: AccountId, person: PersonId, device: Device) -> KnownDevice:
        """Tell this device too; the same browser again is the same device."""
        known = self._named(account, person, device)
        async with self._reading:
            if person not in await self._reachable(account):
                await self._keep(account, person, self._unsaid)
            await self._do(self._book.add_device, account, person, known)
            self._people.pop(account, None)
        return known

    async def renew_device(
        self, account: AccountId, person: PersonId, device: Device, *, instead_of: str
    ) -> KnownDevice:
        """Tell a browser on that subscribed anew by itself; one that was taken away stays so."""
        known = self._named(account, person, device)
        async with self._reading:
            renew = partial(self._book.renew_device, account, person, known, instead_of=instead_of)
            is_renewed = await self._do(renew)
            self._people.pop(account, None)
        if not is_renewed:
            raise NotFound(
                "This device is told no more: it was taken away.",
                code="device.removed",
                next_step="Turn notifications on again, on that device.",
            )
        return known

    async def remove_device(self, account: AccountId, person: PersonId, device: str) -> None:
        """Forget a device."""
        if not await self._forget_device(account, person, device):
            raise NotFound("There is no such device of yours.", code="device.unknown")

    async def try_out(self, account: AccountId, person: PersonId) -> list[Tried]:
        """Tell somebody now that this would work, every way they want to be told, and say how it went."""
        known = (await self._reachable(account)).get(person)
        if known is None:
            return []
        notice = await self._word(account, secrets.token_hex(16), NoticeKind.TEST)
        tried = []
        for device in known.ways(NoticeKind.TEST):
            try:
                await self._hand_over(known, device, notice)
            except NotTold as problem:
                tried.append(Tried(device=device, problem=problem))
            else:
                tried.append(Tried(device=device))
        return tried

    async def told_at(self, address: str) -> list[Known]:
        """Everybody, of whichever account, who is told at this address."""
        return [one for one in await self.told_somewhere() if one.preferences.address.casefold() == address]

    async def told_somewhere(self) -> list[Known]:
        """Everybody who has said at which address they are told."""
        reachable = [await self._reachable(account) for account in await self._ledger.accounts()]
        return [one.known for people in reachable for one in people.values() if one.preferences.address]

    async def status(self, account: AccountId) -> TellingStatus:
        """Whether the people of an account are told what they should be."""
        debts = await self._do(self._book.debts, account)
        if self._broken:
            debts = replace(debts, problem=next(iter(self._broken.values())))
        return TellingStatus(by_mail=self.ways.mail is not None, debts=debts)

    async def look(self) -> None:
        """Read what is new and tell what is due; whoever moves a clock by hand calls this."""
        await self._read_on()
        await self._mail_what_is_due()
        await self._push_what_is_due()

    # Reading

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        await self._do(self._book.prune, self._now() - REMEMBERED // timedelta(microseconds=1))
        for account in await self._ledger.accounts():
            self._places[account] = await self._place(account)
        self._engine.watch(self._ring)
        tasks = [
            asyncio.create_task(self._again_and_again("reading", self._read_on, self._news)),
            asyncio.create_task(self._again_and_again("mail", self._mail_what_is_due, self._mail_due)),
            asyncio.create_task(self._again_and_again("push", self._push_what_is_due, self._push_due)),
        ]
        for task in tasks:
            task.add_done_callback(self._notice_end)
        try:
            yield
        finally:
            self._engine.unwatch(self._ring)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _notice_end(self, task: "asyncio.Task[None]") -> None:
        """A mistake of ours ends the telling, and nothing else; that must not stay unseen."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._broken[task.get_name()] = "Something went wrong that has no name; the next start tells people again."
            log.error("people are told no more", exc_info=error)

    async def _again_and_again(self, what: str, do: Callable[[], Awaitable[None]], bell: asyncio.Event) -> None:
        while True:
            bell.clear()
            try:
                await do()
            except HaloopError as error:
                self._broken[what] = error.sentence
                log.error("people cannot be told", extra={"code": error.code})  # noqa: TRY400  # its code says it all
                await asyncio.sleep(_LOOK_SECONDS_MAX)
                continue
            self._broken.pop(what, None)
            await asyncio.sleep(_GATHER_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(await self._seconds_to_wait()):
                    await bell.wait()

    async def _seconds_to_wait(self) -> float:
        """Until something is due; what was put off, or cannot be looked up, is looked at again after a while."""
        due = None
        with suppress(HaloopError):
            due = await self._do(self._book.next_due)
        wait = _LOOK_SECONDS_MAX if due is None else (due - self._now()) / _SECOND
        return min(max(wait, _LOOK_SECONDS_MIN), _LOOK_SECONDS_MAX)

    async def _read_on(self) -> None:
        """Find what is owed, in all that is new."""
        async with self._reading:
            for account in await self._ledger.accounts():
                await self._read_account(account)
                await self._count(account)

    async def _read_account(self, account: AccountId) -> None:
        place = self._places.get(account) or await self._place(account)
        reachable = await self._reachable(account)
        if not reachable:  # nobody wants to hear of it
            self._places[account] = replace(place, read_to=await self._ledger.size(account))
            return
        owing = Owing(self._ledger, account)
        while events := await self._ledger.events(account, start=place.read_to, limit=_PAGE):
            people = (await self._engine.account(account)).people
            found = await owing.find(events, people, reachable, self._now())
            for person in found.parted:  # before it is written down that this was read
                await self._do(self._book.forget, account, person)
                self._people.pop(account, None)
            place = replace(place, read_to=events[-1].index + 1)
            self._unwritten += 1
            if found.wanted or self._unwritten >= _PAGES_UNWRITTEN:
                await self._do(self._book.settle, account, found.wanted, place)
                self._unwritten = 0
            self._places[account] = place
            if found.wanted:
                self._mail_due.set()
                self._push_due.set()
            reachable = await self._reachable(account)
            await asyncio.sleep(0)  # a long way to read is walked beside everything else

    async def _place(self, account: AccountId) -> Place:
        """Where reading begins: where it ended, or with what is new where nobody has read yet."""
        origin, size = self._ledger.verifier_key(account).name, await self._ledger.size(account)
        known = await self._do(self._book.place, account)
        if known is None:
            return Place(origin=origin, read_to=size)
        if known.origin == origin and known.read_to <= size:
            return known
        return Place(origin=origin, read_to=await self._first_since_it_went_back(account, size))

    async def _first_since_it_went_back(self, account: AccountId, size: int) -> int:
        """The first event that was recorded after the ledger went back; what is older was read before."""
        back = self._ledger.went_back
        low, high = 0, size
        while back is not None and low < high:
            middle = (low + high) // 2
            if (await self._ledger.event(account, middle)).header.ts > back.since:
                high = middle
            else:
                low = middle + 1
        return high

    async def _count(self, account: AccountId) -> None:
        """Owe a digest to whoever's time has come, if there is something in it."""
        now = self._now()
        for person, one in list((await self._reachable(account)).items()):
            known = one.known
            if known.digest_due is None or known.digest_due > now:
                continue
            size = await self._ledger.size(account)
            after = replace(known, digest_from=size, digest_due=known.preferences.next_digest(now))
            about = f"{known.digest_from} {size}"
            owed = Owed(
                id=notice_id(account, person, ["digest", known.digest_from, size]),
                device="",
                account=account,
                person=person,
                kind=NoticeKind.DIGEST,
                link="",
                about=about,
                not_before=now,
                until=None,
                due=now,
            )
            says_something = one.preferences.mail and bool(counted(await self._counts(account, about)))
            await self._do(self._book.owe_digest, after, [owed] if says_something else [])
            self._people.pop(account, None)
            self._mail_due.set()

    async def _counts(self, account: AccountId, about: str) -> Mapping[str, int]:
        """How often each kind of fact stands in a range of events."""
        start, end = map(int, about.split())
        counts = dict.fromkeys(COUNTED, 0)
        while start < end:
            events = await self._ledger.events(account, start=start, limit=min(_PAGE, end - start))
            for event in events:
                if event.header.kind in counts:
                    counts[event.header.kind] += 1
            if not events:
                break
            start = events[-1].index + 1
            await asyncio.sleep(0)
        return counts

    # Telling

    async def _mail_what_is_due(self) -> None:
        """The oldest first; one server takes all of it, so where it does not work the rest waits too."""
        async with self._mailing:
            while self._no_mail_before <= self._now() and (due := await self._due(by_mail=True)):
                for owed in due:
                    if not await self._tell(owed):
                        self._no_mail_before = self._now() + FIRST_PAUSE // timedelta(microseconds=1)
                        return

    async def _push_what_is_due(self) -> None:
        """The oldest first; each device has a service of its own."""
        async with self._pushing:
            while due := await self._due(by_mail=False):
                for owed in due:
                    await self._tell(owed)

    async def _due(self, *, by_mail: bool) -> list[Owed]:
        return await self._do(partial(self._book.due, self._now(), by_mail=by_mail))

    async def _tell(self, owed: Owed) -> bool:
        """Tell one thing, or drop it, or put it off; False where whoever should carry it does not work."""
        known = await self._whom(owed)
        if known is None:
            await self._do(self._book.drop, owed)
            return True
        now = self._now()
        at = now if owed.kind in BREAKS_QUIET else known.preferences.told_at(now, owed.until)
        if at > now:
            await self._do(self._book.postpone, owed, at)
            return True
        try:
            notice = await self._word(owed.account, owed.id, owed.kind, owed=owed, zone=known.preferences.zone)
            await self._hand_over(known, owed.device, notice)
        except PlaceGone:
            log.info("a device is gone", extra=_about(owed))
        except NotTold as problem:
            return await self._put_off(owed, problem)
        else:
            await self._do(self._book.told, owed, now, self._places[owed.account])
            log.info("told", extra=_about(owed))
        return True

    async def _whom(self, owed: Owed) -> Reachable | None:
        """Whoever is to be told this, as they want to be told now; nobody where it is needless."""
        if owed.account not in self._places:  # the home has another ledger now
            return None
        known = (await self._reachable(owed.account)).get(owed.person)
        is_wanted = known is not None and owed.device in known.ways(owed.kind)
        return known if is_wanted and await self._is_needed(owed) else None

    async def _is_needed(self, owed: Owed) -> bool:
        """Whether it is still so, and still this person's concern."""
        person = (await self._engine.account(owed.account)).people.get(owed.person)
        if owed.kind in GATES:
            waits = await Owing(self._ledger, owed.account).still_waits(GateId(owed.about), person)
            return waits and (owed.until is None or owed.until > self._now())
        return person is not None

    async def _hand_over(self, known: Reachable, device: str, notice: Notice) -> None:
        """Have it carried; a device that is gone is forgotten."""
        if not device:
            if self.ways.mail is None:
                raise NeverTold(
                    "This Haloop sends no mail.",
                    code="mail.off",
                    next_step="Set mail.host and mail.from, and start again.",
                )
            await self.ways.mail.tell(known.preferences.address, notice)
            return
        place = next(one.device for one in known.devices if one.id == device)
        try:
            await self.ways.push.tell(place, notice)
        except PlaceGone:
            await self._forget_device(known.known.account, known.known.person, device, gone=True)
            raise

    async def _put_off(self, owed: Owed, problem: NotTold) -> bool:
        """Try it again later, or give it up loudly."""
        if isinstance(problem, NeverTold) or owed.tries + 1 >= TRIES_MAX:
            await self._do(self._book.give_up, owed, problem.sentence)
            log.error("given up telling", extra={**_about(owed), "code": problem.code})
            return True
        pause = min(FIRST_PAUSE * 2**owed.tries, PAUSE_MAX)
        wait = max(pause, timedelta(seconds=problem.after_seconds)) // timedelta(microseconds=1)
        await self._do(partial(self._book.postpone, owed, self._now() + wait, problem=problem.sentence))
        log.warning("not told yet", extra={**_about(owed), "code": problem.code})
        return False

    async def _word(
        self, account: AccountId, name: str, kind: NoticeKind, *, owed: Owed | None = None, zone: str = "UTC"
    ) -> Notice:
        read_to = self._places[account].read_to  # what is told is below it, so its reader is a witness of that too
        return worded(
            id=name,
            kind=kind,
            address=self.address,
            link=owed.link if owed else "",
            checkpoint=await self._ledger.sealed(account, max(read_to - 1, 0)),
            at=self._now(),
            until=owed.until if owed else None,
            zone=zone,
            counts=await self._counts(account, owed.about) if owed and kind is NoticeKind.DIGEST else None,
            revision=await self._revision(owed) if owed and kind in GATES else None,
        )

    async def _revision(self, owed: Owed) -> int | None:
        """The revision of the gate that somebody is told of."""
        return await Owing(self._ledger, owed.account).revision(GateId(owed.about))

    # What is known of people

    async def _reachable(self, account: AccountId) -> Mapping[PersonId, Reachable]:
        """Whoever of an account has said how they want to be told."""
        if account not in self._people:
            self._people[account] = await self._do(_all_reachable, self._book, account)
        return self._people[account]

    async def _keep(self, account: AccountId, person: PersonId, preferences: Preferences) -> None:
        before = (await self._reachable(account)).get(person)
        size = await self._ledger.size(account)
        counts_on = before is not None and before.known.digest_due is not None
        known = Known(
            account=account,
            person=person,
            preferences=preferences,
            digest_from=before.known.digest_from if before and counts_on else size,
            digest_due=preferences.next_digest(self._now()),
        )
        await self._do(self._book.go_on, account, self._places.get(account) or await self._place(account))
        await self._do(self._book.prefer, known)
        self._people.pop(account, None)

    def _named(self, account: AccountId, person: PersonId, device: Device) -> KnownDevice:
        self.ways.push.require_usable(device)
        name = sha256(f"haloop/device/1 {account} {person} {device.endpoint}".encode()).hexdigest()[:16]
        return KnownDevice(id=name, device=device, added_at=self._now())

    async def _forget_device(self, account: AccountId, person: PersonId, device: str, *, gone: bool = False) -> bool:
        found = await self._do(partial(self._book.remove_device, account, person, device, gone=gone))
        self._people.pop(account, None)
        return found

    def _ring(self, _account: AccountId, _run: RunId, _fact: Fact) -> None:
        self._news.set()

    def _look_soon(self) -> None:
        self._news.set()
        self._no_mail_before = 0

    def _now(self) -> int:
        return self._engine.world.now()

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        """Have the book's own thread do something: the disk is slow, and nobody else waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *arguments))


def _all_reachable(book: NoticeBook, account: AccountId) -> dict[PersonId, Reachable]:
    """Read in one go, so that no change comes in between."""
    people = book.people(account).items()
    return {person: Reachable(known=one, devices=book.devices(account, person)) for person, one in people}


def _about(owed: Owed) -> dict[str, str]:
    """What the log says of it: ids alone."""
    said = {"result": f"{owed.kind} {'by push' if owed.device else 'by mail'}"}
    if owed.link.startswith("gate_"):
        said["gate"] = owed.link
    elif owed.link:
        said["run"] = owed.link
    return said
