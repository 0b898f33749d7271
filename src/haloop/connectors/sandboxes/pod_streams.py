"""A pod's three streams, which a cluster carries in one websocket.

Each message begins with a byte that says which stream it is of. That we say no more is a message of its own, which
clusters know from version 1.30 on; an older one refuses the connection. Where nobody reads a stream, nothing more is
taken from the connection, and the program waits.
"""

import asyncio
from contextlib import suppress

from aiohttp import ClientWebSocketResponse, WSMsgType

from haloop.connectors.sandboxes.streams import pipe

PROTOCOL = "v5.channel.k8s.io"
_IN, _OUT, _ERROR, _CLOSES = 0, 1, 2, 255
_PIECE_BYTES = 1 << 15


class PodStreams:
    """The streams, from our side."""

    def __init__(
        self, connection: ClientWebSocketResponse, pipes: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ) -> None:
        self._connection = connection
        (self.talks, said), (self.complains, complained), (self._heard, self.hears) = pipes
        self._into = {_OUT: said, _ERROR: complained}
        self.heard_bytes = 0
        self._carrying = asyncio.create_task(self._carry())
        self.ended = asyncio.create_task(self._deal_out())
        """When the cluster has nothing more to say."""

    @classmethod
    async def begun(cls, connection: ClientWebSocketResponse) -> "PodStreams":
        """Say the line that the container waits for, and hear it from then on; EOFError where it ends without one."""
        await connection.send_bytes(bytes([_IN]) + b"\n")
        async for message in connection:
            if message.type is WSMsgType.BINARY and message.data[:2] == bytes([_OUT]) + b"\n":
                streams = cls(connection, [await pipe() for _ in range(3)])
                streams._into[_OUT].write(message.data[2:])
                return streams
        raise EOFError

    async def hang_up(self) -> None:
        """No more is heard or carried; what was said stays to be read."""
        self.hears.close()
        for task in (self._carrying, self.ended):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._connection.close()
        for writer in self._into.values():
            writer.close()

    async def _deal_out(self) -> None:
        async for message in self._connection:
            if message.type is WSMsgType.BINARY and message.data[:1] and message.data[0] in self._into:
                writer = self._into[message.data[0]]
                writer.write(message.data[1:])
                self.heard_bytes += len(message.data)
                with suppress(ConnectionError):
                    await writer.drain()

    async def _carry(self) -> None:
        """What it hears, to its end; the line that begins it is not among it."""
        with suppress(ConnectionError):
            while piece := await self._heard.read(_PIECE_BYTES):
                await self._connection.send_bytes(bytes([_IN]) + piece)
            await self._connection.send_bytes(bytes([_CLOSES, _IN]))
