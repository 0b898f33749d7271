"""Grants: how a standing yes is given, what it opens, what it never opens, and how it ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from haloop.engines.granting import give_grant
from haloop.kernel.errors import AnswerRefused, NotFound
from haloop.kernel.fact import EffectNotDone, Fact, GrantSuspended, PersonRemoved
from haloop.kernel.gate import GateStatus, Need
from haloop.kernel.grant import GrantTerms
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.money import Money
from haloop.kernel.people import Proof, Role
from haloop.testing.practice import Practice
from tests.engines.buying import Asks, Counter, Order, buy, buy_again, buy_at_any_price, buy_if_asked, eur, opened

TEA = Order(cents=500)
DAY = timedelta(days=1)


@pytest.fixture
def shop() -> Counter:
    return Counter()


@pytest.fixture
async def home(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    async with opened(tmp_path, shop) as practice:
        yield practice


@pytest.fixture
async def live(tmp_path: Path, shop: Counter) -> AsyncIterator[Practice]:
    """A house whose shop is the real one."""
    async with opened(tmp_path, shop, live=True) as practice:
        yield practice


# Giving


async def test_a_grant_is_given_through_a_gate_and_opens_the_next_one(home: Practice, shop: Counter) -> None:
    """Ana buys at Karl's once, gives a grant for it, and the next order runs by itself."""
    ana = await _known_at_karls(home)

    grant = await _given(home, ana, _terms(home))
    run = await home.start(buy.of(Order(item="milk", cents=300), Asks()))

    approved = (await home.facts(run))[-4]
    assert (approved.kind, approved.grant, approved.by) == ("gate.approved", grant, [f"grant:{grant}"])  # type: ignore[attr-defined]
    assert [order.item for order in shop.sold] == ["tea", "milk"]


async def test_the_card_of_a_grant_shows_its_terms(home: Practice) -> None:
    """Whoever gives it reads what it allows, at whom, for how much and until when."""
    await home.person("Ana")
    run = await home.start(give_grant.of(_terms(home)))

    card = (await home.view(home.gate_of(run))).card

    assert str(card).count("grant_terms.") == len(GrantTerms.model_fields)


async def test_an_agent_may_propose_a_grant_and_nothing_follows_without_a_person(home: Practice) -> None:
    """Until somebody says yes there is none."""
    await home.person("Ana")

    await home.start(give_grant.of(_terms(home)), by="agent:shopper")

    assert (await home.engine.account(home.account)).grants == {}


async def test_a_grant_for_live_operations_takes_a_passkey(live: Practice, shop: Counter) -> None:
    """The local token cannot give what lets money leave without a token."""
    ana = await live.person("Ana")
    run = await live.start(give_grant.of(_terms(live, live=True)))

    with pytest.raises(AnswerRefused) as refused:
        await live.yes(run, ana)
    await live.enrol(ana)
    await live.yes(run, ana)

    assert refused.value.code == "answer.proof"
    assert len((await live.engine.account(live.account)).grants) == 1


async def test_a_live_grant_opens_what_a_passkey_would(live: Practice, shop: Counter) -> None:
    """The proof was given with the grant."""
    ana = await live.person("Ana")
    await live.enrol(ana)
    await live.yes(await live.start(buy.of(TEA, Asks())), ana)
    await _given(live, ana, _terms(live, live=True))

    await live.start(buy.of(Order(item="milk", cents=300), Asks()))

    assert [order.item for order in shop.sold] == ["tea", "milk"]


async def test_what_a_live_grant_opened_takes_a_passkey_to_settle(live: Practice, shop: Counter) -> None:
    """Nobody signed this very order, but the grant for it was: the local token does not say how it ended."""
    ana = await live.person("Ana")
    await live.enrol(ana)
    await live.yes(await live.start(buy.of(TEA, Asks())), ana)
    await _given(live, ana, _terms(live, live=True))
    shop.fails = True
    run = await live.start(buy.of(Order(item="milk", cents=300), Asks()))
    signed = await live.found(run, ana, happened=False)

    with pytest.raises(AnswerRefused) as refused:
        await live.engine.settle(live.account, replace(signed, assertion=None))
    assert await live.uncertain(run) == ["buy"]
    await live.engine.settle(live.account, signed)

    assert refused.value.code == "answer.proof"
    assert await live.uncertain(run) == []


