"""The town's post office: it takes mail as any mail server does, and sends none; what it took lies in a folder.

It speaks just enough SMTP for whoever sends one message at a time on this machine. Each message is a file of its own,
as it came, under the number it came as.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

MESSAGE_BYTES_MAX = 10 << 20
_LINE_BYTES_MAX = 64 << 10
_SECONDS_MAX = 30.0
_ANSWERS = {b"HELO": "250 town", b"RSET": "250 as new", b"NOOP": "250 yes", b"QUIT": "221 goodbye"}


class PostOffice:
    """Takes mail, and keeps it. `opened` makes one."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.taken: list[bytes] = []
        """What came since it opened, the oldest first."""
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path | None = None) -> "AsyncIterator[PostOffice]":
        """Take mail on the loopback interface until the end of the block; without a folder it is forgotten then."""
        office = cls(folder)
        server = await asyncio.start_server(office._serve, "127.0.0.1", 0, limit=_LINE_BYTES_MAX)
        office.port = server.sockets[0].getsockname()[1]
        try:
            yield office
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # whoever sent something has gone, or sends what is no mail
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said, recipients = "220 the town's post office", 0
        while True:
            writer.write(f"{said}\r\n".encode())
            await writer.drain()
            if said.startswith("221"):
                return
            word = (await reader.readuntil(b"\n"))[:4].upper()
            match word:
                case b"EHLO":
                    said = f"250-town\r\n250-8BITMIME\r\n250 SIZE {MESSAGE_BYTES_MAX}"
                case b"MAIL":
                    said, recipients = "250 from you", 0
                case b"RCPT":
                    said, recipients = "250 to them", recipients + 1
                case b"DATA" if recipients:
                    writer.write(b"354 go on\r\n")
                    said = self._keep(await _message(reader))
                case _:
                    said = _ANSWERS.get(word, "503 not now" if word == b"DATA" else "502 nobody here knows that")

    def _keep(self, message: bytes | None) -> str:
        if message is None:
            return "552 too long"
        self.taken.append(message)
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = len(list(self._folder.glob("*.eml"))) + 1
            (self._folder / f"{number:06}.eml").write_bytes(message)
        return "250 taken"


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """All lines up to the lone dot; nothing where they are more than a message may have, and no more is held."""
    lines, size = list[bytes](), 0
    while (line := await reader.readuntil(b"\n")) != b".\r\n":
        size += len(line)
        if size <= MESSAGE_BYTES_MAX:
            lines.append(line.removeprefix(b"."))
    return b"".join(lines) if size <= MESSAGE_BYTES_MAX else None
