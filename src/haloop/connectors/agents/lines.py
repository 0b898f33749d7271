"""The messages of the Agent Client Protocol as they pass through a sandbox: one on each line, none without a bound.

An agent that does not hear our answers is not read on, so what waits for it is bounded too.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from pydantic_core import to_json

from haloop.connectors.agents.log import Log
from haloop.ports.sandboxes import Sandbox

MESSAGE_BYTES = 512 * 1024
"""Far below what is read from a program as one line: here a line is taken apart, and held for as long as it matters."""
UNANSWERED_MAX = 64
"""So many requests are taken from an agent at once."""
_ID_MAX = 256


class Lines:
    """What an agent says and hears, message by message. What it says that is none goes to its log."""

    def __init__(self, sandbox: Sandbox, log: Log) -> None:
        self._sandbox = sandbox
        self._log = log
        self._may_ask = asyncio.Semaphore(UNANSWERED_MAX)
        self.fault = ""
        """What it said that nobody hears to the end, where that is why it ended."""

    async def send(self, message: dict[str, Any]) -> None:
        self._sandbox.hears.write(to_json(message, fallback=str) + b"\n")
        await self._sandbox.hears.drain()
        if "method" not in message:
            self._may_ask.release()

    async def receive(self) -> dict[str, Any] | None:
        while True:
            await asyncio.sleep(0)  # or an agent that never stops would leave no time for what it said
            with suppress(ConnectionError):  # it hears no more, and may say something still
                await self._sandbox.hears.drain()
            line = await self._line()
            if not line.endswith(b"\n"):
                self._log.write(line)
                return None
            message = _message(line)
            if message is None:
                self._log.write(line)
                continue
            if not _is_plain(message.get("id")):
                self.fault = "It sent a message with an id that is none, and was stopped."
                return None
            if message.get("method") is not None and "id" in message:
                await self._may_ask.acquire()
            return message

    async def _line(self) -> bytes:
        """The next one, or what there is of it at the end."""
        try:
            line = await self._sandbox.talks.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError:
            line = b""
        if 0 < len(line) <= MESSAGE_BYTES:
            return line
        self.fault = f"It sent a message of more than {MESSAGE_BYTES} bytes, and was stopped."
        return b""

    async def close(self) -> None:
        self._sandbox.hears.close()


def _is_plain(id_: object) -> bool:
    return id_ is None or (isinstance(id_, str | int | float) and len(str(id_)) <= _ID_MAX)


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
