"""`haloop budgets`: the most that the account spends, whoever says yes."""

from collections.abc import Callable, Sequence

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.approve import TakesPasskey
from haloop.cli.grants import used_words
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.kernel.errors import BadInput
from haloop.kernel.money import CURRENCIES, Money
from haloop.kernel.policy import CEILING_WINDOW_MAX
from haloop.settings import Settings
from haloop.wire.people import BudgetOut
from haloop.wire.rules import CeilingSaid, MostSaid, RulesWanted

_DAYS = click.IntRange(1, CEILING_WINDOW_MAX.days)


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def budgets(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show each ceiling of the account and what is used up of it, set one, or take one away.

    A lower ceiling is an owner's word. To raise one or take it away takes a passkey where there is one.
    """
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@budgets.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show each ceiling, what is used up of it, and when that is free again; the same as haloop budgets alone."""
    return reach(settings, _list)


@budgets.command("set")
@click.argument("amount", metavar="AMOUNT")
@click.argument("currency", metavar="CURRENCY")
@click.option("--days", type=_DAYS, default=30, show_default=True, help="Within so many days.")
@answering
def set_one(settings: Settings, amount: str, currency: str, days: int) -> Answer:
    """Have at most AMOUNT in CURRENCY, as in 500.00 EUR, spent within so many days, whoever says yes."""
    most = _most(amount, currency)
    new = CeilingSaid(amount=most, window_days=days)
    return reach(settings, lambda client: _change(client, lambda there: [*_besides(there, currency, days), new]))


@budgets.command()
@click.argument("currency", metavar="CURRENCY")
@click.option("--days", type=_DAYS, default=30, show_default=True, help="The one for so many days.")
@answering
def remove(settings: Settings, currency: str, days: int) -> Answer:
    """Take the ceiling in CURRENCY for so many days away."""
    return reach(settings, lambda client: _change(client, lambda there: _less(there, currency, days)))


async def _list(client: Client) -> Answer:
    return _shown(await client.budgets())


async def _change(client: Client, change: Callable[[Sequence[CeilingSaid]], Sequence[CeilingSaid]]) -> Answer:
    rules = await client.rules()
    there = [
        CeilingSaid(amount=MostSaid(minor=one.amount.minor, currency=one.amount.currency), window_days=one.window_days)
        for one in rules.ceilings
    ]
    wanted = RulesWanted(need=rules.need, ceilings=list(change(there)), instead_of=rules.version)
    if (await client.begin_setting_rules(wanted)).credentials:
        raise TakesPasskey(
            "This lets more be spent and takes a passkey, which a terminal cannot ask.",
            next_step=f"Set it in the browser: {client.address}/settings/limits",
        )
    await client.set_rules(wanted)
    return _shown(await client.budgets())


def _besides(there: Sequence[CeilingSaid], currency: str, days: int) -> list[CeilingSaid]:
    return [one for one in there if (one.amount.currency, one.window_days) != (currency, days)]


def _less(there: Sequence[CeilingSaid], currency: str, days: int) -> list[CeilingSaid]:
    left = _besides(there, currency, days)
    if len(left) == len(there):
        raise BadInput(
            f"There is no ceiling in {currency} for {days} day(s).",
            code="usage.name",
            next_step="Name one that haloop budgets shows, with its days.",
        )
    return left


def _most(amount: str, currency: str) -> MostSaid:
    most = Money.of_major(amount, currency)
    if most.minor < 1 or currency not in CURRENCIES:
        raise BadInput(
            f"At most {amount} {currency} is no ceiling.",
            code="usage.bad",
            next_step="Give more than nothing, in a currency that is in use, as in 500.00 EUR.",
        )
    return MostSaid(minor=most.minor, currency=currency)


def _shown(found: Sequence[BudgetOut]) -> Answer:
    lines = [f"{one.amount.format()} in {one.window_days} day(s): {used_words(one.used)}" for one in found]
    return Answer(
        lines=lines or ["No ceiling is set: each yes is bound by its own amounts alone."],
        document={"budgets": [one.model_dump() for one in found]},
    )