async def test_a_payee_known_from_practice_is_new_when_it_is_live(tmp_path: Path, shop: Counter) -> None:
    """Play money paid to Karl makes nobody an old acquaintance of his."""
    async with opened(tmp_path, shop) as practice:
        ana = await _known_at_karls(practice)
        account, passkey = practice.account, await practice.enrol(ana)
    async with opened(tmp_path, shop, live=True) as practice:
        practice.account, practice.passkeys = account, {ana: passkey}
        await _given(practice, ana, _terms(practice, live=True))

        run = await practice.start(buy.of(Order(item="milk", cents=300), Asks()))

        assert practice.gate_of(run)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"operations": ("Shop.buy", "Grants.give")}, "grant.widens"),
        ({"total_max": Money(minor=1, currency="USD")}, "grant.caps"),
        ({"each_max": Money(minor=-1, currency="EUR")}, "grant.caps"),
        ({"window_days": 32}, "grant.window"),
        ({"window_days": 0}, "grant.window"),
    ],
    ids=["it widens itself", "two currencies", "less than nothing", "a long window", "no window"],
)
async def test_terms_that_no_grant_may_have_are_put_before_nobody(
    home: Practice, changes: dict[str, Any], code: str
) -> None:
    """The run ends with the reason, and no gate is opened."""
    await home.person("Ana")
    terms = _terms(home).model_copy(update=changes)

    run = await home.start(give_grant.of(terms))

    assert (await home.ended(run)).code == code
    assert "gate.opened" not in await home.kinds(run)


async def test_a_grant_gives_no_grants(home: Practice) -> None:
    """However wide one is, the next is asked for again."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))

    run = await home.start(give_grant.of(_terms(home, total=99_900)))

    assert home.gate_of(run)


# What it covers


OUTSIDE = [
    ("too dear", Order(cents=1001), Asks()),
    ("another payee", Order(shop="Lena", cents=100), Asks()),
    ("two people are needed", Order(cents=100), Asks(count=2)),
    ("a passkey is needed", Order(cents=100), Asks(passkey=True)),
]


@pytest.mark.parametrize(("order", "asks"), [one[1:] for one in OUTSIDE], ids=[one[0] for one in OUTSIDE])
async def test_what_a_grant_does_not_name_is_asked(home: Practice, shop: Counter, order: Order, asks: Asks) -> None:
    """The gate waits for people as if there were no grant."""
    ana = await _known_at_karls(home)
    await home.person("Bo")
    await _given(home, ana, _terms(home))

    run = await home.start(buy.of(order, asks))

    assert home.gate_of(run)
    assert shop.sold == [TEA]


async def test_a_new_payee_asks_even_under_a_grant_that_names_it(home: Practice, shop: Counter) -> None:
    """Lena is in the terms, but nobody ever paid her; after one yes the grant covers her."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home, payees=("Karl", "Lena")))

    first = await home.start(buy.of(Order(item="soap", shop="Lena", cents=100), Asks()))
    await home.yes(first, ana)
    await home.start(buy.of(Order(item="wax", shop="Lena", cents=100), Asks()))

    assert [order.item for order in shop.sold] == ["tea", "soap", "wax"]


async def test_a_draft_that_wants_a_person_each_time_gets_one(home: Practice) -> None:
    """Some drafts are never opened by a grant."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))

    run = await home.start(buy_if_asked.of(Order(cents=100)))

    assert home.gate_of(run)


async def test_a_purpose_that_is_uncertain_asks_even_under_a_grant(home: Practice, shop: Counter) -> None:
    """Nobody knows whether the milk was bought; buying it again is a person's decision."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))
    milk = Order(item="milk", cents=100)
    shop.fails = True
    await home.start(buy.of(milk, Asks()))

    again = await home.start(buy.of(milk, Asks()))

    assert (await home.view(home.gate_of(again))).gate.disclosures
    assert shop.sold == [TEA, milk]


async def test_what_pays_somebody_without_a_limit_asks_even_under_a_grant(home: Practice, shop: Counter) -> None:
    """Karl is named and known, but the draft does not say what he takes at most: that is no small sum."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))

    run = await home.start(buy_at_any_price.of(Order(item="pearls", cents=1_000_000)))

    assert shop.sold == [TEA]
    assert home.gate_of(run)


async def test_a_grants_total_is_over_a_window(home: Practice, shop: Counter) -> None:
    """Ten euros a week: the third order of four waits for a person, and a week later one runs again."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home, total=1000))
    for number in range(2):
        await home.start(buy.of(Order(item=f"milk {number}", cents=400), Asks()))

    third = await home.start(buy.of(Order(item="milk 2", cents=400), Asks()))
    assert home.gate_of(third)
    await home.no(third, ana)

    await home.move(7 * DAY + timedelta(seconds=1))
    await home.start(buy.of(Order(item="milk 3", cents=400), Asks()))
    assert [order.item for order in shop.sold] == ["tea", "milk 0", "milk 1", "milk 3"]


