"""`haloop town`: the practice town's servers, and their troubles, for whoever wants to see what happens then."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.parts import Table
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings
from haloop.wire.town import ServerOut


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def town(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show the practice town's servers and where they are, or put a trouble on one."""
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@town.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop town alone."""
    return reach(settings, _list)


@town.command()
@click.argument("server")
@click.argument("name", metavar="TROUBLE")
@click.argument("state", type=click.Choice(["on", "off"]))
@answering
def trouble(settings: Settings, server: str, name: str, state: str) -> Answer:
    """Put a trouble on a server, for every request until it is off again.

    The town is practice: nothing real is troubled, and nothing of the account is changed.
    """
    return reach(settings, lambda client: _turn(client, server, name, state))


async def _list(client: Client) -> Answer:
    return _answer(await client.town())


async def _turn(client: Client, server: str, name: str, state: str) -> Answer:
    return _answer(await client.turn_trouble(server, name, on=state == "on"))


def _answer(servers: list[ServerOut]) -> Answer:
    rows = [(one.name, one.address, ", ".join(_on(one)) or "no trouble", _others(one)) for one in servers]
    return Answer(
        lines=[Table(columns=["server", "address", "on", "could be on"], rows=rows)],
        document={"servers": [one.model_dump() for one in servers]},
    )


def _on(server: ServerOut) -> list[str]:
    return [one.name for one in server.troubles if one.on]


def _others(server: ServerOut) -> str:
    return f"({', '.join(one.name for one in server.troubles if not one.on)})"
