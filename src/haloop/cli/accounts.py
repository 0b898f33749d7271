"""`haloop accounts`: the accounts you belong to."""

from collections.abc import Awaitable

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.kernel.people import AccountSort
from haloop.settings import Settings
from haloop.wire.people import AccountOut

SORTS = click.Choice([sort.value for sort in AccountSort])


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def accounts(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the accounts you belong to, begin another, or say what this one is called.

    A command works in the account whose token it has, or in the one that haloop --account names.
    """
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@accounts.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop accounts alone."""
    return reach(settings, _list)


@accounts.command()
@click.argument("sort", metavar="SORT", type=SORTS)
@click.argument("name", metavar="NAME")
@answering
def new(settings: Settings, sort: str, name: str) -> Answer:
    """Begin another account, of a household, a person or a company, and own it."""
    return reach(settings, lambda client: _told(client.open_account(AccountSort(sort), name)))


@accounts.command()
@click.argument("sort", metavar="SORT", type=SORTS)
@click.argument("name", metavar="NAME")
@answering
def name(settings: Settings, sort: str, name: str) -> Answer:
    """Say what this account is called, and whether it is a household's, a person's or a company's."""
    return reach(settings, lambda client: _told(client.name_account(AccountSort(sort), name)))


async def _list(client: Client) -> Answer:
    found = await client.accounts()
    return Answer(lines=[_line(one) for one in found], document={"accounts": [one.model_dump() for one in found]})


async def _told(changing: Awaitable[AccountOut]) -> Answer:
    account = await changing
    return Answer(lines=[_line(account)], document={"account": account.model_dump()})


def _line(one: AccountOut) -> str:
    here = "  (this one)" if one.current else ""
    return f"{one.id}  {one.sort}  {one.name or 'without a name'}  you: {', '.join(one.roles)}{here}"
