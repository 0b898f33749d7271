"""What every store must do, whatever it is made of: one suite, run once for each store in the list."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from haloop.kernel.checkpoint import VerifierKey, open_note, read_unverified
from haloop.kernel.clock import Clock, Reading
from haloop.kernel.errors import (
    BadInput,
    BadReceipt,
    ClaimTaken,
    Conflict,
    Erased,
    ForeignRun,
    HaloopError,
    LedgerClosed,
    NotErasable,
    NotFound,
    OutOfSequence,
    RunFull,
)
from haloop.kernel.ids import AccountId, PersonId, new_account_id, new_person_id
from haloop.kernel.ledger import RUN_EVENTS_MAX, START, Chain, Entry, Event, Head
from haloop.kernel.part import PART_BYTES_MAX, Part
from haloop.kernel.receipt import Receipt, verify
from haloop.store.signing import verify_ed25519
from haloop.store.sqlite import SqliteLedger
from tests.store.conftest import REPOSITORY, Place, ended, new_chain, said, until

SECOND = 1_000_000
PROMPTLY = 3.0
"""Longer than anything here may take, shorter than a person waits for a test that hangs."""

STORES = {"sqlite": Place}
"""Where a ledger of each kind lives. Postgres joins here."""


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    opener: Callable[[Path, Path], Place] = request.param
    return opener(tmp_path / "home", tmp_path / "state")


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    wall: int = 1_760_000_000 * SECOND
    boot: int = 1_000 * SECOND

    def read(self) -> Reading:
        return Reading(wall=self.wall, boot=self.boot)

    def pass_seconds(self, seconds: int) -> None:
        """Time goes by."""
        self.wall += seconds * SECOND
        self.boot += seconds * SECOND

    def turn(self, seconds: int) -> None:
        """Somebody sets the wall clock."""
        self.wall += seconds * SECOND


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def timed_ledger(place: Place, clock: Clock) -> AsyncIterator[SqliteLedger]:
    """A ledger whose time is in the test's hands."""
    async with place.opened(clock=clock) as opened:
        yield opened


def once(name: str, words: str = "done once") -> Entry:
    """A fact that may stand in the account's life once."""
    return Entry(kind="effect.intended", actor="kernel", parts=(Part.of("words", words),), claim=claim(name))


def claim(name: str) -> bytes:
    return sha256(name.encode()).digest()


def kinds(events: list[Event]) -> list[str]:
    return [event.header.kind for event in events]


async def words_of(ledger: SqliteLedger, chain: Chain) -> list[bytes]:
    return [await ledger.body(event, "words") for event in await ledger.run(chain)]


async def refusal_of(pending: "asyncio.Future[object] | object") -> type[HaloopError] | None:
    """How an append ended: the error it was refused with, or None."""
    try:
        await pending  # type: ignore[misc]
    except HaloopError as error:
        return type(error)
    return None


# Appending and reading back


async def test_what_was_appended_is_read_back(ledger: SqliteLedger, account: AccountId, chain: Chain) -> None:
    """A fact comes back as it was said: kind, actor, time order, parts and words."""
    ticket = Part(name="ticket", body=b"\x00\xff")
    (index,) = await ledger.append(chain, START, Entry(kind="run.started", actor="person:ana", parts=(ticket,)))
    event = await ledger.event(account, index)
    assert (event.header.kind, event.header.actor, event.header.run_seq) == ("run.started", "person:ana", 1)
    assert list(event.parts) == ["ticket"]
    assert await ledger.body(event, "ticket") == b"\x00\xff"


async def test_facts_keep_the_order_they_were_appended_in(ledger: SqliteLedger, chain: Chain) -> None:
    """Facts of one run are numbered from 1, each follows the one before it, and their indexes rise."""
    first = ledger.append(chain, START, said("one"), said("two"))
    await ledger.append(chain, first.head, said("three"))
    events = await ledger.run(chain)
    assert await words_of(ledger, chain) == [b'"one"', b'"two"', b'"three"']
    assert [event.header.run_seq for event in events] == [1, 2, 3]
    assert all(later.header.prev == earlier.leaf_hash for earlier, later in pairwise(events))
    assert events[0].header.prev == START.hash


async def test_a_fact_may_have_no_words(ledger: SqliteLedger, chain: Chain) -> None:
    """Some facts are all kind and actor."""
    await ledger.append(chain, START, Entry(kind="run.started", actor="kernel"))
    (event,) = await ledger.run(chain)
    assert event.parts == {}


async def test_the_largest_part_fits(ledger: SqliteLedger, chain: Chain) -> None:
    """A part of exactly the largest size is kept whole."""
    await ledger.append(
        chain, START, Entry(kind="step.done", actor="kernel", parts=(Part(name="page", body=b"x" * PART_BYTES_MAX),))
    )
    (event,) = await ledger.run(chain)
    assert await ledger.body(event, "page") == b"x" * PART_BYTES_MAX


