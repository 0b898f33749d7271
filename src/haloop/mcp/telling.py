"""Telling a person where to decide, where the agent's program can show them something.

An address is shown, once for each gate, and that is all: whatever comes back says at most that somebody saw it. The
yes or no is given at the address, to Haloop itself, and a program that answers here has decided nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import is_version_at_least

from haloop.client import Client

Asking: TypeAlias = Context[Any, Any]
"""The call of a tool, and whoever made it."""

SHOWN_SECONDS_MAX = 60
_ASKS_BY_RESULT = "2026-07-28"
"""From this revision on a server asks by answering a call with a question, and is called again."""
_TOLD_MAX = 1_000
_SAYS = "This waits for a person, who reads it and decides in Haloop. Nothing is decided by answering here."


class Told:
    """The gates that somebody was told of."""

    def __init__(self) -> None:
        self._gates: dict[str, None] = {}

    async def tell(
        self, asking: Asking, client: Client, gate: str, *, state: str, until: Callable[[], Awaitable[object]]
    ) -> InputRequiredResult | None:
        """Show where a gate is answered. What this returns is the call's result: the client calls again with the state.

        A client of an older revision is asked while its call goes on: until it answers, or there is no need any more.
        """
        shown = None if gate in self._gates else _shown(asking, client.page_of(gate), gate)
        if shown is None:
            return None
        self._gates[gate] = None
        if len(self._gates) > _TOLD_MAX:
            del self._gates[next(iter(self._gates))]
        if _asks_by_result(asking):
            return InputRequiredResult(input_requests={gate: ElicitRequest(params=shown)}, request_state=state)
        showing, waiting = asyncio.ensure_future(_show(asking, shown)), asyncio.ensure_future(until())
        try:
            await asyncio.wait((showing, waiting), timeout=SHOWN_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED)
        finally:
            showing.cancel()
            waiting.cancel()
            await asyncio.gather(showing, waiting, return_exceptions=True)
        return None


def _shown(asking: Asking, page: str, gate: str) -> ElicitRequestURLParams | ElicitRequestFormParams | None:
    """The address to be opened; where a client opens none, words with it in a form without fields."""
    able = asking.client_capabilities.elicitation if asking.client_capabilities else None
    if able is None:
        return None
    if able.url is not None:
        return ElicitRequestURLParams(message=_SAYS, url=page, elicitation_id=None if _asks_by_result(asking) else gate)
    return ElicitRequestFormParams(message=f"{_SAYS} {page}", requested_schema={"type": "object", "properties": {}})


def _asks_by_result(asking: Asking) -> bool:
    return is_version_at_least(asking.protocol_version or "", _ASKS_BY_RESULT)


async def _show(asking: Asking, shown: ElicitRequestURLParams | ElicitRequestFormParams) -> None:
    """Whether somebody looked or not makes no difference, and a client that cannot ask after all is asked nothing."""
    with suppress(MCPError):
        await asking.session.send_request(
            ElicitRequest(params=shown),
            ElicitResult,
            metadata=ServerMessageMetadata(related_request_id=asking.request_id),
        )
