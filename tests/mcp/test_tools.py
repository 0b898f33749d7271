"""The agents' door, through the protocol's own client: an agent proposes, a person decides, both see the receipt."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from haloop.client import Client as HaloopClient
from haloop.mcp.tools import INSTRUCTIONS, make_server
from tests.api.conftest import TOKEN, Door, door

__all__ = ["door"]

ORDER = {"order": {"cents": 500, "item": "tea", "shop": "Karl"}}
TEA = {"desk": "shop", "procedure": "buy_if_asked", "arguments": ORDER}
GOLDEN = Path(__file__).parent / "tools.json"
TOOLS = {"propose", "propose_in_words", "read_receipt", "submit_artifact", "watch", "what_can_be_asked", "withdraw"}


@asynccontextmanager
async def agent_of(door: Door) -> AsyncIterator[Client]:
    token = (await door.client.post("/api/tokens", json={"agent": "shopper"})).json()["token"]
    async with Client(make_server(lambda _: HaloopClient(door.address, token))) as client:
        yield client


async def called(agent: Client, name: str, arguments: dict[str, Any] | None = None) -> Any:
    result = await agent.call_tool(name, arguments or {})
    assert not result.is_error, result.content
    return result.structured_content


async def test_an_agent_proposes_and_a_person_approves(door: Door) -> None:
    """From the wish to the receipt, with the agent on one side and Ana on the other."""
    async with agent_of(door) as agent:
        proposed = await called(agent, "propose", TEA)
        assert (proposed["state"], proposed["waits_at"]) == (
            "waits_for_you",
            f"{door.address}/open?draft_id={door.practice.gate_of(proposed['run'])}",
        )
        assert (await called(agent, "watch", {"run": proposed["run"], "seconds": 0}))["state"] == "waits_for_you"

        await door.decide(await door.gate(proposed["run"]))

        ended = await called(agent, "watch", {"run": proposed["run"]})
        assert (ended["state"], ended["receipts"], ended["waits_at"]) == ("ended", ["buy"], None)
        receipt = await called(agent, "read_receipt", {"run": proposed["run"], "effect": "buy"})
        assert json.loads(receipt["file"])["format"].startswith("haloop/receipt/")
        (started, *_) = (await door.got(f"/api/runs/{proposed['run']}"))["trail"]
        assert started["actor"] == "agent:shopper"


async def test_what_the_tools_say_is_fixed(door: Door) -> None:
    """Every word that a model reads of a tool, and what each takes, as it was decided: a change here is a decision."""
    async with agent_of(door) as agent:
        tools = (await agent.list_tools()).tools
    said = [{"name": one.name, "description": one.description, "takes": one.input_schema} for one in tools]
    assert {"instructions": INSTRUCTIONS, "tools": said} == json.loads(GOLDEN.read_text(encoding="utf-8"))


async def test_no_tool_decides(door: Door) -> None:
    """What an agent can do here is a short list, and a yes is not on it."""
    async with agent_of(door) as agent:
        tools = (await agent.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert [word for tool in tools for word in ("approve", "decide", "grant") if word in tool.name] == []
        assert all(tool.description for tool in tools)
        assert "You cannot decide" in INSTRUCTIONS


async def test_a_refusal_is_something_to_read(door: Door) -> None:
    """Another's run, a procedure nobody has, arguments that do not fit: each says what to do instead."""
    async with agent_of(door) as agent:
        theirs = await door.asked()
        wrong: list[tuple[str, dict[str, Any], str]] = [
            ("watch", {"run": theirs}, "There is no run"),
            ("read_receipt", {"run": theirs, "effect": "buy"}, "There is no run"),
            ("propose", {"desk": "kitchen", "procedure": "sink", "arguments": {}}, "Nobody here does kitchen.sink"),
            ("propose", {**TEA, "arguments": {}}, "buy_if_asked takes order"),
        ]
        for name, arguments, sentence in wrong:
            result = await agent.call_tool(name, arguments)
            assert result.is_error
            assert sentence in str(result.content)


async def test_an_agent_takes_back_what_it_proposed(door: Door) -> None:
    """Nobody has decided yet: the question is gone, and its run ends."""
    async with agent_of(door) as agent:
        proposed = await called(agent, "propose", TEA)

        ended = await called(agent, "withdraw", {"run": proposed["run"], "reason": "I misread."})

        assert (ended["state"], ended["reason"]) == ("ended", "I misread.")
        assert (await door.got("/api/gates"))["waiting"] == 0


async def test_an_agent_hands_in_a_file(door: Door) -> None:
    """Text or bytes, for its own run; somebody else's run is not there, and what is no base64 is said to be none."""
    async with agent_of(door) as agent:
        run = (await called(agent, "propose", TEA))["run"]
        told = await called(agent, "submit_artifact", {"run": run, "name": "why.txt", "content": "It is cheaper."})
        raw = {"run": run, "name": "a.bin", "content": "AAEC", "is_base64": True}
        await called(agent, "submit_artifact", raw)

        wrong = await agent.call_tool("submit_artifact", {**raw, "content": "no base64"})
        foreign = await agent.call_tool("submit_artifact", {**raw, "run": await door.asked()})

    assert (wrong.is_error, foreign.is_error) == (True, True)
    assert "There is no run" in str(foreign.content)
    listed = await door.got(f"/api/runs/{run}/artifacts")
    assert [(one["name"], one["by"], one["size"]) for one in listed] == [
        ("why.txt", "agent:shopper", 14),
        ("a.bin", "agent:shopper", 3),
    ]
    assert (await door.client.get(told["file"])).content == b"It is cheaper."


async def test_the_same_key_proposes_once(door: Door) -> None:
    """A model that repeats itself asks nobody twice."""
    async with agent_of(door) as agent:
        first, again = [await called(agent, "propose", {**TEA, "key": "one"}) for _ in range(2)]
        assert first["run"] == again["run"]


async def test_a_program_runs_it_with_an_agents_token_and_no_other(door: Door) -> None:
    """As an editor would: a process of its own, spoken to over its standard input and output."""
    made = await door.client.post("/api/tokens", json={"agent": "editor"})
    for token, is_taken in ((made.json()["token"], True), (TOKEN, False)):
        environment = {"HALOOP_ADDRESS": door.address, "HALOOP_TOKEN": token}
        command = StdioServerParameters(
            command=sys.executable, args=["-c", "from haloop.cli import main; main(['mcp'])"], env=environment
        )
        if is_taken:
            async with Client(stdio_client(command)) as client:
                assert (await called(client, "propose", TEA))["state"] == "waits_for_you"
        else:
            refused = await asyncio.create_subprocess_exec(
                *(command.command, *command.args),
                env={"PATH": os.environ["PATH"], **environment},
                stderr=asyncio.subprocess.PIPE,
            )
            _, said = await refused.communicate()
            assert b"holds no agent's token" in said
