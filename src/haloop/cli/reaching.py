"""How a command reaches the running Haloop: where it is, with which token, and in which account.

The environment wins, then what a running Haloop wrote into its home. The home's token opens this machine's Haloop
alone: it is never sent to an address elsewhere.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from haloop.cli.naming import account_named
from haloop.cli.running import read_running
from haloop.client import Client
from haloop.kernel.errors import BadInput, Exit, HaloopError
from haloop.settings import ADDRESS_VARIABLE, TOKEN_VARIABLE, Settings

T = TypeVar("T")

DEFAULT_ADDRESS = "http://localhost:4000"

_ADDRESS = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?/?")
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class NotReachable(HaloopError):
    """What is needed to reach a running Haloop is not there."""

    code = "client.unreachable"
    next_step = "Start Haloop with `haloop start`, or give HALOOP_ADDRESS and HALOOP_TOKEN."
    exit = Exit.UNUSABLE


def reach(settings: Settings, work: Callable[[Client], Awaitable[T]], *, address: str | None = None) -> T:
    """Do some work with the running Haloop: the one at this address, or the one that a command finds by itself."""
    environment = {**os.environ, **({ADDRESS_VARIABLE: address} if address else {})}
    address = address_of(settings, environment)
    token = token_of(settings, environment, address)
    try:
        return asyncio.run(_with_client(Client(address, token), settings.account, work))
    except UnicodeEncodeError as error:
        raise BadInput("What was typed holds bytes that are no text.", code="usage.bad") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise BadInput(f"This cannot be asked. {wrong}", code="usage.bad") from error


def address_of(settings: Settings, environment: Mapping[str, str]) -> str:
    """Where Haloop answers: as the environment says, or where the home's own process does while it lives."""
    address = environment.get(ADDRESS_VARIABLE) or _running_address(settings, environment)
    if not _ADDRESS.fullmatch(address):
        raise NotReachable(
            f"{address!r} is no address.",
            code="client.address",
            next_step=f"Give {ADDRESS_VARIABLE} as in {DEFAULT_ADDRESS}.",
        )
    return address


def token_of(settings: Settings, environment: Mapping[str, str], address: str) -> str:
    """What says who is asking."""
    token = environment.get(TOKEN_VARIABLE) or _written_token(settings, address)
    if not (token.isascii() and token.isprintable()):
        raise NotReachable("The token holds characters that no token has.", code="client.token")
    return token


def _running_address(settings: Settings, environment: Mapping[str, str]) -> str:
    """The address of the living process; whoever else has its port now must not hear the home's token."""
    running = read_running(settings.home)
    if running is not None:
        return running.address
    if environment.get(TOKEN_VARIABLE):
        return DEFAULT_ADDRESS
    raise NotReachable(f"No Haloop serves {settings.home}.", next_step="Start it with `haloop start`.")


def _written_token(settings: Settings, address: str) -> str:
    if urlsplit(address).hostname not in _HERE:
        raise NotReachable(
            "This home's token is for this machine alone.",
            code="client.token_elsewhere",
            next_step=f"Give the token for {address} in {TOKEN_VARIABLE}.",
        )
    file = settings.home / "token"
    try:
        token = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = ""
    except ValueError as error:
        raise NotReachable(f"{file} holds no token.", code="client.token") from error
    if not token:
        raise NotReachable(f"There is no token at {file}.", code="client.no_token")
    return token


async def _with_client(client: Client, account: str | None, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do it in the account that is wanted; the token's own is the one where no session is needed."""
    async with client:
        chosen = await account_named(client, account) if account else None
        if chosen is None or chosen.current:
            return await work(client)
        async with client.in_account(chosen.id):
            return await work(client)
