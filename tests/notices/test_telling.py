"""People are told what waits for them and what went wrong: once, in time, and whatever happens to process or post."""

import asyncio
import logging
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.checkpoint import open_note
from haloop.kernel.fact import CredentialEnrolled, GateExtended, PersonRemoved, RulesSet
from haloop.kernel.gate import Need, need_as_canonical
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.notice import Preferences
from haloop.kernel.operation import Found
from haloop.kernel.passkey import ES256
from haloop.kernel.people import Role
from haloop.notices.telling import TRIES_MAX, Telling
from haloop.notices.words import TITLES
from haloop.store.kept import read_kept
from haloop.store.notices import FILE
from haloop.store.signing import read_or_make_signer, verify_ed25519
from haloop.testing.passkey import Passkey
from haloop.testing.practice import Practice
from tests.engines.buying import Asks, Bought, Counter, Order, buy, buy_and_break, buy_if_asked, opened
from tests.notices.post import (
    ADDRESS,
    Browser,
    Post,
    PushService,
    checkpoint_of,
    letter_text,
    post_office,
    push_service,
    told,
)

ANA, BO = "ana@example.org", "bo@example.org"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAITS, EXPIRES, FAILED, DIGEST = (TITLES[kind] for kind in list(TITLES)[:4])
SECRET = Order(item="a very private thing", shop="Dr. Private", cents=123_45)


@dataclass(kw_only=True)
class House:
    """A practice house, the post office in its street, and Ana, who owns it and wants mail."""

    practice: Practice
    shop: Counter
    post: Post
    service: PushService
    ana: PersonId
    telling: Telling = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def ask(self, **asks: Any) -> RunId:
        return await self.practice.start(buy.of(SECRET, Asks(**asks)))

    async def move(self, by: timedelta) -> None:
        """Let time pass, and whoever is to be told be told."""
        await self.practice.move(by)
        await self.telling.look()

    async def told(self) -> list[str]:
        """The subjects of all mail so far."""
        await self.telling.look()
        return self.post.subjects

    def told_to(self, subject: str) -> list[list[str]]:
        """To whom such messages went."""
        letters = zip(self.post.recipients, self.post.subjects, strict=True)
        return [to for to, said in letters if said == subject]

    async def approver(self, name: str, address: str, role: Role = Role.APPROVER) -> PersonId:
        person = await self.practice.person(name, role)
        await self.telling.prefer(self.practice.account, person, Preferences(address=address, mail=True))
        return person

    async def stop(self) -> None:
        """Stop the process; `restart` starts it again."""
        await self.tell_nobody()
        await self.practice.stop()

    async def restart(self) -> None:
        """Stop the process and start it again."""
        await self.tell_nobody()
        await self.practice.restart()
        await self.tell_people()

    async def tell_people(self) -> None:
        self.telling = await self._open.enter_async_context(
            told(self.practice, mail=self.post.server, service=self.service.address)
        )

    async def tell_nobody(self) -> None:
        """As if the process had ended, and the engine went on without it."""
        await self._open.aclose()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with at_home(tmp_path) as opened_house:
        yield opened_house


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[House]:
    shop = Counter()
    async with post_office() as post, push_service() as service, opened(folder, shop) as practice:
        ana = await practice.person("Ana")
        house = House(practice=practice, shop=shop, post=post, service=service, ana=ana)
        await house.tell_people()
        try:
            await house.telling.prefer(practice.account, ana, Preferences(address=ANA, mail=True))
            yield house
        finally:
            await house.tell_nobody()


# What waits


async def test_a_gate_is_told_to_whoever_may_answer_it_at_once_and_once(house: House) -> None:
    """One message to each, however often anybody looks; nobody who may only see, and nobody who wants none."""
    await house.approver("Bo", BO)
    await house.approver("Vic", "vic@example.org", Role.VIEWER)
    await house.practice.person("Cy", Role.APPROVER)
    run = await house.ask()

    await house.told()
    await house.move(MINUTE)

    assert sorted(house.post.recipients) == [[ANA], [BO]]
    assert house.post.subjects == [WAITS, WAITS]
    assert f"{ADDRESS}/open?draft_id={house.practice.gate_of(run)}\n" in letter_text(house.post.letters[0])


