"""Row 9: whatever people, agents and the outside may do, in any order that Hypothesis can think of.

A state machine drives a real engine on a real ledger by its public API: runs begin, people say yes, no, something
else, the same again or too late, join and leave, change the rules, give and take back grants; the shop has troubles,
time passes, the process ends well or badly. After each step every new fact is shown to the model, and what the engine
knows is held against what the model knows. At the end the troubles stop, all is settled, and the history is judged
by the shop's own book. A sequence that breaks a promise is made as short as Hypothesis can make it.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import engine as search
from hypothesis.reporting import with_reporter
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from haloop.engines import local
from haloop.engines.granting import give_grant
from haloop.engines.reading import read_known
from haloop.kernel.errors import HaloopError, LedgerClosed
from haloop.kernel.fact import GrantGiven, PersonAdded, PersonRemoved
from haloop.kernel.gate import Answer, GateId, GateStatus, Need, Verdict, gate_id
from haloop.kernel.grant import GrantTerms
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.operation import Absent, Found
from haloop.kernel.people import Role
from haloop.kernel.policy import Ceiling
from haloop.kernel.procedure import Request
from haloop.testing.practice import Practice
from haloop.testing.provider import Trouble
from tests.faults.controls import patched, planted
from tests.faults.invariants import (
    Broken,
    Deed,
    Known,
    Noted,
    budget_broken,
    check,
    effects_broken,
    gates_broken,
    timers_broken,
)
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread
from tests.faults.model import Model, Now
from tests.faults.paper import DAY, MINUTE, SECOND, Asked, Part, Stands
from tests.faults.shopping import (
    SHOPS,
    Asks,
    CornerShop,
    Order,
    connector,
    desk,
    eur,
    opened_shop,
    purchase,
)

STEPS = 50
SEQUENCES_PER_SEARCH = 50
REST_SECONDS_MAX = 10.0
SHORTENING_SECONDS_MAX = 60
_VERIFIED_EVERY = 10
_LIVE_FEW = 2

PEOPLE = {
    name: PersonId(f"per_{number:032x}") for number, name in enumerate(("ana", "ben", "cleo", "vic", "dora"), start=1)
}
ROLES = {
    "ana": [Role.OWNER],
    "ben": [Role.OWNER],
    "cleo": [Role.APPROVER],
    "vic": [Role.VIEWER],
    "dora": [Role.OWNER, Role.APPROVER],
}
AGENT = "agent:test"
Rules = tuple[int, bool, tuple[tuple[int, int], ...]]
"""How many must say yes, whether those who asked may, and how many cents go in how many days."""
_RULES: tuple[Rules, ...] = (
    (1, False, ()),
    (2, False, ()),
    (1, True, ()),
    (1, False, ((1_000, 1),)),
    (1, False, ((1_500, 1), (2_500, 7))),
)
_MOVES = (1, SECOND, 2 * SECOND, MINUTE, MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE, DAY, 8 * DAY)
_TROUBLES = sorted(set(Trouble) - {Trouble.DAWDLES})  # whoever dawdles is really waited for; row 10 does that
_WRONGLY = ("as a stranger", "to no gate", "to no run", "to a door", "elsewhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What happens to the next purchases, and to the next questions about them."""

    calls: list[Trouble]
    questions: list[Trouble]
    surcharges: list[int]


