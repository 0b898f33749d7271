"""A secret is a name until a connector needs it; its value is seen by nobody else."""

import logging
from pathlib import Path

import pytest
from pydantic import BaseModel

from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.fact import StepTried
from haloop.kernel.gate import Approved
from haloop.kernel.operation import Call, NotDone, effect
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.kernel.secret import Secret
from haloop.testing.provider import Provider
from tests.engines.outside import DAY, World, ask, house
from tests.engines.trade import Bought, NeitherShop, Order, Shop, street

VALUE = "sk-live-4242-do-not-show"


class Login(Draft):
    password: Secret
    order: Effect[Bought]


class Account(BaseModel, frozen=True):
    password: Secret


class LockedShop(NeitherShop):
    """Looks its password up for itself, at the moment of the call."""

    def __init__(self, provider: Provider, secrets: dict[str, str]) -> None:
        super().__init__(provider)
        self._secrets = secrets
        self.logged_in_with = ""
        self.stumbles = False

    @effect
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        self.logged_in_with = self._secrets[order.what]
        if self.stumbles:
            raise ConnectionError(f"https://shop.example/login?password={self.logged_in_with}: no route to host")
        return await self._order(order, call)


@procedure(version=1)
async def log_in(run: Run, account: Account) -> Receipt[Bought] | NotDone | Ended:
    """Buy with a password that this procedure never sees."""
    order = Effect.of(Shop.order, Order(what=account.password.name))
    yes = await run.gate(Login(password=account.password, order=order))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.order)


DESKS = [Desk("shopping", procedures=[log_in])]


async def test_a_secret_is_shown_by_its_name(tmp_path: Path) -> None:
    """The card says which secret is used, as a handle."""
    town = LockedShop(Provider(), {"shop/password": VALUE})
    async with street(tmp_path, town, desks=DESKS) as house:
        await house.person("Ana")
        run = await house.start(log_in.of(Account(password=Secret(name="shop/password"))))

        card = (await house.view(house.gate_of(run))).card

        assert isinstance(card, dict)
        assert card["rows"] == [{"label": "login.password", "value": {"name": "shop/password", "type": "secret"}}]


@pytest.mark.parametrize("stumbles", [False, True])
async def test_the_value_of_a_secret_is_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, stumbles: bool
) -> None:
    """The connector used it, and neither a file of the home nor a log nor a fact holds it, even where it failed."""
    caplog.set_level(logging.DEBUG)
    town = LockedShop(Provider(), {"shop/password": VALUE})
    town.stumbles = stumbles
    async with street(tmp_path, town, desks=DESKS) as house:
        ana = await house.person("Ana")
        run = await house.start(log_in.of(Account(password=Secret(name="shop/password"))))

        await house.yes(run, ana)

        assert town.logged_in_with == VALUE
        assert VALUE not in repr(await house.facts(run))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and VALUE.encode() in path.read_bytes()]
    assert VALUE not in caplog.text


@pytest.mark.parametrize("trouble", [RuntimeError, ConnectionError, TimeoutError, KeyError])
async def test_what_a_step_raised_is_kept_by_its_type_alone(tmp_path: Path, trouble: type[Exception]) -> None:
    """An exception that nobody expected may say anything: the ledger keeps what kind it was, and none of its words."""
    world = World()
    world.troubles.extend([trouble(f"401 for Authorization: Bearer {VALUE}")] * 4)
    async with house(tmp_path, world) as home:
        run = await home.start(ask.of("why"))
        await home.move(DAY)

        sentences = [fact.sentence for fact in await home.facts(run) if isinstance(fact, StepTried)]
        assert [trouble.__name__ in sentence for sentence in sentences[:1]] == [True]
        assert VALUE not in repr(await home.facts(run))
        assert VALUE not in repr(home.engine.parked)
