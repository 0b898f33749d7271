"""`haloop grants`: the standing permissions of an account, how one is asked for, and the end of one."""

from collections.abc import Sequence
from datetime import timedelta

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.ask import what_came
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.kernel.clock import SystemClock
from haloop.kernel.errors import BadInput
from haloop.kernel.grant import GrantTerms
from haloop.kernel.money import Money
from haloop.settings import Settings
from haloop.wire.people import GrantOut, Used

_SECOND = 1_000_000


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def grants(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the standing permissions under which gates open by themselves, ask for one, or take one back."""
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@grants.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop grants alone."""
    return reach(settings, _list)


@grants.command()
@click.argument("operations", metavar="OPERATION...", nargs=-1, required=True)
@click.option("--to", "payees", metavar="PAYEE", multiple=True, help="Whom it may pay; may be repeated.")
@click.option("--each", required=True, metavar="AMOUNT", help="At most so much at a time, as in '20.00 EUR'.")
@click.option("--total", required=True, metavar="AMOUNT", help="At most so much together.")
@click.option("--window", type=click.IntRange(1, 31), default=30, show_default=True, help="Together in so many days.")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="It ends after so many days.")
@click.option("--live", is_flag=True, help="For what is real; giving it takes a passkey.")
@answering
def new(
    settings: Settings,
    operations: Sequence[str],
    payees: Sequence[str],
    each: str,
    total: str,
    window: int,
    days: int,
    live: bool,  # noqa: FBT001
) -> Answer:
    """Ask for a grant of OPERATION, such as Booking.reserve. It is given by a yes to the card that is shown then."""
    until = SystemClock().read().wall + int(timedelta(days=days).total_seconds()) * _SECOND
    terms = GrantTerms(
        operations=tuple(operations),
        payees=tuple(payees),
        each_max=_amount(each),
        total_max=_amount(total),
        window_days=window,
        expires_at=until,
        live=live,
    )
    return reach(settings, lambda client: _new(client, terms))


@grants.command()
@click.argument("grant", metavar="ID")
@answering
def revoke(settings: Settings, grant: str) -> Answer:
    """Take a grant back; nothing more opens under it."""
    return reach(settings, lambda client: _revoke(client, grant))


async def _list(client: Client) -> Answer:
    found = await client.grants()
    return Answer(
        lines=[line for grant in found for line in _lines(grant)] or ["Nothing is allowed without asking you."],
        document={"grants": [grant.model_dump() for grant in found]},
    )


async def _new(client: Client, terms: GrantTerms) -> Answer:
    return await what_came(client, await client.ask_for_grant(terms))


async def _revoke(client: Client, grant: str) -> Answer:
    await client.revoke_grant(grant)
    return Answer(lines=[f"Grant {grant} is taken back."], document={"revoked": grant})


def used_words(used: Used) -> str:
    """What is used up, and when it is free again."""
    held = f", {used.held.format()} held" if used.held.minor else ""
    free = "" if used.some_free_at is None else f"; free again from {moment(used.some_free_at)}"
    rest = "" if used.all_free_at == used.some_free_at else f", all of it from {moment(str(used.all_free_at))}"
    return f"{used.spent.format()} spent{held}, {used.left.format()} left{free}{rest}"


def _lines(grant: GrantOut) -> list[str]:
    payees = " or ".join(grant.payees) or "anybody"
    said = f"{', '.join(grant.operations)} to {payees}, each at most {grant.each_max.format()}"
    total = f"{grant.total_max.format()} in {grant.window_days} day(s)"
    where = "for real" if grant.live else "in practice"
    state = ", suspended" if grant.suspended else ", over" if grant.is_over else ""
    return [
        f"{grant.id}  {said}, together {total}, {where}, until {moment(grant.expires_at)}{state}",
        f"  {used_words(grant.used)}",
    ]


def _amount(text: str) -> Money:
    amount, _, currency = text.strip().partition(" ")
    if not currency:
        raise BadInput(f"{text!r} is no amount.", code="usage.bad", next_step="Write it as in '20.00 EUR'.")
    return Money.of_major(amount, currency.strip())