names = st.sampled_from(sorted(set(PEOPLE) - {"dora"}))
orders = st.lists(
    st.builds(
        Order,
        what=st.sampled_from(("tea", "milk")),
        shop=st.sampled_from(("Karl", "Lisa")),
        cents=st.sampled_from((0, 300, 700)),
    ),
    min_size=1,
    max_size=2,
)
asks = st.builds(
    Asks,
    count=st.sampled_from((1, 1, 2)),
    separation=st.sampled_from((False, False, False, True)),
    escalates=st.sampled_from((False, False, False, True)),
    within_minutes=st.sampled_from((120, 10, 24 * 60)),
    pause_minutes=st.sampled_from((0, 0, 0, 10, 30)),
    at_once=st.booleans(),
)
which = st.integers(0, 5)
mostly = st.sampled_from((True, True, True, False))
changes = st.sampled_from((300, 700, 900, -1))
payees = st.sampled_from((("Karl",), ("Karl", "Lisa")))
troubles = st.lists(st.sampled_from(_TROUBLES), max_size=3)
lucks = st.builds(
    Luck,
    calls=troubles,
    questions=troubles,
    surcharges=st.lists(st.sampled_from((0, 0, 500, 1, -200)), max_size=2),
)


class PromiseBroken(AssertionError):
    """A step after which something is not as it must be."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(f"{broken.invariant}: {broken.what}")
        self.broken = broken


def _somebody_asked(machine: "Sequence") -> bool:
    return bool(machine._model.runs)


def _is_uncertain(part: Part) -> bool:
    return part.stands is Stands.UNCERTAIN


class Sequence(RuleBasedStateMachine):
    """One account's life."""

    folder: ClassVar[Path]
    lived: ClassVar[int] = 0
    """How many sequences have come to their end."""
    failed_at: ClassVar[int | None] = None
    """The first that did not."""

    answers = Bundle("answers")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_hear_fault)
        self._home = type(self).folder / "house"
        self._opening: Any = None
        self._practice: Practice
        self._shop: CornerShop
        self._model: Model
        self._read = 0
        self._contacts_left = 0
        self._is_restarting = False
        self._wrong: set[tuple[str, str]] = set()
        self._is_compared = False
        self._is_broken = False

    # Beginning and end

    @initialize(
        kind=st.sampled_from(SHOPS),
        live_max=st.sampled_from((2_000, _LIVE_FEW)),
        rules=st.sampled_from(_RULES),
        is_trusting=st.booleans(),
    )
    def open(self, kind: type[CornerShop], live_max: int, rules: Rules, *, is_trusting: bool) -> None:
        """A house with four people in it, a shop around the corner, and perhaps an agent that is trusted with it."""
        self._shop = opened_shop(kind)
        self._shop.provider.on_request = self._shop.provider.on_question = self._contact
        recovery = {"CornerShop": "neither", "KeyedShop": "idempotent", "AskedShop": "queryable"}[kind.__name__]
        self._model = Model(said=self._shop.said, recovers_by=recovery)
        self._await(self._open(live_max))
        if is_trusting:
            known = [Order(what=what, shop=shop, cents=0) for what, shop in (("ink", "Karl"), ("pen", "Lisa"))]
            self._agree(self._buy(known, Asks(), AGENT))
            self._agree(self._ask_for_grant(("Karl", "Lisa"), 700, 2_100))
        if rules != _RULES[0]:
            self.change_rules(rules)

    async def _open(self, live_max: int) -> None:
        self._home.mkdir(parents=True)
        self._opening = Practice.opened(self._home, desks=[desk()], connectors=[connector(self._shop)])
        self._practice = await self._opening.__aenter__()
        self._practice.live_max = live_max
        self._shop.now = self._practice.clock.true_time
        await self._practice.restart()
        for name in ("ana", "ben", "cleo", "vic"):
            await self._join(name)
        await self._compare()

    def teardown(self) -> None:
        """Troubles stop; all that is open ends, and the whole is judged."""
        try:
            if self._opening is not None and not self._is_broken:
                self._await(self._finish())
                self._judge_home()
                type(self).lived += 1
        finally:
            with suppress(HaloopError):
                self._await(self._close())
            self._loop.close()
            shutil.rmtree(self._home, ignore_errors=True)

    # Runs

    @rule(orders=orders, asks=asks, by=st.sampled_from((AGENT, "ana", "cleo")))
    def start(self, orders: list[Order], asks: Asks, by: str) -> None:
        """Somebody asks for something."""
        self._buy(orders, asks, by)

    @rule(orders=orders, asks=asks, luck=lucks, is_kept=mostly)
    def start_and_agree(self, orders: list[Order], asks: Asks, luck: Luck, *, is_kept: bool) -> None:
        """An agent asks, everybody says yes, it may go wrong, and somebody may regret it."""
        self._bring(luck)
        run = self._buy(orders, asks, AGENT)
        self._agree(run)
        if not is_kept:
            self._cancel(run, "ana")

    @rule(payees=payees, each=st.sampled_from((300, 700)), total=st.sampled_from((700, 1_400)), is_given=mostly)
    def ask_for_grant(self, payees: tuple[str, ...], each: int, total: int, *, is_given: bool) -> None:
        """An agent would like to be trusted, and mostly is."""
        run = self._ask_for_grant(payees, each, total)
        if is_given:
            self._agree(run)

    @precondition(_somebody_asked)
    @rule(which=which, by=names)
    def cancel(self, which: int, by: str) -> None:
        self._cancel(self._pick(which), by)

    # Gates

    @precondition(_somebody_asked)
    @rule(which=which)
    def agree(self, which: int) -> None:
        """Whoever may decide says yes."""
        self._agree(self._pick(which))

    @precondition(_somebody_asked)
    @rule(target=answers, which=which, person=names, verdict=st.sampled_from(Verdict), change=changes, reads=mostly)
    def say(self, which: int, person: str, verdict: Verdict, change: int, *, reads: bool) -> Answer:
        return self._say(self._pick(which), person, verdict, change=change, reads=reads)

    @precondition(_somebody_asked)
    @rule(target=answers, which=which, person=names, change=changes)
    def be_overtaken(self, which: int, person: str, change: int) -> Answer:
        """Somebody reads the draft, somebody else changes it, and then comes the yes to what was read."""
        run = self._pick(which)
        answer = self._read_as(run, person, Verdict.APPROVED)
        self._say(run, "ben", Verdict.CHANGED, change=change)
        self._hand_in(answer)
        return answer

    @rule(answer=answers)
    def say_again(self, answer: Answer) -> None:
        """The same answer, however long ago it was given."""
        self._hand_in(answer)

    @rule(answer=answers, how=st.sampled_from(("ana", "cleo", *_WRONGLY)))
    def say_wrongly(self, answer: Answer, how: str) -> None:
        """An answer that somebody else has read, or that belongs nowhere."""
        if how in PEOPLE:
            self._hand_in(replace(answer, person=PEOPLE[how]))
        else:
            self._await(self._say_wrongly(answer, how))

    @precondition(_somebody_asked)
    @rule(which=which, person=names, hours=st.sampled_from((1, 3, 24 * 91)))
    def extend(self, which: int, person: str, hours: int) -> None:
        asked, until = self._model.runs[self._pick(which)], self._now() + hours * 60 * MINUTE
        expected = ""
        if not self._is_owner(PEOPLE[person]):
            expected = "answer.not_allowed"
        elif asked.status is not GateStatus.OPEN or self._now() >= asked.expires_at:
            expected = "answer.late"
        elif not asked.expires_at < until <= asked.opened_at + 90 * DAY:
            expected = "answer.extension"
        self._model.now.extended = 0 if expected else until
        gate = GateId(asked.gate)
        self._do(self._engine.extend(self._practice.account, gate, by=PEOPLE[person], until=until), expected)

    @precondition(_somebody_asked)
    @rule(which=which, by=st.sampled_from((AGENT, "ana")))
    def withdraw(self, which: int, by: str) -> None:
        asked, actor = self._model.runs[self._pick(which)], _actor(by)
        expected = "answer.not_allowed" if asked.by != actor else "" if asked.is_open else "answer.late"
        self._model.now.withdrawn = "" if expected else actor
        withdrawn = self._engine.withdraw(self._practice.account, GateId(asked.gate), by=actor, reason="no more")
        self._do(withdrawn, expected)

    # Effects

    @rule(person=names, truly=mostly)
    def settle(self, person: str, *, truly: bool) -> None:
        """Somebody says how the oldest uncertain effect ended, and may be wrong."""
        uncertain = [run for run, asked in self._model.runs.items() if any(map(_is_uncertain, asked.parts))]
        for run in uncertain[:1]:
            self._await(self._settle(run, PEOPLE[person], truly=truly))

    @precondition(_somebody_asked)
    @rule(which=which)
    def find_evidence(self, which: int) -> None:
        """The shop tells of a purchase once more."""
        run = self._pick(which)
        for part in self._model.runs[run].parts:
            self._await(self._show_evidence(run, part))

    @rule(luck=lucks)
    def have_luck(self, luck: Luck) -> None:
        """The next purchases go wrong, or cost something else than was agreed."""
        self._bring(luck)

    # The account

    @rule(person=names, joins=mostly)
    def come_and_go(self, person: str, *, joins: bool) -> None:
        gone = PersonRemoved(person=PEOPLE[person])
        self._do(self._join(person) if joins else self._engine.record(self._practice.account, gone, by="kernel"))

    @rule(rules=st.sampled_from(_RULES))
    def change_rules(self, rules: Rules) -> None:
        count, separation, caps = rules
        ceilings = [Ceiling(amount=eur(cents), window=timedelta(days=days)) for cents, days in caps]
        self._do(self._practice.rules(Need(count=count, separation=separation), *ceilings))

    @precondition(lambda self: self._model.grants)
    @rule(which=which, person=names)
    def revoke(self, which: int, person: str) -> None:
        grants = list(self._model.grants)
        grant, who = grants[which % len(grants)], PEOPLE[person]
        allowed = self._is_owner(who) or (who in self._model.people and who in self._model.grants[grant].by)
        self._model.now.revoked = grant if allowed else ""
        revoked = self._engine.revoke_grant(self._practice.account, grant, by=who)
        self._do(revoked, "" if allowed else "answer.not_allowed")

    # Time and the process

    @rule(length=st.sampled_from(_MOVES))
    def let_pass(self, length: int) -> None:
        """Whatever was late on its way arrives, and time passes."""
        self._await(self._let_pass(length))

    @rule(badly=st.booleans())
    def end_process(self, *, badly: bool) -> None:
        """The process ends and starts again."""
        self._do(self._again(self._practice.crash if badly else self._practice.restart))

    @rule(contacts=st.integers(1, 3))
    def lay_trip_wire(self, contacts: int) -> None:
        """The process will die when it is in touch with the shop for so many times."""
        self._contacts_left = contacts

    # How each step is done

    @property
    def _engine(self) -> Any:
        return self._practice.engine

    def _now(self) -> int:
        return self._practice.clock.true_time()

    def _await(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return self._loop.run_until_complete(work)
        except BaseException as error:
            self._note_failure()
            if isinstance(error, TimeoutError):
                raise PromiseBroken(Broken(invariant="I6", what="it does not come to rest")) from error
            raise

    def _note_failure(self) -> None:
        self._is_broken = True
        if type(self).failed_at is None:
            type(self).failed_at = type(self).lived

    def _do(self, work: Awaitable[Any], expected: str = "") -> None:
        self._await(self._step(work, expected))

    async def _step(self, work: Awaitable[Any], expected: str = "") -> None:
        """Do something, let happen what follows from it, and look whether all is as it must be."""
        try:
            await work
            code = ""
        except HaloopError as error:
            code = error.code
        await self._come_to_rest()
        if code != expected:
            raise PromiseBroken(Broken(invariant="I7", what=f"it was answered {code!r}, not {expected!r}"))
        await self._compare()

    async def _come_to_rest(self) -> None:
        """Let happen what follows; whoever died of it starts again."""
        async with asyncio.timeout(REST_SECONDS_MAX):
            while self._shop.is_heard and not self._engine.is_quiet:  # noqa: ASYNC110
                await asyncio.sleep(0)
        if not self._shop.is_heard:
            await self._again(self._practice.crash)

    async def _again(self, start: Callable[[], Awaitable[None]]) -> None:
        self._is_restarting = self._shop.is_heard = True
        with patched(local, CLOSE_SECONDS=0.0):  # what is dead lets nothing end, and else nothing is under way
            await start()
        await self._come_to_rest()
        self._is_restarting = False

    def _contact(self, _call: object) -> None:
        """The process is in touch with the shop; it may die of it."""
        if self._contacts_left and not self._is_restarting:
            self._contacts_left -= 1
            if not self._contacts_left:
                self._practice.pull_plug()
                self._shop.is_heard = False

    async def _compare(self) -> None:
        """Show the model each new fact, then hold what the engine knows against it.

        To look at a run that left memory is to wake it, and then it may try once more to clear something up.
        """
        self._is_compared = False
        while await self._take_facts():
            broken = [*self._model.broken, *self._model.missing(self._now())]
            broken += [one async for one in self._differences()] if not broken else []
            if broken:
                raise PromiseBroken(broken[0])
            self._model.now = Now()
            await self._come_to_rest()

    async def _take_facts(self) -> bool:
        """Show the model what is new, at least once."""
        events = await self._practice.ledger.events(self._practice.account, start=self._read, limit=10_000)
        for event in events:
            self._read = event.index + 1
            fact = await read_known(self._practice.ledger, event)
            if fact is not None:
                self._model.take(event.header.run_id, fact, event.header.ts)
        is_first, self._is_compared = not self._is_compared, True
        return is_first or bool(events)

    async def _differences(self) -> Any:
        """Where the engine knows something else than the model."""
        model, account = self._model, await self._engine.account(self._practice.account)
        known: dict[str, tuple[object, object]] = {
            "I10 held": (
                {place: hold.amount.minor for place, hold in account.spending.holds.items()},
                {place: money.cents for place, money in model.held.items()},
            ),
            "I10 paid": (
                [(one.ts, one.amount.minor) for one in account.spending.payments],
                [(one.ts, one.cents) for one in model.paid],
            ),
            "I4 grants": (
                [(name, grant.suspended) for name, grant in account.grants.items()],
                [(name, given.is_suspended) for name, given in model.grants.items()],
            ),
            "I7 open gates": (
                set(self._engine.open_gates(self._practice.account)),
                {asked.gate for asked in model.runs.values() if asked.is_open},
            ),
            "I6 parked": (dict(self._engine.parked), {}),
        }
        for asked in model.runs.values():
            if not asked.end:
                known[f"I7 {asked.gate}"] = (await self._as_seen(asked.gate), _as_meant(asked))
        for what, (is_so, must_be) in known.items():
            if is_so != must_be:
                invariant, _, rest = what.partition(" ")
                yield Broken(invariant=invariant, what=f"{rest}: it is {is_so}, and must be {must_be}")

    async def _as_seen(self, gate: str) -> tuple[object, ...]:
        seen = (await self._engine.gate(self._practice.account, GateId(gate))).gate
        yeses = [one.person for one in seen.yeses()]
        return (seen.status, seen.revision, seen.expires_at, seen.need.count, seen.escalated, seen.disclosures, yeses)

    # What the steps are made of

    def _start(self, request: Request[Any], asked: Asked) -> RunId:
        self._model.now.starting = asked
        begun: list[RunId] = []

        async def begin() -> None:
            begun.append(await self._engine.start(self._practice.account, request, by=asked.by))

        self._do(begin())
        return begun[0]

    async def _join(self, name: str) -> None:
        fact = PersonAdded(person=PEOPLE[name], name=name.title(), roles=[str(role) for role in ROLES[name]])
        await self._engine.record(self._practice.account, fact, by="kernel")

    def _bring(self, luck: Luck) -> None:
        self._shop.provider.troubles.extend(luck.calls)
        self._shop.provider.lookup_troubles.extend(luck.questions)
        self._shop.surcharges.extend(luck.surcharges)

    def _buy(self, orders: list[Order], asks: Asks, by: str) -> RunId:
        parts = [
            Part(name=f"lines.{number}.buy", what=f"buy {order.what}", cents=order.cents, payee=order.shop)
            for number, order in enumerate(orders)
        ]
        return self._start(purchase.of(orders, asks), Asked(by=_actor(by), asks=asks, parts=parts))

    def _cancel(self, run: RunId, by: str) -> None:
        asked = self._model.runs[run]
        if not asked.end and not asked.is_cancelling:
            self._model.now.cancelled = run
        expected = "run.over" if asked.end else ""
        self._do(self._engine.cancel(self._practice.account, run, by=_actor(by)), expected)

    def _is_owner(self, person: PersonId) -> bool:
        return Role.OWNER in self._model.people.get(person, ())

    def _ask_for_grant(self, payees: tuple[str, ...], each: int, total: int) -> RunId:
        terms = GrantTerms(
            operations=("Shop.buy",),
            payees=payees,
            each_max=eur(each),
            total_max=eur(total),
            window_days=1,
            expires_at=self._now() + 48 * 60 * MINUTE,
            live=False,
        )
        part = Part(name="give", what=f"give {terms}", cents=None, payee=None)
        asked = Asked(by=AGENT, asks=Asks(within_minutes=7 * 24 * 60), parts=[part], grants=False)
        return self._start(give_grant.of(terms), asked)

    def _pick(self, which: int) -> RunId:
        """A run; the smaller the number, the newer, and those that have not ended come first."""
        newest = list(reversed(self._model.runs))
        newest.sort(key=lambda run: self._model.runs[run].end != "")
        return RunId(newest[which % len(newest)])

    def _agree(self, run: RunId) -> None:
        for person in ("ana", "cleo", "ben"):
            if self._model.runs[run].is_open:
                self._say(run, person, Verdict.APPROVED)

    def _say(self, run: RunId, person: str, verdict: Verdict, *, change: int = 0, reads: bool = True) -> Answer:
        answer = self._read_as(run, person, verdict, change=change if verdict is Verdict.CHANGED else None, reads=reads)
        self._hand_in(answer)
        return answer

    def _read_as(
        self, run: RunId, person: str, verdict: Verdict, *, change: int | None = None, reads: bool = True
    ) -> Answer:
        """What somebody who looks at a gate now may say to it."""
        gate = GateId(self._model.runs[run].gate)
        answer = self._practice.answer(gate, PEOPLE[person], verdict, change=change, read=reads)
        return self._await(answer)  # type: ignore[no-any-return]

    def _hand_in(self, answer: Answer) -> None:
        expected = self._model.refusal(answer, self._now())
        if expected:
            self._model.now.turned_away = expected
        elif not self._model.was_heard(answer):
            self._model.now.answer = answer
        self._do(self._engine.decide(self._practice.account, answer), expected)

    async def _say_wrongly(self, answer: Answer, how: str) -> None:
        account, expected = self._practice.account, "answer.foreign"
        match how:
            case "as a stranger":
                answer = replace(answer, person=PersonId(f"per_{99:032x}"))
            case "to no gate":
                answer = replace(answer, gate=GateId(f"{answer.gate}0"))
            case "to no run":
                answer = replace(answer, gate=gate_id(RunId(f"run_{0:032x}"), 1))
            case "to a door":
                answer, expected = replace(answer, gate=GateId("door")), "answer.malformed"
            case _:
                account = await self._practice.ledger.open_account()
        self._model.now.turned_away = expected if account == self._practice.account else ""
        await self._step(self._engine.decide(account, answer), expected)

    async def _settle(self, run: str, person: PersonId, *, truly: bool) -> None:
        self._shop.provider.catch_up()
        asked = self._model.runs[run]
        for intent in (await self._engine.uncertain(self._practice.account, RunId(run)))[:1] if not asked.end else ():
            happened = (self._shop.provider.done[intent.key] > 0) is truly
            bought = {"number": "by hand", "charged": None} if happened else None
            finding = await self._practice.found(RunId(run), person, happened=happened, result=bought)
            may = self._model.may_settle(asked, person)
            self._model.now.settled = (intent.gate, intent.effect, happened) if may else None
            settled = self._engine.settle(self._practice.account, finding)
            await self._step(settled, "" if may else "answer.not_allowed")

    async def _show_evidence(self, run: str, part: Part) -> None:
        if part.stands in (Stands.PLANNED, Stands.INTENDED) or not part.key or part.payee is None:
            return
        self._shop.provider.catch_up()
        happened = self._shop.provider.done[part.key] > 0
        found = Found(result=self._shop.provider.results[part.key]) if happened else Absent()
        gate = self._model.runs[run].gate
        is_settled = part.stands is not Stands.UNCERTAIN
        self._model.now.evidence = (gate, part.name, happened) if is_settled else None
        contradicted = self._engine.contradict(self._practice.account, GateId(gate), part.name, found)
        await self._step(contradicted, "" if is_settled else "effect.not_settled")

    async def _let_pass(self, length: int) -> None:
        self._shop.provider.catch_up()
        self._practice.clock.move(timedelta(microseconds=length))
        self._engine.look_at_clock()
        await self._step(_nothing())

    # The end

    async def _finish(self) -> None:
        """Nothing goes wrong any more, and somebody who took no part clears up what is left."""
        provider = self._shop.provider
        self._contacts_left = 0
        provider.troubles.clear()
        provider.lookup_troubles.clear()
        self._shop.surcharges.clear()
        await self._step(self._join("dora"))
        for length in (MINUTE, 60 * MINUTE, 8 * DAY, 100 * DAY):
            await self._let_pass(length)
            for run in list(self._model.runs):
                await self._clear_up(run)
        await self._let_pass(60 * MINUTE)
        left = [asked.gate for asked in self._model.runs.values() if not asked.end]
        broken = [Broken(invariant="I6", what=f"{gate} never ends") for gate in left]
        broken += [one async for one in self._history_broken()]
        if broken:
            raise PromiseBroken(broken[0])

    async def _clear_up(self, run: str) -> None:
        """One effect after the other: what is settled may begin the next."""
        asked = self._model.runs[run]
        while any(map(_is_uncertain, asked.parts)):
            before = [part.stands for part in asked.parts]
            await self._settle(run, PEOPLE["dora"], truly=True)
            if before == [part.stands for part in asked.parts]:
                raise PromiseBroken(Broken(invariant="I6", what=f"{asked.gate} cannot be settled: {before}"))
        for part in asked.parts:
            await self._show_evidence(run, part)

    async def _history_broken(self) -> Any:
        """The whole, judged by the shop's book and by what is true of any history."""
        ledger, account = self._practice.ledger, self._practice.account
        events = await ledger.events(account, limit=100_000)
        whole = [(event.header.run_id, await read_known(ledger, event), event.header.ts) for event in events]
        told = [(run, Noted(fact=fact, ts=ts)) for run, fact, ts in whole if fact is not None]
        book = {**self._shop.book(), **_grants_given([noted for _, noted in told])}
        for run, asked in self._model.runs.items():
            history = [noted for of, noted in told if of == run or getattr(noted.fact, "gate", "") == asked.gate]
            mine = {part.key: book[part.key] for part in asked.parts if part.key in book}
            for one in (*effects_broken(history, mine), *gates_broken(history), *timers_broken(history)):
                yield one
        for key in book.keys() - {part.key for asked in self._model.runs.values() for part in asked.parts}:
            yield Broken(invariant="I4", what=f"a purchase that nobody intended: {book[key]}")
        for one in budget_broken([noted for _, noted in told]):
            yield one

    def _judge_home(self) -> None:
        if type(self).lived % _VERIFIED_EVERY == 0:
            self._await(self._close())
            for one in check(self._home / "home", Known()):
                self._note_failure()
                raise PromiseBroken(one)

    async def _close(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            await opening.__aexit__(None, None, None)


def _hear_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What the dead leave undone is no fault."""
    if not isinstance(context.get("exception"), LedgerClosed):
        loop.default_exception_handler(context)


async def _nothing() -> None:
    pass


def _actor(name: str) -> str:
    return f"person:{PEOPLE[name]}" if name in PEOPLE else name


def _as_meant(asked: Asked) -> tuple[object, ...]:
    revision = (asked.status, asked.revision, asked.expires_at)
    return (*revision, asked.count, asked.is_escalated, asked.must_read, asked.yeses)


def _grants_given(told: list[Noted]) -> dict[str, Deed]:
    """The kernel's own book of grants."""
    intents = [noted.fact for noted in told if getattr(noted.fact, "operation", "") == "Grants.give"]
    given = {noted.fact.grant for noted in told if isinstance(noted.fact, GrantGiven)}
    return {
        fact.key: Deed(requested=(fact.argument,), done=1)  # type: ignore[attr-defined]
        for fact in intents
        if f"grant_{fact.key[:32]}" in given  # type: ignore[attr-defined]
    }


# The row


def run(plan: Plan) -> Outcome:
    """Live `count` sequences, a few to a search."""
    searches = -(-plan.count // SEQUENCES_PER_SEARCH)
    outcome = spread(partial(_search, plan), range(searches), until_caught=plan.control is not None)
    return Outcome(done=min(plan.count, outcome.done * SEQUENCES_PER_SEARCH), violations=outcome.violations)


def _search(plan: Plan, number: int) -> list[Violation]:
    """Let Hypothesis think of some sequences; the first that breaks a promise, as short as it can be told."""
    first = number * SEQUENCES_PER_SEARCH
    phases = [Phase.generate] if plan.control else [Phase.generate, Phase.shrink]
    mine = settings(
        max_examples=min(SEQUENCES_PER_SEARCH, plan.count - first),
        stateful_step_count=STEPS,
        phases=phases,
        derandomize=False,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )

    class Life(Sequence):
        folder = plan.folder / str(number)

    told: list[str] = []
    try:
        with (
            planted(plan.control),
            patched(search, MAX_SHRINKING_SECONDS=SHORTENING_SECONDS_MAX),
            with_reporter(lambda line: told.append(str(line))),
        ):
            run_state_machine_as_test(seed(plan.random(number).getrandbits(64))(Life), settings=mine)
    except PromiseBroken as broken:
        one, what = broken.broken, f"{broken.broken.what}\n{_told(broken, told)}"
    except Exception as error:  # noqa: BLE001  # whatever it was, it must not be lost
        one, what = Broken(invariant="I6", what=""), f"{type(error).__name__}: {error}\n{_told(error, told)}"
    else:
        return []
    return [Violation(iteration=first + (Life.failed_at or 0), invariant=one.invariant, what=what)]


def _told(error: BaseException, told: list[str]) -> str:
    return "\n".join([*told, *getattr(error, "__notes__", ())])


ROW = Row(
    number=9,
    name="whatever the API allows, in any order",
    tool="Hypothesis, a model",
    checks="I2 to I8, I10",
    control="a hold that is never released",
    counts={Scale.TEST: 100, Scale.CI: 2_000, Scale.RELEASE: 200_000},
    run=run,
)
