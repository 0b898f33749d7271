"""Pipes of our own, for what a provider does not hand us as streams."""

import asyncio
import os
from collections.abc import Callable

from haloop.ports.sandboxes import LINE_BYTES


async def reader_of(descriptor: int) -> asyncio.StreamReader:
    """Read from a pipe's end; it is closed when nobody writes to it any more."""
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    end = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), end)
    return reader


async def pipe() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """What is written to one end is read at the other, and waits where nobody reads."""
    loop = asyncio.get_running_loop()
    out, into = os.pipe()
    reader = await reader_of(out)
    end = os.fdopen(into, "wb", buffering=0)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), end
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def until_quiet(ended: "asyncio.Task[None]", heard: Callable[[], int], seconds: float) -> None:
    """Wait until all was said, or for so long nothing came: where nobody reads, the end is never reached."""
    before = -1
    while not ended.done() and heard() != before:
        before = heard()
        await asyncio.wait([ended], timeout=seconds)
