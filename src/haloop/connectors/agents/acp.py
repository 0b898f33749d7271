"""The driver for agents that speak the Agent Client Protocol. What it needs is loaded with the first of them."""

import asyncio
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from haloop.connectors.agents.program import Program
from haloop.connectors.agents.session import Session
from haloop.connectors.agents.workplace import Workplace
from haloop.ports.agents import Autonomy, Task
from haloop.ports.sandboxes import Sandbox

_SPEAKS = "haloop.connectors.agents.acp_session"
"""It takes more than a second to load, so it is loaded beside the event loop."""


class AcpAgent:
    """Such an agent: one process for each session, which is set to the mode that is named for how far it may go."""

    def __init__(self, program: Callable[[Task], Program], modes: Mapping[Autonomy, str] | None = None) -> None:
        self.program = program
        self._modes = modes or {}

    async def session(self, sandbox: Sandbox, place: Workplace, task: Task, prompt: str) -> Session:
        mode = self._modes.get(task.autonomy)
        speaks = await asyncio.to_thread(import_module, _SPEAKS)
        return cast("Session", speaks.AcpSession(sandbox, place.log, place.answers, task, prompt, mode))
