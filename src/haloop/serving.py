"""One process that serves an application until it is told to stop, and then ends in order.

The socket is bound before anything else, so that a second start is told at once. A signal lets every request that
has begun come to its end; what holds a connection open (live events) is told to let go.
"""

import asyncio
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from haloop.kernel.errors import HomeUnusable

_SECONDS_TO_END = 10


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve on; refused by name where somebody else has it."""
    try:
        return socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        raise HomeUnusable(
            f"Nothing can be served on {host}:{port}: {error.strerror}.",
            code="serve.port",
            next_step="Stop whatever is there, or choose another port with --port.",
        ) from error


async def serve(app: FastAPI, at: socket.socket, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` hears the address once requests are answered."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_SECONDS_TO_END
    )
    server = _Server(config, lambda: on_ready(_address(at)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again at its end, and then they are ours
        loop.add_signal_handler(number, server.end)
    await server.serve(sockets=[at])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def end(self) -> None:
        self.should_exit = True


def _address(at: socket.socket) -> str:
    host, port = at.getsockname()[:2]
    return f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
