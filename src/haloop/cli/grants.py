"""`haloop grants`: the standing permissions of an account, and the end of one."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.settings import Settings
from haloop.wire.people import GrantOut


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def grants(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the standing permissions under which gates open by themselves, or take one back.

    One is given by asking for it: haloop ask grants.give_grant
    """
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
@click.argument("grant", metavar="ID")
@answering
def revoke(settings: Settings, grant: str) -> Answer:
    """Take a grant back; nothing more opens under it."""
    return reach(settings, lambda client: _revoke(client, grant))


async def _list(client: Client) -> Answer:
    found = await client.grants()
    return Answer(
        lines=[_line(grant) for grant in found] or ["Nothing is allowed without asking you."],
        document={"grants": [grant.model_dump() for grant in found]},
    )


async def _revoke(client: Client, grant: str) -> Answer:
    await client.revoke_grant(grant)
    return Answer(lines=[f"Grant {grant} is taken back."], document={"revoked": grant})


def _line(grant: GrantOut) -> str:
    payees = " or ".join(grant.payees) or "anybody"
    said = f"{', '.join(grant.operations)} to {payees}, each at most {grant.each_max.format()}"
    total = f"{grant.total_max.format()} in {grant.window_days} day(s)"
    where = "for real" if grant.live else "in practice"
    suspended = ", suspended" if grant.suspended else ""
    return f"{grant.id}  {said}, together {total}, {where}, until {moment(grant.expires_at)}{suspended}"