async def test_a_run_without_events_stands_at_the_start(ledger: SqliteLedger, chain: Chain) -> None:
    """Whoever asks about a run nobody has begun is told so by its head and its empty list."""
    assert await ledger.head(chain) == START
    assert list(await ledger.run(chain)) == []


async def test_the_head_is_the_newest_durable_fact(ledger: SqliteLedger, chain: Chain) -> None:
    """The head promised at once is the head found after the append is durable."""
    pending = ledger.append(chain, START, said("one"), said("two"))
    await pending
    assert await ledger.head(chain) == pending.head == (await ledger.run(chain))[-1].head


async def test_facts_not_waited_for_ride_with_the_next_that_is(ledger: SqliteLedger, chain: Chain) -> None:
    """After one awaited append, everything appended before it in the run is durable."""
    head = START
    for number in range(20):
        head = ledger.append(chain, head, said(str(number))).head
    await ledger.append(chain, head, said("last"))
    assert len(await ledger.run(chain)) == 21


async def test_an_append_may_be_awaited_by_several_and_again_later(ledger: SqliteLedger, chain: Chain) -> None:
    """Whoever asks, and whenever, hears the same indexes."""
    pending = ledger.append(chain, START, said("one"))

    async def listen() -> tuple[int, ...]:
        return await pending

    heard = await asyncio.gather(listen(), listen())
    assert [*heard, await pending] == [heard[0]] * 3


async def test_an_append_of_nothing_is_refused_and_harms_nobody(ledger: SqliteLedger, chain: Chain) -> None:
    """To append no fact at all is a mistake of the caller's, told to the caller; the ledger goes on."""
    with pytest.raises(BadInput):
        await ledger.append(chain, START)
    async with asyncio.timeout(PROMPTLY):
        await ledger.append(chain, START, said("the next one"))


async def test_a_part_the_event_does_not_have_is_not_found(ledger: SqliteLedger, chain: Chain) -> None:
    """Asking for words that were never said is refused by name."""
    await ledger.append(chain, START, said("one"))
    with pytest.raises(NotFound):
        await ledger.body((await ledger.run(chain))[0], "price")


async def test_a_run_has_two_thousand_events_and_then_its_last_words(ledger: SqliteLedger, chain: Chain) -> None:
    """A run of full length takes no more work; how its effects ended, and its end, can still be said."""
    await ledger.append(chain, START, *[said(str(number)) for number in range(RUN_EVENTS_MAX)])
    head = await ledger.head(chain)
    with pytest.raises(RunFull):
        await ledger.append(chain, head, said("one too many"))
    await ledger.append(chain, head, said("nobody knows", kind="effect.uncertain"), ended())
    assert len(await ledger.run(chain)) == RUN_EVENTS_MAX + 2


async def test_a_closed_ledger_says_so(place: Place) -> None:
    """After the block the ledger refuses, by that name, to write and to read."""
    async with place.opened() as ledger:
        chain = new_chain(await ledger.open_account())
        await ledger.append(chain, START, said("before"))
    with pytest.raises(LedgerClosed):
        await ledger.append(chain, START, said("after"))
    with pytest.raises(LedgerClosed):
        await ledger.head(chain)


# Accounts


async def test_each_account_has_a_tree_of_its_own(ledger: SqliteLedger) -> None:
    """Facts of one account neither move nor reveal the indexes of another."""
    ana, ben = await ledger.open_account(), await ledger.open_account()
    await ledger.append(new_chain(ana), START, said("ana's"), said("ana's"))
    (index,) = await ledger.append(new_chain(ben), START, said("ben's"))
    assert (index, len(await ledger.events(ana)), len(await ledger.events(ben))) == (1, 3, 2)
    assert set(await ledger.accounts()) == {ana, ben}


async def test_an_account_nobody_opened_takes_no_facts(ledger: SqliteLedger) -> None:
    """A fact for an unknown account is refused, and so is a question about it."""
    stranger = new_account_id()
    with pytest.raises(Conflict) as refused:
        await ledger.append(new_chain(stranger), START, said("hello"))
    assert refused.value.code == "ledger.not_found"
    with pytest.raises(NotFound):
        await ledger.events(stranger)


async def test_an_account_is_opened_once(ledger: SqliteLedger, account: AccountId) -> None:
    """Opening it again is an append that does not follow its newest fact."""
    with pytest.raises(OutOfSequence):
        await ledger.append(Chain.of_account(account), START, Entry(kind="account.opened", actor="kernel"))


async def test_a_run_belongs_to_one_account(ledger: SqliteLedger, account: AccountId, chain: Chain) -> None:
    """Another account can neither add to a run nor read it, even if it knows where the run stands."""
    mine = ledger.append(chain, START, said("mine"))
    await mine
    theirs = Chain(account=await ledger.open_account(), run_id=chain.run_id)
    for after in (START, mine.head):
        with pytest.raises(ForeignRun):
            await ledger.append(theirs, after, said("theirs"))
    with pytest.raises(ForeignRun):
        await ledger.run(theirs)
    with pytest.raises(ForeignRun):
        await ledger.head(theirs)
    assert await words_of(ledger, chain) == [b'"mine"']


