"""The practice town: its servers, and the troubles that whoever runs Haloop puts on them to see what happens."""

from typing import Annotated

from fastapi import APIRouter, Depends

from haloop.api.asking import At, ByKeeper, In
from haloop.identity import NotAllowed
from haloop.kernel.errors import NotFound
from haloop.town.switches import Server, servers_of
from haloop.wire.town import ServerOut, TroubleOut, TroubleWanted

router = APIRouter(tags=["town"])


async def _servers(house: In, place: At, _: ByKeeper) -> dict[str, Server]:
    """The town's servers, for an owner of the home, on its own machine."""
    if place.is_beyond:
        raise NotAllowed(
            "The town is this machine's alone.", code="town.elsewhere", next_step="Ask on the machine itself."
        )
    return {} if house.town is None else servers_of(house.town)


Servers = Annotated[dict[str, Server], Depends(_servers)]


@router.get("/api/town")
async def show_town(servers: Servers) -> list[ServerOut]:
    """The servers of the practice town, where each is, and what troubles are on."""
    return _out(servers)


@router.put("/api/town/troubles")
async def turn_trouble(servers: Servers, wanted: TroubleWanted) -> list[ServerOut]:
    """Put a trouble on a server of the practice town, or take it away; an owner's word, on the machine itself."""
    server = servers.get(wanted.server)
    if server is None:
        raise _unknown(f"The town has no server {wanted.server}", servers)
    if wanted.trouble not in server.troubles:
        raise _unknown(f"No trouble there is called {wanted.trouble}", server.troubles)
    await server.turn(wanted.trouble, on=wanted.on)
    return _out(servers)


def _out(servers: dict[str, Server]) -> list[ServerOut]:
    return [
        ServerOut(
            name=name,
            address=server.address,
            troubles=[TroubleOut(name=trouble, on=on) for trouble, on in server.troubles.items()],
        )
        for name, server in servers.items()
    ]


def _unknown(sentence: str, known: dict[str, Server] | dict[str, bool]) -> NotFound:
    names = ", ".join(known) or "none"
    return NotFound(f"{sentence}.", code="town.unknown", next_step=f"There are: {names}.")