async def test_two_grants_never_add_up(home: Practice, shop: Counter) -> None:
    """Two grants of ten euros for the same are ten euros, not twenty."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home, total=1000))
    await _given(home, ana, _terms(home, total=1000, each=999))
    for number in range(2):
        await home.start(buy.of(Order(item=f"milk {number}", cents=500), Asks()))

    third = await home.start(buy.of(Order(item="milk 2", cents=500), Asks()))

    assert home.gate_of(third)
    assert len(shop.sold) == 3


async def test_what_one_grant_opened_is_not_carried_by_another(home: Practice, shop: Counter) -> None:
    """The grant was revoked before its effect was due; a second one for the same does not step in."""
    ana = await _known_at_karls(home)
    first = await _given(home, ana, _terms(home))
    run = await home.start(buy.of(Order(item="milk", cents=100), Asks(waits_minutes=5)))
    await _given(home, ana, _terms(home, each=999))

    await home.engine.revoke_grant(home.account, first, by=ana)
    await home.move(timedelta(minutes=5))

    assert _reason(await home.facts(run)) == "grant.gone"
    assert shop.sold == [TEA]


# How it ends


async def test_a_revoked_grant_opens_nothing_more(home: Practice, shop: Counter) -> None:
    """From the moment somebody takes it back, and after a restart."""
    ana = await _known_at_karls(home)
    grant = await _given(home, ana, _terms(home))

    await home.engine.revoke_grant(home.account, grant, by=ana)
    await home.restart()

    assert home.gate_of(await home.start(buy.of(Order(cents=100), Asks())))
    assert shop.sold == [TEA]


async def test_revoking_stops_what_was_opened_and_not_begun(home: Practice, shop: Counter) -> None:
    """A yes of the grant is worth nothing once the grant is gone."""
    ana = await _known_at_karls(home)
    grant = await _given(home, ana, _terms(home))
    run = await home.start(buy.of(Order(item="milk", cents=100), Asks(waits_minutes=5)))

    await home.engine.revoke_grant(home.account, grant, by=ana)
    await home.move(timedelta(minutes=5))

    assert _reason(await home.facts(run)) == "grant.gone"
    assert shop.sold == [TEA]


@pytest.mark.parametrize("role", [Role.APPROVER, Role.VIEWER])
async def test_a_grant_is_taken_back_by_an_owner_or_its_giver_only(home: Practice, role: Role) -> None:
    """Bo neither owns the account nor gave the grant."""
    ana = await _known_at_karls(home)
    bo = await home.person("Bo", role)
    grant = await _given(home, ana, _terms(home))

    with pytest.raises(AnswerRefused) as refused:
        await home.engine.revoke_grant(home.account, grant, by=bo)

    assert refused.value.code == "answer.not_allowed"


async def test_an_approver_takes_back_the_grant_they_gave(home: Practice) -> None:
    """Whoever said the standing yes may end it."""
    await _known_at_karls(home)
    bo = await home.person("Bo", Role.APPROVER)
    grant = await _given(home, bo, _terms(home))

    await home.engine.revoke_grant(home.account, grant, by=bo)

    assert (await home.engine.account(home.account)).grants == {}


async def test_there_is_no_revoking_what_was_never_given(home: Practice) -> None:
    """The grant is named as unknown."""
    ana = await home.person("Ana")

    with pytest.raises(NotFound) as missing:
        await home.engine.revoke_grant(home.account, "grant_of_nobody", by=ana)

    assert missing.value.code == "grant.unknown"


async def test_an_expired_grant_opens_nothing(home: Practice) -> None:
    """It was for ten days."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))

    await home.move(10 * DAY)

    assert home.gate_of(await home.start(buy.of(Order(cents=100), Asks())))


async def test_a_grant_ends_with_whoever_gave_it(home: Practice) -> None:
    """Ana has left the household; her standing yes left with her."""
    ana = await _known_at_karls(home)
    await home.person("Bo")
    await _given(home, ana, _terms(home))

    await home.engine.record(home.account, PersonRemoved(person=ana), by="kernel")

    assert home.gate_of(await home.start(buy.of(Order(cents=100), Asks())))