async def test_a_refused_stranger_does_not_disturb_the_run(ledger: SqliteLedger, chain: Chain) -> None:
    """The rightful owner's next fact is taken although a stranger tried the same run a moment before."""
    mine = ledger.append(chain, START, said("mine"))
    await mine
    theirs = Chain(account=await ledger.open_account(), run_id=chain.run_id)
    stranger = ledger.append(theirs, START, said("theirs"))
    await ledger.append(chain, mine.head, said("mine again"))
    assert await refusal_of(stranger) is ForeignRun


# Sequence


@pytest.mark.parametrize("run_seq", [0, 1, 3, 99])
async def test_only_the_next_fact_is_taken(ledger: SqliteLedger, chain: Chain, run_seq: int) -> None:
    """An append that names any predecessor but the newest fact is refused, and nothing is recorded."""
    await ledger.append(chain, START, said("one"), said("two"))
    stale = Head(run_seq=run_seq, hash=(await ledger.run(chain))[0].leaf_hash if run_seq else START.hash)
    with pytest.raises(OutOfSequence):
        await ledger.append(chain, stale, said("out of turn"))
    assert len(await ledger.run(chain)) == 2


async def test_the_right_number_with_another_hash_is_not_next(ledger: SqliteLedger, chain: Chain) -> None:
    """Whoever saw another history cannot add to this one."""
    pending = ledger.append(chain, START, said("one"))
    await pending
    with pytest.raises(OutOfSequence):
        await ledger.append(chain, Head(run_seq=1, hash=bytes(32)), said("two"))


async def test_a_run_nobody_began_takes_no_second_fact(ledger: SqliteLedger, chain: Chain) -> None:
    """A fact that names a predecessor in an empty run is refused."""
    with pytest.raises(OutOfSequence):
        await ledger.append(chain, Head(run_seq=4, hash=bytes(32)), said("five"))


async def test_of_two_who_write_the_same_next_fact_one_is_taken(ledger: SqliteLedger, chain: Chain) -> None:
    """Two workers race for one place in a run; the ledger holds one of the two facts."""
    first, second = ledger.append(chain, START, said("first")), ledger.append(chain, START, said("second"))
    assert [await refusal_of(first), await refusal_of(second)] == [None, OutOfSequence]
    assert await words_of(ledger, chain) == [b'"first"']


async def test_a_failed_append_fails_all_later_ones_of_its_run(
    ledger: SqliteLedger, account: AccountId, chain: Chain
) -> None:
    """What builds on a refused fact is refused with it; other runs go on."""
    await ledger.append(new_chain(account), START, once("the order"))
    other = new_chain(account)
    refused = ledger.append(chain, START, once("the order"))
    on_top = ledger.append(chain, refused.head, said("on top"))
    elsewhere = ledger.append(other, START, said("elsewhere"))
    further = ledger.append(chain, on_top.head, said("further"))
    outcomes = [await refusal_of(pending) for pending in (refused, on_top, elsewhere, further)]
    assert outcomes == [ClaimTaken, OutOfSequence, None, OutOfSequence]
    assert list(await ledger.run(chain)) == []
    assert await words_of(ledger, other) == [b'"elsewhere"']


async def test_after_a_refusal_the_run_goes_on_from_where_it_stands(ledger: SqliteLedger, chain: Chain) -> None:
    """Whoever was refused reads the head again and appends after it."""
    await ledger.append(chain, START, once("the order"))
    with pytest.raises(ClaimTaken):
        await ledger.append(chain, await ledger.head(chain), once("the order"))
    await ledger.append(chain, await ledger.head(chain), said("instead"))
    assert await words_of(ledger, chain) == [b'"done once"', b'"instead"']


# Groups and claims


async def test_a_group_is_recorded_whole_or_not_at_all(ledger: SqliteLedger, account: AccountId, chain: Chain) -> None:
    """One refused fact in the middle keeps the whole group out."""
    await ledger.append(new_chain(account), START, once("the order"))
    before = len(await ledger.events(account))
    with pytest.raises(ClaimTaken):
        await ledger.append(chain, START, said("before"), once("the order"), said("behind"))
    assert list(await ledger.run(chain)) == []
    assert len(await ledger.events(account)) == before


async def test_a_group_stands_together_in_the_tree(ledger: SqliteLedger, account: AccountId) -> None:
    """Nobody else's fact comes between the facts of one group."""
    groups = [ledger.append(new_chain(account), START, said("a"), said("b"), said("c")) for _ in range(10)]
    for indexes in [await group for group in groups]:
        assert indexes == tuple(range(indexes[0], indexes[0] + 3))