async def test_nothing_private_leaves_the_house(house: House) -> None:
    """No amount, no name, no draft: in no header, no text and no push; and no link that does anything."""
    browser = house.service.browser()
    await house.telling.add_device(house.practice.account, house.ana, browser.device)
    house.shop.fails = True
    run = await house.ask()
    await house.told()
    await house.practice.yes(run, house.ana)
    await house.move(3 * MINUTE)

    said = [_all_words(letter) for letter in house.post.letters]
    said += [str(browser.read(asked.body)) for asked in house.service.heard]
    assert len(said) == 5
    for words in said:
        assert not re.search(r"private|Karl|123|EUR|shop|buy|Ana\b", words)
        links = re.findall(r"http[^\s\"'<>)]+", words)
        assert links
        assert all(
            re.fullmatch(rf"{ADDRESS}/(open\?draft_id=gate_\w+|open\?execution_id=run_\w+|plain#notices)", link)
            for link in links
        )


async def test_whoever_keeps_a_message_is_a_witness(house: House, tmp_path: Path) -> None:
    """The checkpoint that came by mail, saved as it is, verifies and counts at the next start; the push has one too."""
    browser = house.service.browser()
    await house.telling.add_device(house.practice.account, house.ana, browser.device)
    await house.ask()
    await house.told()

    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "checkpoint.txt").write_bytes(checkpoint_of(house.post.letters[0]))
    signer = read_or_make_signer(house.practice.folder / "secrets")
    (note,) = read_kept(tmp_path / "kept", signer.public_key)
    key = house.practice.ledger.verifier_key(house.practice.account)
    size = await house.practice.ledger.size(house.practice.account)
    assert open_note(note, key, verify_ed25519).size == size
    pushed = browser.read(house.service.heard[0].body)["checkpoint"]
    assert open_note(pushed, key, verify_ed25519).size == size


async def test_a_new_revision_is_told_anew(house: House) -> None:
    """A change by somebody voids what was told of the old draft, and the new one waits."""
    run = await house.ask()
    await house.told()

    await house.practice.change(run, house.ana, 700)

    assert await house.told() == [WAITS, WAITS]


async def test_whoever_has_said_yes_is_not_asked_again(house: House) -> None:
    """With two needed, one who answered is not warned; the other is."""
    bo = await house.approver("Bo", BO)
    run = await house.ask(count=2, within_days=1)
    await house.told()
    await house.practice.yes(run, bo)

    await house.move(DAY - timedelta(minutes=30))

    assert house.told_to(EXPIRES) == [[ANA]]


async def test_an_escalation_is_told_to_whoever_may_answer_now(house: House) -> None:
    """They did not hear of it before; those who did do not hear of it again."""
    await house.approver("Bo", BO)
    await house.ask(roles=(Role.OWNER,), escalates_to=(Role.APPROVER,))
    await house.told()
    before = list(house.post.recipients)

    await house.move(2 * HOUR)

    assert (before, house.post.recipients) == ([[ANA]], [[ANA], [BO]])


async def test_what_is_about_to_expire_is_told_once_more(house: House) -> None:
    """An hour before; given more time, an hour before that; and nothing once it is over."""
    run = await house.ask(within_days=1)
    await house.move(23 * HOUR)
    first = list(house.post.subjects)
    gate = house.practice.gate_of(run)
    until = (await house.practice.view(gate)).gate.expires_at + 6 * 3_600_000_000
    await house.practice.engine.extend(house.practice.account, gate, by=house.ana, until=until)
    await house.move(5 * HOUR)
    second = list(house.post.subjects)
    await house.move(HOUR)

    assert first == [WAITS, EXPIRES]
    assert second == [WAITS, EXPIRES]
    assert house.post.subjects == [WAITS, EXPIRES, EXPIRES]
    assert any(isinstance(fact, GateExtended) for fact in await house.practice.facts(run))


async def test_what_was_answered_before_anybody_was_told_is_not_told(house: House) -> None:
    """The post was away; meanwhile somebody said no."""
    house.post.refuses = "450 not now"
    run = await house.ask()
    await house.told()
    await house.practice.no(run, house.ana)
    house.post.refuses = ""

    await house.move(HOUR)

    assert house.post.letters == []


