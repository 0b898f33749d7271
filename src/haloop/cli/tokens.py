"""`haloop tokens`: which agents may propose."""

from collections.abc import Sequence

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.parts import Table
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.settings import Settings


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def tokens(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the tokens of the agents that may propose, make one, or take one back.

    Under a token an agent asks, and sees what it asked for. It never approves.
    """
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@tokens.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop tokens alone."""
    return reach(settings, _list)


@tokens.command()
@click.argument("agent", metavar="AGENT")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="Good for so many days.")
@click.option("--desk", "desks", multiple=True, help="A desk it may ask; more than once for several, none for any.")
@answering
def new(settings: Settings, agent: str, days: int, desks: Sequence[str]) -> Answer:
    """Let AGENT propose, under a token that is shown this once."""
    return reach(settings, lambda client: _new(client, agent, days, desks or None))


@tokens.command()
@click.argument("token", metavar="ID")
@answering
def revoke(settings: Settings, token: str) -> Answer:
    """Take a token back; nothing more is proposed under it."""
    return reach(settings, lambda client: _revoke(client, token))


async def _list(client: Client) -> Answer:
    found = await client.tokens()
    rows = [
        (one.id, one.agent, ", ".join(one.desks or ["any desk"]), f"until {moment(one.expires_at)}") for one in found
    ]
    return Answer(
        lines=[Table(columns=("id", "agent", "may ask", "good"), rows=rows)] if found else ["No agent has a token."],
        document={"tokens": [one.model_dump() for one in found]},
    )


async def _new(client: Client, agent: str, days: int, desks: Sequence[str] | None) -> Answer:
    made = await client.issue_token(agent, days=days, desks=desks)
    return Answer(
        lines=[
            made.token,
            f"It is {made.agent}'s, good until {moment(made.expires_at)}, and is not shown again.",
            f"next: give it to the agent as HALOOP_TOKEN; take it back with haloop tokens revoke {made.id}",
        ],
        document={"token": made.model_dump()},
    )


async def _revoke(client: Client, token: str) -> Answer:
    await client.revoke_token(token)
    return Answer(lines=[f"Token {token} is taken back."], document={"revoked": token})
