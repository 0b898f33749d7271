"""A container's three streams, which a daemon carries over one connection.

What comes is cut into pieces with a head of eight bytes each: which stream, and how much. Where nobody reads one of
them, nothing more is taken from the connection, and the program waits. The connection is our own: the library would
hand out the inside of one of its, and never close it.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from haloop.connectors.sandboxes.streams import pipe

_ASKED = (
    "POST /containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
    "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
)
_SWITCHED = b"HTTP/1.1 101 "
_ANSWER_SECONDS = 60
_HEAD_BYTES = 8
_PIECE_BYTES = 1 << 16
_OUT, _ERROR = 1, 2


class Attached:
    """The streams, from our side."""

    def __init__(
        self,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        pipes: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    ) -> None:
        self._from, self._to = connection
        (self.talks, said), (self.complains, complained), (self._heard, self.hears) = pipes
        self._into = {_OUT: said, _ERROR: complained}
        self.heard_bytes = 0
        self._carrying = asyncio.create_task(self._carry())
        self.ended = asyncio.create_task(self._deal_out())
        """When the daemon has nothing more to say."""

    @classmethod
    async def to(cls, container: str, at: Path) -> "Attached":
        """Ask the daemon for the streams of a container that does not run yet, so that nothing it says is lost."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_unix_connection(lambda: protocol, str(at))
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                writer.write(_ASKED.format(container=container).encode())
                answer = await reader.readuntil(b"\r\n\r\n")
        except BaseException:
            writer.close()
            raise
        if not answer.startswith(_SWITCHED):
            writer.close()
            raise ConnectionError(answer.decode(errors="replace").partition("\r\n")[0])
        return cls((reader, writer), [await pipe() for _ in range(3)])

    async def hang_up(self) -> None:
        """No more is heard or carried; what was said stays to be read."""
        self.hears.close()
        for task in (self._carrying, self.ended):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._to.close()
        for writer in self._into.values():
            writer.close()

    async def _deal_out(self) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self._from.readexactly(_HEAD_BYTES)
                left = int.from_bytes(head[4:])
                while left:
                    piece = await self._from.readexactly(min(left, _PIECE_BYTES))
                    left -= len(piece)
                    self.heard_bytes += len(piece)
                    self._into[head[0]].write(piece)
                    await self._into[head[0]].drain()

    async def _carry(self) -> None:
        """What it hears, to its end."""
        with suppress(ConnectionError):
            while piece := await self._heard.read(_PIECE_BYTES):
                self._to.write(piece)
                await self._to.drain()
            self._to.write_eof()