@pytest.mark.parametrize(
    "stricter",
    [Need(count=2), Need(proof=Proof.PASSKEY), Need(roles=frozenset({Role.APPROVER}))],
    ids=["two people", "a passkey", "another role"],
)
async def test_rules_that_became_stricter_bind_a_grant_too(home: Practice, stricter: Need) -> None:
    """Ana's yes alone would not do any more, so her grant does not either."""
    ana = await _known_at_karls(home)
    await home.person("Bo", Role.APPROVER)
    await _given(home, ana, _terms(home))

    await home.rules(stricter)

    assert home.gate_of(await home.start(buy.of(Order(cents=100), Asks())))


# Charged above


async def test_a_charge_above_the_draft_is_said_and_suspends_all_grants(home: Practice, shop: Counter) -> None:
    """Karl charges more than was agreed: the outcome says so, the grant stops, and whoever listens is told."""
    ana = await _known_at_karls(home)
    grant = await _given(home, ana, _terms(home))
    told: list[Fact] = []
    home.engine.watch(lambda *heard: told.append(heard[2]))
    shop.charges = 101

    run = await home.start(buy.of(Order(item="milk", cents=100), Asks()))

    happened = (await home.facts(run))[-2]
    assert (happened.kind, happened.exceeded) == ("effect.happened", True)  # type: ignore[attr-defined]
    assert [fact.grant for fact in told if isinstance(fact, GrantSuspended)] == [grant]
    assert home.gate_of(await home.start(buy.of(Order(item="wax", cents=100), Asks())))


async def test_a_charge_above_the_draft_stops_the_very_next_effect(home: Practice, shop: Counter) -> None:
    """The second of two under one grant is weighed with what the first one cost, though both go on in one breath."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))
    shop.charges = 101

    run = await home.start(buy_again.of(Order(item="milk", cents=100)))

    assert (await home.ended(run)).reason == "grant.gone"
    assert [order.item for order in shop.sold] == ["tea", "milk"]


async def test_a_suspended_grant_stays_so_after_a_restart(home: Practice, shop: Counter) -> None:
    """It is in the ledger once, and only a new grant opens gates again."""
    ana = await _known_at_karls(home)
    await _given(home, ana, _terms(home))
    shop.charges = 101
    await home.start(buy.of(Order(item="milk", cents=100), Asks()))
    shop.charges = None

    await home.restart()
    waits = await home.start(buy.of(Order(item="wax", cents=100), Asks()))
    assert home.gate_of(waits)

    await _given(home, ana, _terms(home))
    await home.start(buy.of(Order(item="soap", cents=100), Asks()))
    assert [order.item for order in shop.sold] == ["tea", "milk", "soap"]


async def test_a_charge_within_the_draft_suspends_nothing(home: Practice, shop: Counter) -> None:
    """Less than agreed is fine."""
    ana = await _known_at_karls(home)
    grant = await _given(home, ana, _terms(home))
    shop.charges = 99

    await home.start(buy.of(Order(item="milk", cents=100), Asks()))

    assert not (await home.engine.account(home.account)).grants[grant].suspended


# Helpers


async def _known_at_karls(home: Practice) -> PersonId:
    """Ana, who has bought tea at Karl's before."""
    ana = await home.person("Ana")
    run = await home.start(buy.of(TEA, Asks()))
    await home.yes(run, ana)
    return ana


def _terms(
    home: Practice,
    *,
    each: int = 1000,
    total: int = 5000,
    payees: tuple[str, ...] = ("Karl",),
    live: bool = False,
) -> GrantTerms:
    return GrantTerms(
        operations=("Shop.buy",),
        payees=payees,
        each_max=eur(each),
        total_max=eur(total),
        window_days=7,
        expires_at=home.clock.read().wall + int((10 * DAY).total_seconds()) * 1_000_000,
        live=live,
    )


async def _given(home: Practice, person: PersonId, terms: GrantTerms) -> str:
    run: RunId = await home.start(give_grant.of(terms))
    assert await home.yes(run, person) is GateStatus.APPROVED
    return list((await home.engine.account(home.account)).grants)[-1]


def _reason(facts: list[Fact]) -> str:
    return next(fact.code for fact in facts if isinstance(fact, EffectNotDone))
