"""`haloop logins`: by which logins from elsewhere people come in."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def logins(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show by which logins people of the account come in, or take one away."""
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@logins.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop logins alone."""
    return reach(settings, _list)


@logins.command()
@click.argument("login", metavar="LOGIN")
@answering
def unlink(settings: Settings, login: str) -> Answer:
    """Take LOGIN away: it opens nothing any more, and whoever came by it is out."""
    return reach(settings, lambda client: _unlink(client, login))


async def _list(client: Client) -> Answer:
    found, names = await client.logins(), {one.id: one.name for one in await client.people()}
    lines = [f"{one.id}  {names.get(one.person, one.person)}" for one in found]
    return Answer(lines=lines or ["No login is linked."], document={"logins": [one.model_dump() for one in found]})


async def _unlink(client: Client, login: str) -> Answer:
    await client.unlink_login(login)
    return Answer(lines=[f"Login {login} opens nothing any more."], document={"unlinked": login})