async def test_a_claim_is_taken_once_across_runs(ledger: SqliteLedger, account: AccountId) -> None:
    """Of many runs that claim the same act at once, exactly one has it."""
    racing = [ledger.append(new_chain(account), START, once("send the letter")) for _ in range(16)]
    outcomes = [await refusal_of(pending) for pending in racing]
    assert (outcomes.count(None), outcomes.count(ClaimTaken)) == (1, 15)


async def test_a_claim_is_taken_once_within_one_append(ledger: SqliteLedger, chain: Chain) -> None:
    """The same act twice in one group is refused, both of it."""
    with pytest.raises(ClaimTaken):
        await ledger.append(chain, START, once("send the letter"), once("send the letter"))
    assert list(await ledger.run(chain)) == []


async def test_another_account_may_make_the_same_claim(ledger: SqliteLedger, account: AccountId) -> None:
    """Claims of one account say nothing about another's."""
    other = await ledger.open_account()
    await ledger.append(new_chain(account), START, once("send the letter"))
    await ledger.append(new_chain(other), START, once("send the letter"))


async def test_a_claim_in_a_refused_append_stays_free(ledger: SqliteLedger, account: AccountId, chain: Chain) -> None:
    """What was refused for another reason claimed nothing."""
    with pytest.raises(OutOfSequence):
        await ledger.append(chain, Head(run_seq=7, hash=bytes(32)), once("send the letter"))
    await ledger.append(new_chain(account), START, once("send the letter"))


# Restarts


async def test_a_restart_keeps_everything(place: Place) -> None:
    """What was acknowledged before is there after: facts, words, heads, claims and accounts."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        chain = new_chain(account)
        await ledger.append(chain, START, said("one"), once("the order"))
        before = (await ledger.events(account), await words_of(ledger, chain), await ledger.head(chain))
        system = ledger.system
    async with place.opened() as ledger:
        assert (await ledger.events(account), await words_of(ledger, chain), await ledger.head(chain)) == before
        assert (list(await ledger.accounts()), ledger.system) == ([account], system)
        assert await refusal_of(ledger.append(new_chain(account), START, once("the order"))) is ClaimTaken
        await ledger.append(chain, await ledger.head(chain), said("and on"))


async def test_what_was_not_waited_for_is_written_on_closing(place: Place) -> None:
    """Closing an orderly ledger loses nothing that was appended."""
    async with place.opened() as ledger:
        chain = new_chain(await ledger.open_account())
        ledger.append(chain, START, said("in passing"))
    async with place.opened() as ledger:
        assert await words_of(ledger, chain) == [b'"in passing"']


# An account's own chain


async def test_facts_without_a_run_form_one_chain(ledger: SqliteLedger, account: AccountId) -> None:
    """Facts recorded for an account itself follow each other from its opening on."""
    await ledger.record(account, said("a passkey", kind="person.enrolled"))
    own = list(await ledger.run(Chain.of_account(account)))
    assert kinds(own) == ["account.opened", "person.enrolled"]


async def test_many_record_at_once_and_refused_claims_stand_between(ledger: SqliteLedger, account: AccountId) -> None:
    """A refused fact is refused alone: every other one recorded in the same moment gets in, once."""
    await ledger.record(account, once("the grant"))

    async def record(number: int) -> type[HaloopError] | None:
        entry = once("the grant") if number % 3 == 0 else said(str(number), kind="grant.used")
        try:
            await ledger.record(account, entry)
        except HaloopError as error:
            return type(error)
        return None

    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*[record(number) for number in range(60)])
    assert [outcome for number, outcome in enumerate(outcomes) if number % 3 == 0] == [ClaimTaken] * 20
    assert outcomes.count(None) == 40
    own = list(await ledger.run(Chain.of_account(account)))
    assert kinds(own).count("grant.used") == 40
    assert [event.header.run_seq for event in own] == list(range(1, 43))


# Pages


async def test_an_account_is_read_in_pages(ledger: SqliteLedger, account: AccountId) -> None:
    """Page after page gives each event once, in the order of the tree, and ends with an empty page."""
    await ledger.append(new_chain(account), START, *[said(str(number)) for number in range(24)])
    pages = [await ledger.events(account, start=start, limit=10) for start in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [event.index for page in pages for event in page] == list(range(25))


async def test_a_page_never_shows_another_account(ledger: SqliteLedger, account: AccountId) -> None:
    """The last page of one account ends where its facts end, not where the next account's begin."""
    other = await ledger.open_account()
    await ledger.append(new_chain(other), START, said("theirs"))
    assert {event.header.account for event in await ledger.events(account, limit=1000)} == {account}
    with pytest.raises(NotFound):
        await ledger.event(account, 1)


# Time


