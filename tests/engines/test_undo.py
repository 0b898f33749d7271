"""An undo is named in the draft; the same yes covers it once, and it is an effect like any other."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.desk import Desk
from haloop.kernel.draft import Effect
from haloop.kernel.errors import EffectRefused
from haloop.kernel.fact import EffectHappened, EffectNotDone
from haloop.kernel.gate import Approved
from haloop.kernel.operation import NotDone
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Receipt, Run
from haloop.testing.provider import Provider, Trouble
from tests.engines.test_effects import OUTCOMES, last
from tests.engines.trade import NeitherShop, Order, Purchase, Shop, shop, street


@procedure(version=1)
async def regret(run: Run, minutes: int, undos: int) -> list[str]:
    """Buy, wait, and take it back as often as asked."""
    yes = await run.gate(Purchase.of("tea"))
    assert isinstance(yes, Approved)
    bought = await run.effect(yes, yes.draft.order)
    assert isinstance(bought, Receipt)
    await run.sleep(timedelta(minutes=minutes))
    heard = []
    for _ in range(undos):
        try:
            undone = await run.undo(bought)
        except EffectRefused as refused:
            heard.append(refused.code)
        else:
            heard.append(undone.code if isinstance(undone, NotDone) else undone.effect)
    return heard


@procedure(version=1)
async def regret_for_good(run: Run) -> str:
    """Buy something whose draft named no undo, and try to take it back."""
    yes = await run.gate(Purchase(order=Effect.of(Shop.order, Order(what="tea"))))
    assert isinstance(yes, Approved)
    bought = await run.effect(yes, yes.draft.order)
    assert isinstance(bought, Receipt)
    try:
        await run.undo(bought)
    except EffectRefused as refused:
        return refused.code
    return "undone"


REGRETS = [Desk("shopping", procedures=[regret, regret_for_good])]


@pytest.mark.parametrize(("undos", "heard"), [(1, ["order/undo"]), (2, ["order/undo", "approval.used"])])
async def test_the_same_yes_covers_the_undo_once(tmp_path: Path, undos: int, heard: list[str]) -> None:
    """What was bought is cancelled under the yes that bought it; a second time is refused by name."""
    async with street(tmp_path, NeitherShop(Provider()), desks=REGRETS) as house:
        ana = await house.person("Ana")
        run = await house.start(regret.of(1, undos))
        await house.yes(run, ana)

        await house.move(timedelta(minutes=1))

        assert (await house.ended(run)).result == heard


async def test_the_undo_stands_on_the_card(tmp_path: Path) -> None:
    """Whoever says yes has seen how it could be taken back."""
    async with street(tmp_path, NeitherShop(Provider()), desks=REGRETS) as house:
        await house.person("Ana")
        run = await house.start(regret.of(1, 1))

        card = (await house.view(house.gate_of(run))).card

        assert isinstance(card, dict)
        assert card["effects"][0]["undo"] == "Shop.cancel"


async def test_an_undo_does_not_run_out_with_the_approval(tmp_path: Path) -> None:
    """An hour after the yes was good, what it did can still be undone."""
    async with street(tmp_path, NeitherShop(Provider()), desks=REGRETS) as house:
        ana = await house.person("Ana")
        run = await house.start(regret.of(75, 1))
        await house.yes(run, ana)

        await house.move(timedelta(minutes=75))

        assert (await house.ended(run)).result == ["order/undo"]


async def test_an_undo_can_be_uncertain_itself(tmp_path: Path) -> None:
    """A cancellation whose reply was lost waits for a person like any other effect."""
    provider = Provider()
    provider.troubles.extend([Trouble.NONE, Trouble.REPLY_LOST])
    async with street(tmp_path, NeitherShop(provider), desks=REGRETS) as house:
        ana = await house.person("Ana")
        run = await house.start(regret.of(1, 1))
        await house.yes(run, ana)
        await house.move(timedelta(minutes=1))
        assert await house.uncertain(run) == ["order/undo"]

        await house.settle(run, ana, happened=True, result={"number": "no. 1"})

        assert isinstance(last(await house.facts(run), *OUTCOMES), EffectHappened)
        assert (await house.ended(run)).result == ["order/undo"]


async def test_what_names_no_undo_cannot_be_undone(tmp_path: Path) -> None:
    """Any undo that the draft did not name takes a new draft."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=REGRETS) as house:
        ana = await house.person("Ana")
        run = await house.start(regret_for_good.of())

        await house.yes(run, ana)

        assert (await house.ended(run)).result == "undo.not_named"
        assert provider.requests.total() == 1


@pytest.mark.parametrize("changed", [{"live": True}, {"account": "somebody else"}, {"name": "mall"}])
async def test_nobody_else_undoes_it(tmp_path: Path, changed: dict[str, object]) -> None:
    """Where another outside system stands behind the port now, the undo has lapsed."""
    provider = Provider()
    async with street(tmp_path, NeitherShop(provider), desks=REGRETS) as house:
        ana = await house.person("Ana")
        run = await house.start(regret.of(1, 1))
        await house.yes(run, ana)
        house.connectors = [replace(shop(NeitherShop(provider)), **changed)]  # type: ignore[arg-type]
        await house.restart()

        await house.move(timedelta(minutes=1))

        assert isinstance(last(await house.facts(run), *OUTCOMES), EffectNotDone)
        assert provider.requests.total() == 1
