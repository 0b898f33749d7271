"""The practice model is understood by the providers' own clients, and counted by the gateway as they are."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.ports.agents import ImplementationResult
from haloop.serving import bind, served
from haloop.town.line import Line
from haloop.town.model import DONE, make_model
from tests.connectors.gateway.conftest import gateway, inside, task

PROMPT = "Read /mission/artifacts/plan.md. Then write /mission/artifacts/implementation-result.json, a JSON object."
TOOL = {"type": "object", "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}}
SHELL: dict[str, Any] = {"type": "object", "properties": {"command": {"type": "array"}}}


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with served(make_model(Line()), bind("127.0.0.1", 0)) as address:
        yield address.replace("localhost", "127.0.0.1")


def written(arguments: object) -> None:
    """Whether a call of the tool would leave what the step asks for."""
    assert isinstance(arguments, dict)
    assert arguments["file_path"] == "/mission/artifacts/implementation-result.json"
    assert ImplementationResult.model_validate_json(arguments["content"]).status == "blocked"


async def test_anthropics_own_client_understands_it(address: str, tmp_path: Path) -> None:
    """In events: first a call of the tool that was offered, then that it is done; both are counted on the way."""
    tool: Any = {"name": "Write", "input_schema": TOOL}
    asked: Any = {"role": "user", "content": PROMPT}
    with gateway(tmp_path, [Upstream(provider=Provider.ANTHROPIC, address=address)]) as gate:
        line = await gate.open(Provider.ANTHROPIC, task())
        async with inside(line) as http:
            client = AsyncAnthropic(api_key="none", base_url="http://model", http_client=http, max_retries=0)
            said: Any = {"model": "claude-haiku-4-5", "max_tokens": 900, "tools": [tool]}
            async with client.messages.stream(messages=[asked], **said) as stream:
                first = await stream.get_final_message()
            answer: Any = {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": ""}],
            }
            called: Any = {"role": "assistant", "content": [block.model_dump() for block in first.content]}
            then = await client.messages.create(messages=[asked, called, answer], **said)
            counted = await client.messages.count_tokens(model="m", messages=[asked])
            use = line.use

    (block,) = first.content
    assert block.type == "tool_use"
    written(block.input)
    assert [one.text for one in then.content if one.type == "text"] == [DONE]
    assert counted.input_tokens > 0
    assert use.tokens_in == first.usage.input_tokens + then.usage.input_tokens
    assert use.tokens_out == first.usage.output_tokens + then.usage.output_tokens == 40


async def test_openais_own_client_understands_both_of_its_forms(address: str, tmp_path: Path) -> None:
    """Completions and responses, in events; where only a shell is offered, that writes the file."""
    tool: Any = {"type": "function", "function": {"name": "write_file", "parameters": TOOL}}
    shell: Any = {"type": "function", "name": "shell", "parameters": SHELL}
    with gateway(tmp_path, [Upstream(provider=Provider.OPENAI, address=f"{address}/v1")]) as gate:
        line = await gate.open(Provider.OPENAI, task())
        async with inside(line) as http:
            client = AsyncOpenAI(api_key="none", base_url="http://model/v1", http_client=http, max_retries=0)
            chunks = await client.chat.completions.create(
                model="gpt-5", messages=[{"role": "user", "content": PROMPT}], tools=[tool], stream=True
            )
            calls = [call async for one in chunks for choice in one.choices for call in choice.delta.tool_calls or []]
            events = await client.responses.create(model="gpt-5", input=PROMPT, tools=[shell], stream=True)
            (done,) = [event.response async for event in events if event.type == "response.completed"]
            models = await client.models.list()
            use = line.use

    assert calls[0].function is not None
    written(json.loads(calls[0].function.arguments or ""))
    (item,) = done.output
    assert item.type == "function_call"
    assert json.loads(item.arguments)["command"][-1].endswith("> /mission/artifacts/implementation-result.json")
    assert [one.id for one in models.data] == ["practice"]
    assert use.tokens_out == 40


@pytest.mark.parametrize("how", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_gemini_is_spoken_too(address: str, how: str) -> None:
    """At once and in events."""
    tool = {"functionDeclarations": [{"name": "write_file", "parametersJsonSchema": TOOL}]}
    body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}], "tools": [tool]}
    async with httpx2.AsyncClient(base_url=address) as client:
        answer = await client.post(f"/v1beta/models/gemini-2.5-flash:{how}", json=body)

    said = json.loads(answer.text.removeprefix("data: "))
    written(said["candidates"][0]["content"]["parts"][0]["functionCall"]["args"])
    assert said["usageMetadata"]["candidatesTokenCount"] == 20