async def test_time_in_a_ledger_never_goes_back(timed_ledger: SqliteLedger, clock: MovableClock) -> None:
    """After the wall clock is set back an hour, new facts carry the newest time already told."""
    account = await timed_ledger.open_account()
    clock.pass_seconds(10)
    await timed_ledger.append(new_chain(account), START, said("before"))
    clock.turn(-3600)
    await timed_ledger.append(new_chain(account), START, said("after"))
    stamps = [event.header.ts for event in await timed_ledger.events(account)]
    assert stamps == sorted(stamps)
    assert stamps[-1] == stamps[-2] == 1_760_000_010 * SECOND


async def test_time_does_not_go_back_over_a_restart(place: Place, clock: MovableClock) -> None:
    """A clock set back while nobody was looking does not write history before what is written."""
    async with place.opened(clock=clock) as ledger:
        account = await ledger.open_account()
    clock.turn(-86_400)
    async with place.opened(clock=clock) as ledger:
        await ledger.append(new_chain(account), START, said("after"))
        stamps = [event.header.ts for event in await ledger.events(account)]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(("seconds", "facts"), [(59, 0), (-59, 0), (60, 0), (61, 1), (-61, 1), (-7200, 1)])
async def test_a_moved_wall_clock_is_a_fact(
    timed_ledger: SqliteLedger, clock: MovableClock, seconds: int, facts: int
) -> None:
    """More than a minute of difference to the time since boot is recorded; up to a minute is not."""
    account = await timed_ledger.open_account()
    clock.turn(seconds)
    await timed_ledger.append(new_chain(account), START, said("after"))
    jumps = await jumps_in(timed_ledger)
    assert jumps == [f'{{"microseconds":{seconds * SECOND}}}'.encode()] * facts


async def test_time_that_passes_is_no_jump(timed_ledger: SqliteLedger, clock: MovableClock) -> None:
    """A quiet hour, or a laptop that slept, is not a moved clock."""
    account = await timed_ledger.open_account()
    clock.pass_seconds(3600)
    await timed_ledger.append(new_chain(account), START, said("after"))
    assert await jumps_in(timed_ledger) == []


async def test_each_jump_is_recorded_once(timed_ledger: SqliteLedger, clock: MovableClock) -> None:
    """A clock moved there and back leaves two facts, however much is appended in between."""
    account = await timed_ledger.open_account()
    for seconds in (600, -600):
        clock.turn(seconds)
        for _ in range(3):
            await timed_ledger.append(new_chain(account), START, said("meanwhile"))
    assert len(await jumps_in(timed_ledger)) == 2


async def test_a_jump_is_recorded_whatever_was_refused_before(timed_ledger: SqliteLedger, clock: MovableClock) -> None:
    """A refused fact about the home itself does not make the ledger overlook a moved clock."""
    await timed_ledger.record(timed_ledger.system, once("the setting"))
    with pytest.raises(ClaimTaken):
        await timed_ledger.record(timed_ledger.system, once("the setting"))
    account = await timed_ledger.open_account()
    clock.turn(600)
    await timed_ledger.append(new_chain(account), START, said("after"))
    assert len(await jumps_in(timed_ledger)) == 1


async def jumps_in(ledger: SqliteLedger) -> list[bytes]:
    own = await ledger.run(Chain.of_account(ledger.system))
    return [await ledger.body(event, "jump") for event in own if event.header.kind == "clock.jumped"]


# Checkpoints


async def test_a_fact_is_sealed_within_about_a_second(ledger: SqliteLedger, account: AccountId) -> None:
    """Asked for, a signed checkpoint that covers the newest fact is there within a second or so."""
    indexes = [(await ledger.append(new_chain(account), START, said(str(n))))[0] for n in range(3)]
    began = time.monotonic()
    for index in indexes:
        note = await ledger.sealed(account, index)
        assert open_note(note, ledger.verifier_key(account), verify_ed25519).size > index
    assert time.monotonic() - began < PROMPTLY


async def test_a_busy_account_is_signed_at_most_once_a_second(ledger: SqliteLedger, account: AccountId) -> None:
    """However much is appended, there are no more checkpoints of it than seconds, and each covers more."""
    seen: set[int] = set()
    began = time.monotonic()
    while time.monotonic() < began + 2.3:
        await ledger.append(new_chain(account), START, said("busy"))
        seen.add(read_unverified(await ledger.sealed(account, 0)).size)
    assert 2 <= len(seen) <= 2 + time.monotonic() - began


