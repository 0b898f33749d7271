"""What of the gateway is inside a sandbox: the socket, and what leads to it from where agents look for their model."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from haloop.connectors.gateway.providers import Provider, environment_of

NO_WAY = 96
"""How a sandbox ends in which nothing leads there, and so nothing came by it; to_model.sh says why.

An agent that was begun may end so for reasons of its own."""
PORT = 8931
"""On the sandbox's own loopback, so it is free in each."""
_FOLDER = "/opt/haloop/gateway"
_SOCKET, _SCRIPTS = f"{_FOLDER}/model.sock", ("to_model.sh", "to_model.py")


def readable(at: Path) -> Mapping[str, Path]:
    """What is brought in: this one socket, and our two files."""
    ours = files("haloop.connectors.gateway")
    return {_SOCKET: at, **{f"{_FOLDER}/{name}": Path(str(ours / name)) for name in _SCRIPTS}}


def command(agents: tuple[str, ...]) -> tuple[str, ...]:
    """The agent's own, once the way is open."""
    return ("sh", f"{_FOLDER}/{_SCRIPTS[0]}", str(PORT), _SOCKET, *agents)


def environment(provider: Provider) -> Mapping[str, str]:
    """By what an agent finds it."""
    return environment_of(provider, PORT)
