"""`haloop mcp`: the agents' door, for a program that speaks MCP over its standard input and output."""

import os

import click

from haloop.cli.reaching import address_of, token_of
from haloop.client import Client
from haloop.kernel.agent import PresentedToken
from haloop.kernel.errors import BadInput
from haloop.mcp.tools import make_server
from haloop.settings import TOKEN_VARIABLE, Settings


@click.command()
@click.pass_context
def mcp(context: click.Context) -> None:
    """Let an agent propose, watch and read receipts, and never decide: run this from its MCP settings.

    It takes an agent's token in HALOOP_TOKEN (haloop tokens new NAME makes one), and no other: with the machine's own
    token a model would be you.
    """
    settings = Settings.read(os.environ, **context.obj)
    if PresentedToken.read(os.environ.get(TOKEN_VARIABLE, "")) is None:
        raise BadInput(
            f"{TOKEN_VARIABLE} holds no agent's token.",
            code="mcp.token",
            next_step="Make one with haloop tokens new NAME, and put it into the agent's settings.",
        )
    address = address_of(settings, os.environ)
    token = token_of(settings, os.environ, address)
    make_server(lambda _: Client(address, token)).run("stdio")
