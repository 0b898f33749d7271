"""The driver for agents that speak the Agent Client Protocol. What it needs is loaded with the first of them."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import cast

from haloop.connectors.agents.program import Program
from haloop.connectors.agents.session import Session
from haloop.connectors.agents.workplace import Workplace
from haloop.ports.agents import Task
from haloop.ports.sandboxes import Sandbox

_SPEAKS = "haloop.connectors.agents.acp_session"
"""It takes more than a second to load, so it is loaded beside the event loop."""


class AcpAgent:
    """Such an agent: one process for each session."""

    def __init__(self, program: Callable[[Task], Program]) -> None:
        self.program = program

    async def session(self, sandbox: Sandbox, place: Workplace, task: Task, prompt: str) -> Session:
        speaks = await asyncio.to_thread(import_module, _SPEAKS)
        return cast("Session", speaks.AcpSession(sandbox, place.log, place.answers, task, prompt))
