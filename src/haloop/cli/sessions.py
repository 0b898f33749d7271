"""`haloop sessions`: the browsers in which you are known."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.settings import Settings


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def sessions(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the browsers in which you are known, or end one's session.

    A session is over after a week without use, and after thirty days at the latest.
    """
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@sessions.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop sessions alone."""
    return reach(settings, _list)


@sessions.command()
@click.argument("session", metavar="ID")
@answering
def end(settings: Settings, session: str) -> Answer:
    """End a session; its browser is a stranger from then on."""
    return reach(settings, lambda client: _end(client, session))


async def _list(client: Client) -> Answer:
    found = await client.sessions()
    lines = [f"{one.id}  {one.browser}  since {moment(one.begun_at)}, used {moment(one.used_at)}" for one in found]
    return Answer(
        lines=lines or ["No browser knows you."],
        document={"sessions": [one.model_dump() for one in found]},
    )


async def _end(client: Client, session: str) -> Answer:
    await client.revoke_session(session)
    return Answer(lines=[f"Session {session} is over."], document={"ended": session})
