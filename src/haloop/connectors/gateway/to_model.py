"""The way to the model inside a sandbox: what an agent says to a port of its own loopback goes to one socket.

It listens before the agent begins, and ends with it: both are in one sandbox. It runs where Haloop is not, so this one
file needs Python alone: python3 to_model.py PORT SOCKET COMMAND...
"""

import asyncio
import os
import socket
import sys

NO_WAY = 96


class End(asyncio.Protocol):
    """One end of a connection: whatever comes in at it goes out at the other, no faster than that takes it."""

    transport: asyncio.Transport
    other: "End"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, _error: "Exception | None") -> None:
        if hasattr(self, "other"):
            self.other.transport.close()


class AgentsEnd(End):
    """The one at which the agent speaks; it has the other one made."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.early = bytearray()
        """What it said before there was another end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.joining = asyncio.get_running_loop().create_task(self.join())

    def data_received(self, data: bytes) -> None:
        if self.joining.done():
            super().data_received(data)
        else:
            self.early += data

    async def join(self) -> None:
        try:
            _, self.other = await asyncio.get_running_loop().create_unix_connection(End, self.way)
        except OSError:
            self.transport.abort()
            return
        self.other.other = self
        self.other.transport.write(bytes(self.early))
        if self.transport.is_closing():
            self.other.transport.close()


async def carry(listening: socket.socket, way: str) -> None:
    """Until the sandbox ends."""
    server = await asyncio.get_running_loop().create_server(lambda: AgentsEnd(way), sock=listening)
    await server.serve_forever()


def knock(way: str) -> None:
    """Ask something of no consequence, so that outside it is known that the agent was begun."""
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(way)
        there.sendall(b"GET / HTTP/1.0\r\n\r\n")
        if not there.recv(1):
            raise ConnectionError(f"nobody answers at {way}")


def main(port: str, way: str, *agent: str) -> None:
    """Listen, become the agent, and leave a child that carries."""
    try:
        listening = socket.create_server(("127.0.0.1", int(port)))
        knock(way)
    except OSError as error:
        print(f"Nothing carries the agent's calls to its model: {error}.", file=sys.stderr)
        sys.exit(NO_WAY)
    if os.fork():
        listening.close()
        try:
            os.execvp(agent[0], agent)  # noqa: S606  # what it is for
        except OSError as error:
            sys.exit(f"{agent[0]} cannot be started: {error.strerror}.")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # the agent's own, which say by closing that it has no more to say
        os.dup2(nothing, descriptor)
    asyncio.run(carry(listening, way))


if __name__ == "__main__":
    main(*sys.argv[1:])
