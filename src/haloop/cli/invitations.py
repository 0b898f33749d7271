"""`haloop invitations`: letting somebody into the account."""

from collections.abc import Sequence

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.people import ROLES
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.kernel.invitation import DAYS_MAX
from haloop.kernel.people import Role
from haloop.settings import Settings


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def invitations(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the invitations that nobody has redeemed yet, make one, or take one back."""
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@invitations.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop invitations alone."""
    return reach(settings, _list)


@invitations.command()
@click.argument("name", metavar="NAME")
@click.option("--role", "roles", type=ROLES, multiple=True, default=["approver"], show_default=True)
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=DAYS_MAX, show_default=True, help="Good so long.")
@answering
def new(settings: Settings, name: str, roles: tuple[str, ...], days: int) -> Answer:
    """Let NAME in, by an address that is shown this once and is good once."""
    return reach(settings, lambda client: _new(client, name, [Role(one) for one in roles], days))


@invitations.command()
@click.argument("invitation", metavar="ID")
@answering
def withdraw(settings: Settings, invitation: str) -> Answer:
    """Take an invitation back before somebody redeems it."""
    return reach(settings, lambda client: _withdraw(client, invitation))


_UNCONFIRMED = (
    "No passkey confirmed it, which a terminal cannot ask: the first passkey they add takes an owner's beside them."
)


async def _list(client: Client) -> Answer:
    found = await client.invitations()
    lines = [f"{one.id}  {one.name}  {', '.join(one.roles)}  until {moment(one.expires_at)}" for one in found]
    return Answer(lines=lines or ["Nobody is invited."], document={"invitations": [one.model_dump() for one in found]})


async def _new(client: Client, name: str, roles: Sequence[Role], days: int) -> Answer:
    sent = await client.invite(name, roles, days=days)
    has_passkeys = any(one.passkeys for one in await client.people())
    return Answer(
        lines=[
            sent.address,
            f"It lets {sent.name} in, as {', '.join(sent.roles)}, once, until {moment(sent.expires_at)}.",
            "It is not shown again.",
            *([_UNCONFIRMED] if has_passkeys else []),
            f"next: give it to nobody else; take it back with haloop invitations withdraw {sent.id}",
        ],
        document={"invitation": sent.model_dump()},
    )


async def _withdraw(client: Client, invitation: str) -> Answer:
    await client.withdraw_invitation(invitation)
    return Answer(lines=[f"Invitation {invitation} is taken back."], document={"withdrawn": invitation})