async def test_whoever_asked_is_not_told_where_somebody_else_must_answer(house: House) -> None:
    """Separation holds here too."""
    await house.approver("Bo", BO)
    await house.practice.start(buy.of(SECRET, Asks(separation=True)), by=f"person:{house.ana}")

    await house.told()

    assert house.post.recipients == [[BO]]


# Quiet hours


async def test_quiet_hours_hold_back_what_can_wait(house: House) -> None:
    """It is eight in the morning in London; whoever wants quiet until ten hears of it then."""
    quiet = Preferences(address=ANA, mail=True, quiet_from="07:00", quiet_to="10:00", zone="Europe/London")
    await house.telling.prefer(house.practice.account, house.ana, quiet)
    await house.ask()
    before = await house.told()

    await house.move(2 * HOUR - MINUTE)
    still = list(house.post.subjects)
    await house.move(MINUTE)

    assert (before, still, house.post.subjects) == ([], [], [WAITS])


async def test_a_recovery_code_that_was_used_is_told_to_every_owner_at_once(house: House) -> None:
    """Also in hours of quiet, and to nobody who owns nothing; a passkey that another one confirmed is no news."""
    quiet = Preferences(address=ANA, mail=True, quiet_from="00:00", quiet_to="23:59")
    await house.telling.prefer(house.practice.account, house.ana, quiet)
    await house.approver("Bo", BO, Role.OWNER)
    await house.approver("Cy", "cy@example.org")
    enrolled = CredentialEnrolled(
        person=house.ana, credential="AAAA", algorithm=ES256, public_key=Passkey.made().key.public_key.hex()
    )
    for fact in (enrolled, replace(enrolled, credential="BBBB", recovery_code="a salt")):
        await house.practice.engine.record(house.practice.account, fact, by="kernel")

    assert await house.told() == ["A passkey was added with a recovery code"] * 2
    assert sorted(house.post.recipients) == [[ANA], [BO]]


async def test_a_ceiling_that_rose_is_told_to_every_owner_at_once(house: House) -> None:
    """Also in hours of quiet, and to nobody who owns nothing; rules that are stricter are no news."""
    quiet = Preferences(address=ANA, mail=True, quiet_from="00:00", quiet_to="23:59")
    await house.telling.prefer(house.practice.account, house.ana, quiet)
    await house.approver("Bo", BO, Role.OWNER)
    await house.approver("Cy", "cy@example.org")
    stricter = RulesSet(need=need_as_canonical(Need()), ceilings=[])
    for fact in (stricter, replace(stricter, is_looser=True)):
        await house.practice.engine.record(house.practice.account, fact, by=f"person:{house.ana}")

    assert await house.told() == ["A limit of the account was raised or lifted"] * 2
    assert sorted(house.post.recipients) == [[ANA], [BO]]


async def test_quiet_hours_that_are_changed_hold_for_what_is_owed(house: House) -> None:
    """Whoever ends them hears at once what waited for their end."""
    quiet = Preferences(address=ANA, mail=True, quiet_from="07:00", quiet_to="20:00")
    await house.telling.prefer(house.practice.account, house.ana, quiet)
    await house.ask()
    before = await house.told()

    await house.telling.prefer(house.practice.account, house.ana, Preferences(address=BO, mail=True))

    assert (before, await house.told(), house.post.recipients) == ([], [WAITS], [[BO]])


async def test_what_would_expire_in_quiet_hours_is_told_all_the_same(house: House) -> None:
    """Within a day of quiet, a gate of one day is worth breaking it."""
    quiet = Preferences(address=ANA, mail=True, quiet_from="07:50", quiet_to="07:45")
    await house.telling.prefer(house.practice.account, house.ana, quiet)
    await house.ask(within_days=3)
    can_wait = await house.told()

    run = await house.ask(within_days=1)

    assert (can_wait, await house.told()) == ([], [WAITS])
    assert house.practice.gate_of(run) in letter_text(house.post.letters[0])


# What went wrong


async def test_a_run_that_cannot_go_on_is_told(house: House) -> None:
    """To the owner, with a link to the run; once, however often it is tried again."""
    run = await house.practice.start(buy_and_break.of(SECRET))
    await house.practice.yes(run, house.ana)
    await house.told()
    failed = [one for one in house.post.letters if one["Subject"] == FAILED]

    await house.restart()
    await house.move(MINUTE)

    assert len(failed) == house.post.subjects.count(FAILED) == 1
    assert f"{ADDRESS}/open?execution_id={run}\n" in letter_text(failed[0])


