"""A process of its own that asks a model in the name of an attempt, and waits for the answer until it is killed."""

import asyncio
import sys
from pathlib import Path

from haloop.connectors.gateway.providers import Provider, Upstream
from tests.connectors.gateway.conftest import KEY, gateway, inside, task

ATTEMPT = "r-00000000-0000-4000-8000-000000000001"
TOKENS_OUT = 100
ASKED = {"model": "claude-haiku-4-5", "max_tokens": TOKENS_OUT, "messages": [{"role": "user", "content": "Hello"}]}


async def ask(home: Path, address: str, attempt: str) -> None:
    """Ask once."""
    with gateway(home, [Upstream(provider=Provider.ANTHROPIC, address=address, key=KEY)]) as gate:
        line = await gate.open(Provider.ANTHROPIC, task(attempt=attempt))
        async with inside(line) as agent:
            await agent.post("/v1/messages", json=ASKED)


if __name__ == "__main__":
    asyncio.run(ask(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