async def test_closing_signs_what_was_not_signed_yet(place: Place) -> None:
    """After an orderly end every fact is under a checkpoint, without anything new being appended."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        await ledger.sealed(account, 0)
        (index,) = await ledger.append(new_chain(account), START, said("the last word"))
    async with place.opened() as ledger, asyncio.timeout(PROMPTLY):
        assert read_unverified(await ledger.sealed(account, index)).size == index + 1


async def test_a_checkpoint_of_what_is_not_there_is_refused(ledger: SqliteLedger, account: AccountId) -> None:
    """Nobody waits for ever for the seal on a fact that does not exist."""
    async with asyncio.timeout(PROMPTLY):
        with pytest.raises(NotFound):
            await ledger.sealed(account, 1_000)
        with pytest.raises(NotFound):
            await ledger.sealed(new_account_id(), 0)


# Receipts


async def test_a_receipt_is_proved_by_whoever_has_the_key(
    ledger: SqliteLedger, account: AccountId, chain: Chain
) -> None:
    """A receipt shows the words it discloses, hides the others, and verifies under the log's key alone."""
    price = Part.of("price", "12.50 EUR")
    await ledger.append(chain, START, said("the wish"))
    await ledger.append(
        chain, await ledger.head(chain), Entry(kind="effect.happened", actor="kernel", parts=(price, *said("ok").parts))
    )
    receipt = await ledger.receipt(account, {1: [], 2: ["price"]})
    found = verify(Receipt.decode(receipt.encode()), ledger.verifier_key(account), verify_ed25519)
    assert kinds(list(found.events)) == ["step.done", "effect.happened"]
    assert {name: part.body for name, part in receipt.events[1].disclosed.items()} == {"price": b'"12.50 EUR"'}
    assert b"the wish" not in receipt.encode().encode()


async def test_a_receipt_does_not_hold_under_another_key(ledger: SqliteLedger, account: AccountId) -> None:
    """Somebody else's key, or another account's log, does not vouch for it."""
    other = await ledger.open_account()
    receipt = await ledger.receipt(account, {0: []})
    stranger = VerifierKey.of(ledger.verifier_key(account).name, bytes([9]) * 32)
    for key in (stranger, ledger.verifier_key(other)):
        with pytest.raises(BadReceipt):
            verify(receipt, key, verify_ed25519)


async def test_a_receipt_of_what_is_not_there_is_refused(ledger: SqliteLedger, account: AccountId) -> None:
    """Nobody waits for ever for the receipt of a fact that does not exist, or of none."""
    async with asyncio.timeout(PROMPTLY):
        with pytest.raises(NotFound):
            await ledger.receipt(account, {1_000: []})
        with pytest.raises(NotFound):
            await ledger.receipt(account, {0: ["price"]})
        with pytest.raises(HaloopError):
            await ledger.receipt(account, {})


async def test_a_stranger_checks_a_receipt_with_the_script_alone(
    ledger: SqliteLedger, account: AccountId, chain: Chain, tmp_path: Path
) -> None:
    """The one-file script proves a receipt; with one letter of it changed, it names the bad event."""
    await ledger.append(chain, START, said("I booked the table"), ended())
    text = (await ledger.receipt(account, {1: ["words"], 2: []})).encode()
    key = str(ledger.verifier_key(account))
    proved = await asyncio.to_thread(check_by_script, tmp_path / "receipt.json", text, key)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert "I booked the table" in proved.stdout
    forged = text.replace("step.done", "step.gone")
    bad = await asyncio.to_thread(check_by_script, tmp_path / "forged.json", forged, key)
    assert (bad.returncode, "event 1 (step.gone" in bad.stdout) == (1, True)


