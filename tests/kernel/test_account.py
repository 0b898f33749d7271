"""An account by itself: however its runs interleave, what it has spent and holds stays under its ceiling and grants."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.account import Account
from haloop.kernel.draft import NamedEffect
from haloop.kernel.fact import (
    AgentsResumed,
    AgentsStopped,
    EffectContradicted,
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectUncertain,
    Fact,
    GrantGiven,
    GrantSuspended,
    PersonAdded,
    RulesSet,
    RunEnded,
)
from haloop.kernel.gate import Need, need_as_canonical
from haloop.kernel.grant import GrantTerms
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.money import Money
from haloop.kernel.policy import Allow, Ceiling, Deny
from haloop.kernel.rules import ceiling_as_plain

ANA = PersonId(f"per_{'a' * 32}")
CEILING, GRANT_TOTAL = 1000, 400
RUNS = [RunId(f"run_{number:032x}") for number in range(3)]
ALL_GRANTS = ["one", "other"]

ACTIONS = st.tuples(
    st.sampled_from(["intend", "intend", "happen", "not done", "uncertain", "end"]),
    st.integers(0, 2),
    st.integers(0, 1),
    st.integers(0, 300),
)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def effect(name: str, cents: int) -> NamedEffect:
    return NamedEffect(
        name=name,
        operation="Shop.buy",
        connector="karl",
        version="1",
        live=False,
        leaves=True,
        provider_account="",
        argument={},
        cost_max=eur(cents),
        payee="Karl",
        purpose=f"{name} {cents}",
        preconditions={},
        undo=None,
    )


class Shopping:
    """Three runs with one approval of two effects each, which ask policy before each intent as an engine does."""

    def __init__(self, costs: list[int], grant: str | None) -> None:
        self.account = Account(id=AccountId(f"acc_{'0' * 32}"))
        self.facts: list[tuple[Fact, RunId]] = []
        self.grant = grant
        self.effects = {
            run: {name: effect(name, cents) for name in ("buy", "wrap")} for run, cents in zip(RUNS, costs, strict=True)
        }
        self.begun: set[tuple[RunId, str]] = set()
        self.intended: set[RunId] = set()
        """The runs whose approval has reserved what it may cost."""
        self.over: set[tuple[RunId, str]] = set()
        self.ended: set[RunId] = set()
        for fact in _founding():
            self._take(fact, RUNS[0])

    def do(self, action: str, run_number: int, effect_number: int, cents: int) -> None:
        """Do something, if it can happen now."""
        run, name = RUNS[run_number], ("buy", "wrap")[effect_number]
        begun, over = (run, name) in self.begun, (run, name) in self.over
        if action == "end" and all(place in self.over for place in self.begun if place[0] == run):
            self.ended.add(run)
            self._take(RunEnded(code="done", reason=""), run)
        elif action == "intend" and not begun and run not in self.ended:
            self._intend(run, name)
        elif begun and not over:
            self._come_out(action, run, name, cents)

    def spent_and_held(self, grants: Iterable[str | None]) -> int:
        wanted = set(grants)
        spending = self.account.spending
        paid = sum(one.amount.minor for one in spending.payments if one.grant in wanted)
        return paid + sum(one.amount.minor for one in spending.holds.values() if one.grant in wanted)

    def again(self) -> Account:
        """The account as somebody reads it from the same facts later."""
        account = Account(id=self.account.id)
        for ts, (fact, run) in enumerate(self.facts):
            account.apply(fact, run=run, ts=ts)
        return account

    def _intend(self, run: RunId, name: str) -> None:
        planned = self.effects[run]
        open_ones = {one: what for one, what in planned.items() if (run, one) not in self.over}
        ruling = self.account.rule(
            open_ones,
            need=Need(),
            grants=[grant for grant in self.account.grants.values() if grant.id == self.grant],
            proposers=frozenset(),
            now=len(self.facts),
            besides=_gate_of(run),
        )
        if isinstance(ruling, Deny) or (self.grant is not None and not isinstance(ruling, Allow)):
            self.begun.add((run, name))
            self._come_out("not done", run, name, 0)
            return
        is_first = run not in self.intended
        self.intended.add(run)
        self.begun.add((run, name))
        holds = {one: what.cost_max.as_canonical() for one, what in open_ones.items() if what.cost_max}
        self._take(_intent(run, planned[name], holds if is_first else {}, self.grant), run)

    def _come_out(self, action: str, run: RunId, name: str, cents: int) -> None:
        if action == "uncertain":
            self._take(EffectUncertain(at="1", gate=_gate_of(run), effect=name, sentence=""), run)
        elif action == "happen":
            self.over.add((run, name))
            cost = self.effects[run][name].cost_max or eur(0)
            self._take(_happened(run, name, min(cents, cost.minor)), run)
        elif action == "not done":
            self.over.add((run, name))
            self._take(_not_done(run, name), run)

    def _take(self, fact: Fact, run: RunId) -> None:
        self.account.apply(fact, run=run, ts=len(self.facts))
        self.facts.append((fact, run))


@given(
    costs=st.lists(st.integers(200, 500), min_size=3, max_size=3), actions=st.lists(ACTIONS, min_size=5, max_size=40)
)
def test_a_ceiling_is_never_exceeded_however_runs_interleave(
    costs: list[int], actions: list[tuple[str, int, int, int]]
) -> None:
    """After every fact, what is paid and what is held together stay under the ceiling."""
    shopping = Shopping(costs, None)
    for action in actions:
        shopping.do(*action)
        assert shopping.spent_and_held([None, *ALL_GRANTS]) <= CEILING


@given(costs=st.lists(st.integers(50, 200), min_size=3, max_size=3), actions=st.lists(ACTIONS, min_size=5, max_size=40))
def test_a_grants_total_is_never_exceeded_however_runs_interleave(
    costs: list[int], actions: list[tuple[str, int, int, int]]
) -> None:
    """The same for what a grant opened."""
    shopping = Shopping(costs, "one")
    for action in actions:
        shopping.do(*action)
        assert shopping.spent_and_held(["one"]) <= GRANT_TOTAL


@given(
    costs=st.lists(st.integers(50, 200), min_size=3, max_size=3),
    actions=st.lists(st.tuples(st.sampled_from(ALL_GRANTS), ACTIONS), min_size=5, max_size=40),
)
def test_overlapping_grants_never_add_up_however_runs_interleave(
    costs: list[int], actions: list[tuple[str, tuple[str, int, int, int]]]
) -> None:
    """Two grants of four euros for the same are four euros together."""
    shopping = Shopping(costs, None)
    for shopping.grant, action in actions:
        shopping.do(*action)
        assert shopping.spent_and_held(ALL_GRANTS) <= GRANT_TOTAL


@given(
    costs=st.lists(st.integers(200, 500), min_size=3, max_size=3), actions=st.lists(ACTIONS, min_size=5, max_size=40)
)
def test_an_account_that_is_read_again_is_the_same_account(
    costs: list[int], actions: list[tuple[str, int, int, int]]
) -> None:
    """Holds, payments and what is uncertain are in the facts and nowhere else."""
    shopping = Shopping(costs, None)
    for action in actions:
        shopping.do(*action)

    assert shopping.again() == shopping.account


@given(
    costs=st.lists(st.integers(200, 500), min_size=3, max_size=3), actions=st.lists(ACTIONS, min_size=5, max_size=40)
)
def test_a_run_that_ended_holds_nothing(costs: list[int], actions: list[tuple[str, int, int, int]]) -> None:
    """What was approved and not begun is free again."""
    shopping = Shopping(costs, None)
    for action in actions:
        shopping.do(*action)

    ended = {_gate_of(run) for run in shopping.ended}

    assert not ended & {gate for gate, _ in shopping.account.spending.holds}


def test_what_happened_after_all_is_held_past_the_end_of_its_run() -> None:
    """It was settled as not done, and then the money turned out to be gone."""
    shopping = Shopping([500, 0, 0], None)
    shopping.do("intend", 0, 0, 0)
    shopping.do("not done", 0, 0, 0)
    gate = _gate_of(RUNS[0])
    holds = {"buy": eur(500).as_canonical()}
    contradicted = EffectContradicted(at="1", gate=gate, effect="buy", sentence="", holds=holds, grant=None)
    shopping.account.apply(contradicted, run=RUNS[0], ts=9)

    shopping.do("end", 0, 0, 0)

    assert shopping.spent_and_held([None]) == 500


@pytest.mark.parametrize("said", [[], ["one"], ["one", "other"]], ids=["nothing", "of one", "of both"])
def test_grants_stop_at_once_when_something_cost_too_much_whatever_the_ledger_says_of_them(said: list[str]) -> None:
    """The process may end before it is written down; what is still to be written is known after the next start."""
    shopping = Shopping([100, 0, 0], "one")
    shopping.do("intend", 0, 0, 0)
    shopping.account.apply(replace(_happened(RUNS[0], "buy", 101), exceeded=True), run=RUNS[0], ts=9)

    for grant in said:
        shopping.account.apply(GrantSuspended(grant=grant, sentence=""), run=RUNS[0], ts=10)

    assert all(grant.suspended for grant in shopping.account.grants.values())
    assert shopping.account.suspended_silently == {*ALL_GRANTS} - {*said}


def test_what_is_granted_while_everything_is_stopped_rests() -> None:
    """Its owner's yes was on its way to the ledger when the stop came; resuming brings none of them back."""
    founding = _founding()
    account = Account(id=AccountId(f"acc_{'a' * 32}"))
    stopped = AgentsStopped(reason="It ordered a piano.", stopped_at=1)
    for fact in [founding[0], stopped, *founding[1:4], AgentsResumed(stopped_at=1)]:
        account.apply(fact, run=RUNS[0], ts=2)

    assert sorted(account.grants) == ALL_GRANTS
    assert all(grant.suspended for grant in account.grants.values())


