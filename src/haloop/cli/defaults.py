"""`haloop defaults`: what each desk takes where whoever asks does not say."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.arguments import read_arguments
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings
from haloop.wire.defaults import DefaultsOut


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def defaults(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show what each desk takes where nobody says, or set it anew."""
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@defaults.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop defaults alone."""
    return reach(settings, _list)


@defaults.command("set")
@click.argument("desk")
@click.argument("values", metavar="NAME=VALUE...", nargs=-1)
@answering
def set_(settings: Settings, desk: str, values: tuple[str, ...]) -> Answer:
    """Set all of a desk's defaults; what is not named is taken away."""
    return reach(settings, lambda client: _set(client, desk, values))


async def _list(client: Client) -> Answer:
    found = await client.defaults()
    return Answer(lines=[_line(one) for one in found], document={"defaults": [one.model_dump() for one in found]})


async def _set(client: Client, desk: str, values: tuple[str, ...]) -> Answer:
    changed = await client.set_defaults(desk, read_arguments(values))
    return Answer(lines=[_line(changed)], document={"defaults": [changed.model_dump()]})


def _line(one: DefaultsOut) -> str:
    said = ", ".join(f"{name}={value}" for name, value in one.values.items())
    return f"{one.desk}: {said or 'nothing is set'}  (it takes {', '.join(one.takes.get('properties', {}))})"