def check_by_script(path: Path, text: str, key: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    script = REPOSITORY / "tools" / "verify_receipt.py"
    return subprocess.run(
        [sys.executable, "-I", script, path, "--key", key], capture_output=True, text=True, check=False
    )


# Erasing


@dataclass(frozen=True)
class Story:
    """An ended run that says something about a person, and something else."""

    chain: Chain
    person: PersonId
    event: Event


@pytest.fixture
async def story(ledger: SqliteLedger, chain: Chain) -> Story:
    person = new_person_id()
    about = Part.of("about", "Ana is ill", subject=person)
    await ledger.append(
        chain, START, Entry(kind="step.done", actor="kernel", parts=(about, *said("a call").parts)), ended()
    )
    return Story(chain, person, (await ledger.run(chain))[0])


async def readable(ledger: SqliteLedger, event: Event) -> set[str]:
    """The names of an event's parts that can still be read."""
    names = set()
    for name in event.parts:
        try:
            await ledger.body(event, name)
        except Erased:
            continue
        names.add(name)
    return names


async def test_an_erased_part_is_gone_alone(ledger: SqliteLedger, story: Story) -> None:
    """One part cannot be read any more; the others of its event can, and every hash stays."""
    before = await ledger.events(story.chain.account)
    assert await readable(ledger, story.event) == {"about", "words"}
    await ledger.erase_part(story.event, "words", actor="person:ana", why="a slip")
    assert await readable(ledger, story.event) == {"about"}
    after = await ledger.events(story.chain.account)
    assert after[: len(before)] == before
    assert kinds(list(after))[len(before) :] == ["payload.erased"]


async def test_an_erased_run_is_silent(ledger: SqliteLedger, story: Story) -> None:
    """Nothing the run said can be read; what was said about a person goes with that person; other runs stay."""
    other = new_chain(story.chain.account)
    await ledger.append(other, START, said("elsewhere"))
    before = await ledger.run(story.chain)
    await ledger.erase_run(story.chain, actor="person:ana", why="asked to")
    assert await readable(ledger, story.event) == {"about"}
    assert await ledger.run(story.chain) == before
    assert await words_of(ledger, other) == [b'"elsewhere"']


async def test_an_erased_person_is_gone_everywhere(ledger: SqliteLedger, story: Story) -> None:
    """Every word about a person is gone in all the account's runs; words about others and other words stay."""
    other = new_chain(story.chain.account)
    ana, ben = (Part.of(name, name, subject=who) for name, who in (("ana", story.person), ("ben", new_person_id())))
    await ledger.append(other, START, Entry(kind="step.done", actor="kernel", parts=(ana, ben)), ended())
    before = await ledger.events(story.chain.account)
    await ledger.erase_subject(story.chain.account, story.person, actor="person:ana", why="asked to")
    assert await readable(ledger, story.event) == {"words"}
    assert await readable(ledger, (await ledger.run(other))[0]) == {"ben"}
    assert (await ledger.events(story.chain.account))[: len(before)] == before


async def test_an_erased_person_may_be_spoken_of_again(ledger: SqliteLedger, story: Story) -> None:
    """What is said about a person after the erasure is new, and can be erased in its turn."""
    await ledger.erase_subject(story.chain.account, story.person, actor="kernel", why="asked to")
    later = new_chain(story.chain.account)
    again = Part.of("about", "Ana is well", subject=story.person)
    await ledger.append(later, START, Entry(kind="step.done", actor="kernel", parts=(again,)), ended())
    (event, _) = await ledger.run(later)
    assert await ledger.body(event, "about") == b'"Ana is well"'
    await ledger.erase_subject(story.chain.account, story.person, actor="kernel", why="asked to again")
    assert await readable(ledger, event) == set()


async def test_words_still_on_their_way_are_erased_with_their_person(
    ledger: SqliteLedger, account: AccountId, chain: Chain
) -> None:
    """Whatever was appended before the erasure is erased by it, waited for or not."""
    person = new_person_id()
    about = Part.of("about", "Ana is ill", subject=person)
    ledger.append(chain, START, Entry(kind="step.done", actor="kernel", parts=(about,)), ended())
    await ledger.erase_subject(account, person, actor="kernel", why="asked to")
    assert await readable(ledger, (await ledger.run(chain))[0]) == set()


async def test_one_person_is_erased_in_one_account_only(ledger: SqliteLedger, story: Story) -> None:
    """The same person in another account is that account's to erase."""
    other = new_chain(await ledger.open_account())
    about = Part.of("about", "Ana, elsewhere", subject=story.person)
    await ledger.append(other, START, Entry(kind="step.done", actor="kernel", parts=(about,)), ended())
    await ledger.erase_subject(story.chain.account, story.person, actor="kernel", why="asked to")
    assert await readable(ledger, (await ledger.run(other))[0]) == {"about"}


async def test_an_erasure_says_who_and_why_but_not_what(ledger: SqliteLedger, story: Story) -> None:
    """The ledger keeps who asked for an erasure and why."""
    await ledger.erase_run(story.chain, actor="person:ana", why="a slip")
    erasure = (await ledger.events(story.chain.account))[-1]
    assert (erasure.header.kind, erasure.header.actor) == ("payload.erased", "person:ana")
    assert b'"why":"a slip"' in await ledger.body(erasure, "erasure")


async def test_an_erasure_outlives_a_restart(place: Place) -> None:
    """What was erased stays erased, and the rest stays readable."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        gone, kept = new_chain(account), new_chain(account)
        for chain in (gone, kept):
            await ledger.append(chain, START, said("words"), ended())
        await ledger.erase_run(gone, actor="kernel", why="asked to")
    async with place.opened() as ledger:
        assert await readable(ledger, (await ledger.run(gone))[0]) == set()
        assert await readable(ledger, (await ledger.run(kept))[0]) == {"words"}


async def test_only_what_has_ended_is_erased(ledger: SqliteLedger, account: AccountId, chain: Chain) -> None:
    """A run that goes on may yet need its words: its parts, itself and its people are refused."""
    person = new_person_id()
    about = Part.of("about", "Ana", subject=person)
    await ledger.append(chain, START, Entry(kind="step.done", actor="kernel", parts=(about,)))
    (event,) = await ledger.run(chain)
    before = len(await ledger.events(account))
    with pytest.raises(NotErasable):
        await ledger.erase_part(event, "about", actor="kernel", why="early")
    with pytest.raises(NotErasable):
        await ledger.erase_run(chain, actor="kernel", why="early")
    with pytest.raises(NotErasable):
        await ledger.erase_subject(account, person, actor="kernel", why="early")
    assert await readable(ledger, event) == {"about"}
    assert len(await ledger.events(account)) == before


async def test_an_accounts_own_chain_is_not_erased_whole(ledger: SqliteLedger, account: AccountId) -> None:
    """The chain that tells of erasures cannot itself be erased."""
    with pytest.raises(NotErasable):
        await ledger.erase_run(Chain.of_account(account), actor="kernel", why="everything")


async def test_the_record_of_an_erasure_is_not_erased(place: Place) -> None:
    """Nobody can make the ledger forget what it erased; it opens afterwards as before."""
    async with place.opened() as ledger:
        chain = new_chain(await ledger.open_account())
        await ledger.append(chain, START, said("words"), ended())
        await ledger.erase_run(chain, actor="kernel", why="asked to")
        erasure = (await ledger.events(chain.account))[-1]
        with pytest.raises(NotErasable):
            await ledger.erase_part(erasure, "erasure", actor="kernel", why="cover the tracks")
    async with place.opened() as ledger:
        assert await readable(ledger, (await ledger.run(chain))[0]) == set()


async def test_what_is_not_there_is_not_erased(ledger: SqliteLedger, account: AccountId, story: Story) -> None:
    """Erasing an unknown run or part is refused by name and records nothing."""
    before = len(await ledger.events(account))
    with pytest.raises(NotFound):
        await ledger.erase_run(new_chain(account), actor="kernel", why="a mistake")
    with pytest.raises(NotFound):
        await ledger.erase_part(story.event, "price", actor="kernel", why="a mistake")
    assert len(await ledger.events(account)) == before


@pytest.mark.parametrize(
    "more",
    [said("more"), Entry(kind="step.done", actor="kernel"), ended()],
    ids=["with words", "without words", "another end"],
)
async def test_an_erased_run_takes_no_more_facts(ledger: SqliteLedger, story: Story, more: Entry) -> None:
    """Nothing can be added to an erased run, said in words or not."""
    await ledger.erase_run(story.chain, actor="kernel", why="asked to")
    with pytest.raises(Erased):
        await ledger.append(story.chain, await ledger.head(story.chain), more)
    assert len(await ledger.run(story.chain)) == 2


async def test_a_receipt_of_an_erased_event_still_proves_it(
    ledger: SqliteLedger, account: AccountId, story: Story
) -> None:
    """The words cannot be disclosed any more; that they were recorded can still be proved."""
    await ledger.erase_run(story.chain, actor="kernel", why="asked to")
    with pytest.raises(Erased):
        await ledger.receipt(account, {1: ["words"]})
    receipt = await ledger.receipt(account, {1: []})
    verify(receipt, ledger.verifier_key(account), verify_ed25519)


# Many at once


async def test_sixty_four_producers_at_once(ledger: SqliteLedger, account: AccountId) -> None:
    """64 runs append at their own pace; each finds its own facts, in order, and nobody else's."""
    dice = random.Random(64)
    lengths = [dice.randint(1, 12) for _ in range(64)]

    async def produce(number: int) -> Chain:
        chain, head = new_chain(account), START
        for step in range(lengths[number]):
            pending = ledger.append(chain, head, said(f"{number}.{step}"))
            head = pending.head
            if step % 3 == number % 3:
                await pending
        await ledger.append(chain, head, ended())
        return chain

    chains = await asyncio.gather(*[produce(number) for number in range(64)])
    for number, chain in enumerate(chains):
        events = list(await ledger.run(chain))
        told = [await ledger.body(event, "words") for event in events[:-1]]
        assert told == [f'"{number}.{step}"'.encode() for step in range(lengths[number])]
    tree = await ledger.events(account, limit=10_000)
    assert [event.index for event in tree] == list(range(1 + sum(lengths) + 64))


async def test_whoever_stops_waiting_disturbs_nobody(ledger: SqliteLedger, account: AccountId) -> None:
    """Cancelled waits change nothing: the facts are recorded, and those who still wait hear so."""
    chain = new_chain(account)
    pending = ledger.append(chain, START, said("recorded all the same"))

    async def wait() -> tuple[int, ...]:
        return await pending

    impatient, patient = [asyncio.ensure_future(wait()) for _ in range(2)]
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == (1,)
    await until(impatient.done)
    assert impatient.cancelled()
    assert await words_of(ledger, chain) == [b'"recorded all the same"']


async def test_open_runs_say_what_they_recorded_and_ended_ones_are_not_among_them(
    ledger: SqliteLedger, account: AccountId
) -> None:
    """Whoever starts finds each run that has not ended, with the kinds of its facts in order and its newest place."""
    waiting, over = new_chain(account), new_chain(account)
    pending = ledger.append(waiting, START, said("one", kind="run.started"))
    await ledger.append(over, START, said("x"), ended())
    (newest,) = await ledger.append(waiting, pending.head, said("two", kind="gate.opened"))

    (run,) = ledger.open_runs()

    assert (run.chain, run.kinds, run.index) == (waiting, ("run.started", "gate.opened"), newest)
    assert run.ts == (await ledger.event(account, newest)).header.ts