async def test_an_effect_that_stays_unknown_is_told(house: House) -> None:
    """After the time in which such things are found out by themselves."""
    house.shop.fails = True
    run = await house.ask()
    await house.practice.yes(run, house.ana)
    at_once = (await house.told()).count(FAILED)

    await house.move(3 * MINUTE)

    assert (at_once, house.post.subjects.count(FAILED)) == (0, 1)


async def test_what_was_found_out_in_time_troubles_nobody(house: House) -> None:
    """Somebody settled it within a minute."""
    house.shop.fails = True
    run = await house.ask()
    await house.practice.yes(run, house.ana)
    await house.told()
    result = {"number": "1", "charged": None}
    await house.practice.settle(run, house.ana, happened=True, result=result)

    await house.move(HOUR)

    assert FAILED not in house.post.subjects


async def test_a_question_nobody_answered_is_told_to_whoever_asked(house: House) -> None:
    """And to the owners; an approver who neither asked nor owns has nothing to do with it."""
    await house.approver("Bo", BO)
    cy = await house.approver("Cy", "cy@example.org")
    await house.practice.start(buy.of(SECRET, Asks(within_days=1)), by=f"person:{cy}")

    await house.move(DAY)

    assert sorted(house.told_to(FAILED)) == [[ANA], ["cy@example.org"]]


@pytest.mark.parametrize("says_yes", [True, False])
async def test_what_ended_as_somebody_decided_is_no_failure(house: House, says_yes: bool) -> None:
    """A yes that was carried out, and a no."""
    run = await house.ask()
    await (house.practice.yes if says_yes else house.practice.no)(run, house.ana)

    await house.move(HOUR)

    assert FAILED not in house.post.subjects


async def test_a_charge_above_what_was_approved_is_told(house: House) -> None:
    """The receipt says so, and so does a message."""
    house.shop.charges = 999_99
    run = await house.ask()
    await house.practice.yes(run, house.ana)

    assert FAILED in await house.told()


async def test_evidence_to_the_contrary_is_told(house: House) -> None:
    """Somebody had said that it was not done; later the outside shows that it was."""
    house.shop.fails = True
    run = await house.ask()
    gate = house.practice.gate_of(run)
    await house.practice.yes(run, house.ana)
    await house.practice.settle(run, house.ana, happened=False)
    before = (await house.told()).count(FAILED)

    await house.practice.engine.contradict(house.practice.account, gate, "buy", Found(result=Bought(number="1")))

    assert (before, (await house.told()).count(FAILED)) == (1, 2)


# The digest


async def test_the_rest_is_counted_once_a_day(house: House) -> None:
    """At the time that was asked for, in numbers alone; a day on which nothing happened brings nothing."""
    daily = Preferences(address=ANA, mail=True, digest_at="18:00", zone="Europe/Berlin")
    await house.telling.prefer(house.practice.account, house.ana, daily)
    for _ in range(2):
        await house.practice.yes(await house.ask(), house.ana)
    await house.move(9 * HOUR - MINUTE)
    before = house.post.subjects.count(DIGEST)

    await house.move(MINUTE)
    await house.move(DAY)
    await house.move(DAY)

    digests = [letter_text(one) for one in house.post.letters if one["Subject"] == DIGEST]
    assert (before, len(digests)) == (0, 1)
    assert digests[0].split("\n\n")[:4] == [
        "2 runs began.",
        "A yes was asked for 2 times.",
        "2 drafts were approved.",
        "2 effects happened.",
    ]


async def test_a_digest_that_was_due_while_stopped_comes_once(house: House) -> None:
    """Three days late, it tells all three days."""
    daily = Preferences(address=ANA, mail=True, digest_at="18:00")
    await house.telling.prefer(house.practice.account, house.ana, daily)
    await house.practice.no(await house.ask(), house.ana)
    house.practice.clock.move(3 * DAY)

    await house.restart()
    await house.move(MINUTE)

    assert house.post.subjects.count(DIGEST) == 1


# At most once, whatever happens