def _founding() -> list[Fact]:
    """Ana, a ceiling, two grants for the same, and a Karl who is known."""
    terms = GrantTerms(
        operations=("Shop.buy",),
        payees=("Karl",),
        each_max=eur(GRANT_TOTAL),
        total_max=eur(GRANT_TOTAL),
        window_days=30,
        expires_at=10**15,
        live=False,
    ).model_dump(mode="json")
    ceiling = ceiling_as_plain(Ceiling(amount=eur(CEILING), window=timedelta(days=30)))
    return [
        PersonAdded(person=ANA, name="Ana", roles=["owner"]),
        RulesSet(need=need_as_canonical(Need()), ceilings=[ceiling]),
        *(GrantGiven(grant=name, terms=terms, by=[f"person:{ANA}"]) for name in ALL_GRANTS),
        _intent(RUNS[0], replace(effect("hello", 0), purpose="hello"), {}, None),
        _happened(RUNS[0], "hello", 0),
    ]


def _gate_of(run: RunId) -> str:
    return f"gate_{run.removeprefix('run_')}_1"


def _intent(run: RunId, planned: NamedEffect, holds: object, grant: str | None) -> EffectIntended:
    return EffectIntended(
        at="1",
        gate=_gate_of(run),
        revision=1,
        effect=planned.name,
        operation=planned.operation,
        connector="karl",
        argument={},
        key="k",
        begun_at=0,
        deadline=0,
        recovery={"kind": "neither"},
        holds=holds,
        cost_max=None,
        payee=planned.payee,
        purpose=planned.purpose,
        live=False,
        grant=grant,
    )


def _happened(run: RunId, name: str, cents: int) -> EffectHappened:
    return EffectHappened(
        at="1",
        gate=_gate_of(run),
        revision=1,
        effect=name,
        result=None,
        charged=eur(cents).as_canonical(),
        exceeded=False,
        found_by="answer",
    )


def _not_done(run: RunId, name: str) -> EffectNotDone:
    return EffectNotDone(
        at="1",
        gate=_gate_of(run),
        effect=name,
        why="declined",
        code="",
        sentence="",
        seen=None,
        found_by="answer",
    )
