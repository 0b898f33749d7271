"""`haloop people`: who belongs to the account, and what they may do."""

from collections.abc import Sequence

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.approve import TakesPasskey
from haloop.cli.naming import person_named
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.kernel.people import Role
from haloop.settings import Settings
from haloop.wire.people import PersonOut

ROLES = click.Choice([role.value for role in Role])


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def people(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show who belongs to the account, change what somebody may do, or take them out.

    To let somebody in, see haloop invitations. Somebody always stays an owner.
    """
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@people.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop people alone."""
    return reach(settings, _list)


@people.command()
@click.argument("person", metavar="PERSON")
@click.argument("roles", metavar="ROLE...", type=ROLES, nargs=-1, required=True)
@answering
def roles(settings: Settings, person: str, roles: tuple[str, ...]) -> Answer:
    """Say what PERSON, by name or id, may do from now on: owner, approver, viewer."""
    return reach(settings, lambda client: _change(client, person, [Role(one) for one in roles]))


@people.command()
@click.argument("person", metavar="PERSON")
@answering
def remove(settings: Settings, person: str) -> Answer:
    """Take PERSON, by name or id, out of the account; their sessions and passkeys end with it."""
    return reach(settings, lambda client: _remove(client, person))


async def _list(client: Client) -> Answer:
    found = await client.people()
    return Answer(lines=[_line(one) for one in found], document={"people": [one.model_dump() for one in found]})


async def _change(client: Client, person: str, wanted: Sequence[Role]) -> Answer:
    found = await person_named(client, person)
    if (await client.begin_changing_roles(found.id, wanted)).credentials:
        raise TakesPasskey(
            f"This lets {found.name} do more and takes a passkey, which a terminal cannot ask.",
            next_step=f"Do it in the browser: {client.address}/settings/people",
        )
    changed = await client.change_roles(found.id, wanted)
    return Answer(lines=[_line(changed)], document={"person": changed.model_dump()})


async def _remove(client: Client, person: str) -> Answer:
    found = await person_named(client, person)
    await client.remove_person(found.id)
    return Answer(lines=[f"{found.name} does not belong to the account any more."], document={"removed": found.id})


def _line(one: PersonOut) -> str:
    keys = "no passkey" if one.passkeys == 0 else f"{one.passkeys} passkey{'s' * (one.passkeys > 1)}"
    return f"{one.id}  {one.name}  {', '.join(one.roles)}  {keys}"