async def test_a_restart_forgets_nothing_and_repeats_nothing(house: House) -> None:
    """What was told stays told; what happened while nobody was there to tell it is told by the next process."""
    first = await house.ask()
    await house.told()
    await house.tell_nobody()
    second = await house.ask()
    await house.restart()

    await house.move(MINUTE)
    await house.restart()
    await house.move(MINUTE)

    gates = [house.practice.gate_of(run) for run in (first, second)]
    assert [re.search(r"draft_id=(gate_\w+)", letter_text(one))[1] for one in house.post.letters] == gates  # type: ignore[index]


async def test_a_message_that_may_have_gone_goes_again_under_the_same_name(house: House) -> None:
    """The post took it and hung up before saying so: two copies, and every reader's program knows them for one."""
    house.post.answers = [""]
    await house.ask()
    await house.told()

    await house.move(HOUR)

    assert len(house.post.letters) == 2
    assert len({str(one["Message-ID"]) for one in house.post.letters}) == 1


async def test_a_post_office_that_is_closed_is_asked_again_ever_more_seldom(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """The work goes on meanwhile, the status says that somebody was not told, and once it opens they are."""
    house.post.refuses = "450 closed"
    run = await house.ask()
    for _ in range(40):
        await house.move(MINUTE)
    late = (await house.telling.status(house.practice.account)).debts
    await house.practice.yes(run, house.ana)
    again = await house.ask()
    house.post.refuses = ""
    await house.move(2 * HOUR)

    assert (late.owed, late.given_up) == (1, 0)
    assert "450" in late.problem
    assert len([one for one in caplog.records if one.message == "not told yet"]) <= 8
    assert [letter_text(one).count(house.practice.gate_of(again)) for one in house.post.letters] == [1]
    assert (await house.telling.status(house.practice.account)).debts.owed == 0
    assert "run.ended" in await house.practice.kinds(run)


async def test_what_cannot_be_told_is_given_up_loudly(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """After enough tries it stands in the log and the status, without the address, until mail arrives again."""
    house.post.refuses = "450 closed to ana@example.org"
    await house.ask(within_days=30)
    for _ in range(TRIES_MAX + 4):
        await house.move(2 * HOUR)
    given_up = (await house.telling.status(house.practice.account)).debts

    house.post.refuses = ""
    await house.ask(within_days=30)
    await house.told()

    assert (given_up.owed, given_up.given_up) == (0, 1)
    assert [one.levelno for one in caplog.records if one.message == "given up telling"] == [logging.ERROR]
    assert ANA not in caplog.text + given_up.problem
    assert house.post.subjects == [WAITS]
    assert (await house.telling.status(house.practice.account)).debts.given_up == 0


async def test_an_address_that_is_refused_for_good_is_given_up_at_once(house: House) -> None:
    """And a new address begins anew."""
    house.post.refuses = "550 nobody of that name"
    await house.ask()
    await house.told()
    given_up = (await house.telling.status(house.practice.account)).debts.given_up

    house.post.refuses = ""
    await house.telling.prefer(house.practice.account, house.ana, Preferences(address=BO, mail=True))

    assert given_up == 1
    assert (await house.telling.status(house.practice.account)).debts.given_up == 0


async def test_a_slow_post_office_slows_no_run(house: House) -> None:
    """While it holds a message, runs begin, are approved, and end."""
    house.post.dozes = True
    await house.ask()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(20):
        await house.practice.yes(await house.ask(), house.ana)

    assert loop.time() - begun < 5
    assert len(house.shop.sold) == 20


# Devices


async def test_a_device_is_told_beside_the_mail(house: House) -> None:
    """Each of them, and only those that are still there."""
    one, other = house.service.browser("one"), house.service.browser("other")
    known = [
        await house.telling.add_device(house.practice.account, house.ana, device.device) for device in (one, other, one)
    ]
    await house.telling.remove_device(house.practice.account, house.ana, known[1].id)
    await house.ask()

    assert await house.told() == [WAITS]
    assert [asked.line for asked in house.service.heard] == ["POST /send/one HTTP/1.1"]
    assert one.read(house.service.heard[0].body)["title"] == WAITS


async def test_a_device_that_is_gone_is_forgotten(house: House) -> None:
    """Its service said so; nothing of it is kept, and nobody calls there again."""
    device = house.service.browser().device
    await house.telling.add_device(house.practice.account, house.ana, device)
    house.service.status = 410
    await house.ask()
    await house.told()

    await house.ask()
    await house.told()

    assert len(house.service.heard) == 1
    assert await house.telling.devices(house.practice.account, house.ana) == []
    assert (await house.telling.status(house.practice.account)).debts.given_up == 0


async def test_whoever_decides_elsewhere_finds_nothing_waiting_on_the_device(house: House) -> None:
    """The message that takes the first one's place names the same draft, says nothing of the answer, and comes once."""
    browser = house.service.browser()
    await house.telling.add_device(house.practice.account, house.ana, browser.device)
    run = await house.ask()
    gate = house.practice.gate_of(run)
    await house.told()

    await house.practice.no(run, house.ana)
    await house.move(MINUTE)
    await house.restart()
    await house.move(HOUR)

    said = [browser.read(asked.body) for asked in house.service.heard]
    assert [one["kind"] for one in said] == ["waits", "over"]
    assert {one["link"] for one in said} == {f"{ADDRESS}/open?draft_id={gate}"}
    assert house.service.heard[1].headers["urgency"] == "normal"
    assert house.post.subjects == [WAITS]


async def test_what_a_device_never_showed_is_not_taken_back(house: House) -> None:
    """It was subscribed after the gate was opened, or its service did not take the message."""
    early = await house.ask()
    await house.told()
    await house.telling.add_device(house.practice.account, house.ana, house.service.browser().device)
    house.service.status = 503
    late = await house.ask()
    await house.told()
    house.service.status, tried = 201, len(house.service.heard)

    for run in (early, late):
        await house.practice.no(run, house.ana)
    await house.move(HOUR)

    assert len(house.service.heard) == tried


async def test_whoever_has_said_yes_finds_nothing_waiting_on_their_device(house: House) -> None:
    """Two are needed: who answered has nothing before them, and hears of the next revision as of something new."""
    browsers = {name: house.service.browser(name) for name in ("ana", "bo")}
    bo = await house.approver("Bo", BO)
    for person, name in ((house.ana, "ana"), (bo, "bo")):
        await house.telling.add_device(house.practice.account, person, browsers[name].device)
    run = await house.ask(count=2)
    await house.told()

    await house.practice.yes(run, bo)
    await house.told()
    answered = _kinds_by_device(house.service, browsers)
    await house.practice.change(run, house.ana, 700)
    await house.told()
    changed = _kinds_by_device(house.service, browsers)
    await house.practice.no(run, house.ana)
    await house.told()

    assert answered == {"ana": ["waits"], "bo": ["waits", "over"]}
    assert changed == {"ana": ["waits", "waits"], "bo": ["waits", "over", "waits"]}
    assert _kinds_by_device(house.service, browsers) == {name: [*kinds, "over"] for name, kinds in changed.items()}


async def test_what_was_shown_by_day_is_taken_back_in_quiet_hours(house: House) -> None:
    """Also where a newer revision had not been told yet: the message makes no sound."""
    browser = house.service.browser()
    await house.telling.add_device(house.practice.account, house.ana, browser.device)
    run = await house.ask(within_days=3)
    await house.told()
    quiet = Preferences(quiet_from="07:00", quiet_to="20:00")
    await house.telling.prefer(house.practice.account, house.ana, quiet)
    await house.practice.change(run, house.ana, 700)
    await house.told()

    await house.practice.no(run, house.ana)
    await house.told()

    assert [browser.read(asked.body)["kind"] for asked in house.service.heard] == ["waits", "over"]


async def test_one_who_never_said_more_is_told_on_the_device(house: House) -> None:
    """To subscribe is to want it; the mail is for those who gave an address."""
    bo = await house.practice.person("Bo")
    await house.telling.add_device(house.practice.account, bo, house.service.browser().device)
    await house.ask()
    await house.told()

    assert (len(house.service.heard), house.post.recipients) == (1, [[ANA]])


# People who go


async def test_whoever_is_taken_out_is_told_nothing_and_nothing_is_kept_of_them(house: House) -> None:
    """Their address, their devices and what they were owed are in no file any more."""
    bo = await house.approver("Bo", BO)
    device = house.service.browser("a-secret-place").device
    await house.telling.add_device(house.practice.account, bo, device)
    files = sorted(house.practice.home.glob(f"{FILE}*"))
    assert any(b"a-secret-place" in file.read_bytes() for file in files)

    await house.practice.engine.record(house.practice.account, PersonRemoved(person=bo), by="kernel")
    await house.told()
    await house.ask()
    await house.told()

    assert house.post.recipients == [[ANA]]
    assert house.service.heard == []
    left = b"".join(file.read_bytes() for file in sorted(house.practice.home.glob(f"{FILE}*")))
    assert (BO.encode() in left, b"a-secret-place" in left) == (False, False)


async def test_an_erasure_of_a_person_takes_their_address_along(house: House) -> None:
    """Whoever is erased from the ledger is erased here."""
    bo = await house.approver("Bo", BO)
    await house.practice.ledger.erase_subject(house.practice.account, bo, actor="kernel", why="asked to")
    await house.restart()

    await house.told()

    left = b"".join(file.read_bytes() for file in sorted(house.practice.home.glob(f"{FILE}*")))
    assert BO.encode() not in left
    assert ANA.encode() in left


async def test_whoever_wants_no_more_is_told_no_more(house: House) -> None:
    """Also not what was owed already; and the address that was taken out is in no file."""
    house.post.refuses = "450 closed"
    await house.ask()
    await house.told()
    house.post.refuses = ""

    await house.telling.prefer(house.practice.account, house.ana, Preferences(push=False))
    await house.move(HOUR)

    assert house.post.letters == []
    left = b"".join(file.read_bytes() for file in sorted(house.practice.home.glob(f"{FILE}*")))
    assert ANA.encode() not in left


async def test_the_file_is_for_its_owners_eyes_only(house: House) -> None:
    """It holds addresses."""
    modes = {file.name: file.stat().st_mode & 0o077 for file in house.practice.home.glob(f"{FILE}*")}

    assert modes
    assert set(modes.values()) == {0}
    assert (house.practice.home / "push.key").stat().st_mode & 0o077 == 0


# Trying it out


async def test_a_try_says_what_happened_each_way(house: House) -> None:
    """One message now, quiet hours or not."""
    await house.telling.add_device(house.practice.account, house.ana, house.service.browser().device)
    house.service.status = 403

    tried = await house.telling.try_out(house.practice.account, house.ana)

    assert [(bool(one.device), one.problem and one.problem.code) for one in tried] == [
        (False, None),
        (True, "notice.refused"),
    ]
    assert house.post.recipients == [[ANA]]
    assert await house.telling.try_out(house.practice.account, PersonId("per_" + "0" * 32)) == []


async def test_a_ledger_that_went_back_is_read_from_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the ledger asks again after a restore is told, though more events than it has now were read before."""
    monkeypatch.setattr("haloop.store.writer.CHECKPOINT_SECONDS", 0.0)
    home, saved = house.practice.home, house.practice.folder / "saved"
    first = await house.practice.start(buy_if_asked.of(SECRET))
    await house.told()
    await house.stop()
    shutil.copytree(home, saved)
    await house.restart()
    for _ in range(5):
        await house.practice.start(buy_if_asked.of(SECRET))
    await house.told()
    await house.stop()
    shutil.copy(home / FILE, saved / FILE)  # a restore leaves it where it is
    shutil.rmtree(home)
    shutil.copytree(saved, home)
    house.practice.clock.move(timedelta(seconds=1))
    before = list(house.post.subjects)

    await house.restart()
    await house.told()

    assert before == [WAITS] * 6
    assert house.post.subjects == [WAITS] * 7
    assert house.practice.gate_of(first) in letter_text(house.post.letters[-1])
    assert (await house.practice.view(house.practice.gate_of(first))).gate.revision == 2


def _kinds_by_device(service: PushService, browsers: Mapping[str, Browser]) -> dict[str, list[str]]:
    """What each device was told, in order."""
    return {
        name: [browser.read(asked.body)["kind"] for asked in service.heard if f"/send/{name} " in asked.line]
        for name, browser in browsers.items()
    }


def _all_words(letter: EmailMessage) -> str:
    """Every header and every part of a message, but for the recipient's own address and the checkpoint."""
    headers = [f"{name}: {value}" for name, value in letter.items() if name != "To"]
    parts = [part.get_content() for part in letter.walk() if part.get_content_type() in ("text/plain", "text/html")]
    return "\n".join([*headers, *(part for part in parts if not part.startswith("haloop.local/"))])
