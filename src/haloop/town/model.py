"""A model that is none: it speaks as Anthropic, OpenAI and Gemini do, and plays one script for whoever asks.

Asked for the first time it calls a tool that writes the file which a step is to leave, of those tools that it is
offered; told what came of that, it says that it is done. So an agent of somebody else works as with its own model, and
costs nothing.
"""

import json
import re
import shlex
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.town.line import Line

DONE = "The file is there."
_WRITERS = ("Write", "write", "write_file", "create_file")
_SHELLS = ("Bash", "bash", "run_shell_command", "exec_command", "shell", "shell_command")
_PATHS, _CONTENTS = ("file_path", "filePath", "path"), ("content", "text")
_OUTPUT = re.compile(r"[Ww]rite (?:your result to )?(/mission/artifacts/[A-Za-z0-9._-]+)")
_RESULT: Canonical = {
    "status": "blocked",
    "filesCreated": [],
    "filesModified": [],
    "testsAdded": [],
    "notes": "The practice model changes no code.",
}
_TEXT = "# By the practice model\n\nThis is what it writes for every step; set a key for a model that reads.\n"
_TOKENS_WRITTEN = 20
_BYTES_OF_A_TOKEN = 4

Json: TypeAlias = Mapping[str, Any]
_Tools: TypeAlias = Mapping[str, Json]
"""What is offered, by name, each with its schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What it says: a call, or that it is done."""

    model: str
    read: int
    """Tokens, about."""
    tool: str = ""
    arguments: Json | None = None

    @property
    def arguments_text(self) -> str:
        return canonical.encode(dict(self.arguments or {})).decode()


@dataclass(frozen=True, slots=True)
class _Speak:
    """One provider's form, for an answer at once and for one in events."""

    whole: Callable[[Said], Json]
    events: Callable[[Said], Iterable[Json]]


def make_model(line: Line) -> FastAPI:
    """Its server."""
    app = FastAPI(title="Model in town", openapi_url=None)
    app.middleware("http")(line.carry)

    def speaking(path: str, tools: Callable[[Json], _Tools], was_called: str, speak: _Speak) -> None:
        @app.post(path)
        async def answer(request: Request) -> Response:
            body = await request.body()
            asked = json.loads(body)
            model, _, call = request.path_params.get("model", "").partition(":")
            said = _said(body.decode(), tools(asked), was_called, model=asked.get("model") or model)
            if asked.get("stream") or call.startswith("stream"):
                return StreamingResponse(_events(speak.events(said)), media_type="text/event-stream")
            return JSONResponse(speak.whole(said))

    speaking("/v1/messages", _anthropic_tools, '"tool_result"', _Speak(_message, _message_events))
    speaking("/v1/chat/completions", _chat_tools, '"tool_call_id"', _Speak(_chat, _chat_events))
    speaking("/v1/responses", _response_tools, '_call_output"', _Speak(_response, _response_events))
    speaking("/v1beta/models/{model}", _gemini_tools, '"functionResponse"', _Speak(_generated, _generated_events))

    @app.post("/v1/messages/count_tokens")
    async def count(request: Request) -> Json:
        return {"input_tokens": len(await request.body()) // _BYTES_OF_A_TOKEN}

    @app.get("/v1/models")
    async def models() -> Json:
        return {"object": "list", "data": [{"id": "practice", "object": "model", "created": 1, "owned_by": "town"}]}

    return app


async def _events(events: Iterable[Json]) -> AsyncIterator[bytes]:
    for event in events:
        name = f"event: {event['type']}\n" if "type" in event else ""
        yield f"{name}data: ".encode() + canonical.encode(dict(event)) + b"\n\n"
    if "choices" in event:
        yield b"data: [DONE]\n\n"


def _said(asked: str, tools: _Tools, was_called: str, *, model: str) -> Said:
    read, found = len(asked) // _BYTES_OF_A_TOKEN, _OUTPUT.search(asked)
    if found and was_called not in asked:
        for name, schema in sorted(tools.items(), key=lambda tool: tool[0] not in _WRITERS):
            arguments = _writing(found[1].rstrip("."), name, schema)
            if arguments:
                return Said(model=model, read=read, tool=name, arguments=arguments)
    return Said(model=model, read=read)


def _writing(path: str, tool: str, schema: Json) -> Json | None:
    """What this tool is given so that it writes the file; nothing where it is for something else."""
    content = canonical.encode(_RESULT).decode() if path.endswith(".json") else _TEXT
    has = schema.get("properties", {})
    if tool in _WRITERS:
        return {
            next(name for name in _PATHS if name in has): path,
            next(name for name in _CONTENTS if name in has): content,
        }
    if tool not in _SHELLS:
        return None
    line = f"printf %s {shlex.quote(content)} > {path}"
    name = "command" if "command" in has else "cmd"
    in_words = {"description": "Write the file"} if "description" in has else {}
    return {name: ["sh", "-c", line] if has.get(name, {}).get("type") == "array" else line, **in_words}


def _anthropic_tools(asked: Json) -> _Tools:
    return {one["name"]: one.get("input_schema", {}) for one in asked.get("tools", [])}


def _chat_tools(asked: Json) -> _Tools:
    return {one["function"]["name"]: one["function"].get("parameters", {}) for one in asked.get("tools", [])}


def _response_tools(asked: Json) -> _Tools:
    return {one["name"]: one.get("parameters", {}) for one in asked.get("tools", []) if one["type"] == "function"}


def _gemini_tools(asked: Json) -> _Tools:
    declared = [one for group in asked.get("tools", []) for one in group.get("functionDeclarations", [])]
    return {one["name"]: one.get("parametersJsonSchema") or one.get("parameters", {}) for one in declared}


# Anthropic


def _message(said: Said) -> Json:
    block = {"type": "tool_use", "id": "toolu_1", "name": said.tool, "input": said.arguments}
    return {
        **_empty_message(said),
        "content": [block if said.tool else {"type": "text", "text": DONE}],
        "stop_reason": "tool_use" if said.tool else "end_turn",
        "usage": {"input_tokens": said.read, "output_tokens": _TOKENS_WRITTEN},
    }


def _empty_message(said: Said) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": said.read, "output_tokens": 1},
    }


def _message_events(said: Said) -> Iterator[Json]:
    whole = _message(said)
    block = whole["content"][0]
    empty = {**block, "input": {}} if said.tool else {**block, "text": ""}
    in_text = {"type": "text_delta", "text": DONE}
    delta = {"type": "input_json_delta", "partial_json": said.arguments_text} if said.tool else in_text
    yield {"type": "message_start", "message": _empty_message(said)}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    stopped = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": stopped, "usage": {"output_tokens": _TOKENS_WRITTEN}}
    yield {"type": "message_stop"}


# OpenAI, as it was


def _chat(said: Said) -> Json:
    message: dict[str, Any] = {"role": "assistant", "content": None if said.tool else DONE}
    if said.tool:
        called = {"name": said.tool, "arguments": said.arguments_text}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": called}]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if said.tool else "stop"}
    return {**_completion(said, ""), "choices": [choice], "usage": _chat_usage(said)}


def _completion(said: Said, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl_1", "object": f"chat.completion{kind}", "created": 1, "model": said.model}


def _chat_usage(said: Said) -> Json:
    read, written = said.read, _TOKENS_WRITTEN
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _chat_events(said: Said) -> Iterator[Json]:
    begun, choice = _completion(said, ".chunk"), _chat(said)["choices"][0]
    delta = dict(choice["message"])
    if said.tool:
        delta["tool_calls"] = [{**delta["tool_calls"][0], "index": 0}]
    yield {**begun, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**begun, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    yield {**begun, "choices": [], "usage": _chat_usage(said)}


# OpenAI, as it is


def _response(said: Said) -> Json:
    called = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": said.tool, "status": "completed"}
    told = {"type": "output_text", "text": DONE, "annotations": []}
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [told]}
    read, written = said.read, _TOKENS_WRITTEN
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": said.model,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "output": [{**called, "arguments": said.arguments_text} if said.tool else message],
        "usage": {
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _response_events(said: Said) -> Iterator[Json]:
    whole = _response(said)
    item = whole["output"][0]
    begun = {**item, "status": "in_progress", **({"arguments": ""} if said.tool else {"content": []})}
    at: dict[str, Any] = {"item_id": item["id"], "output_index": 0}
    numbered: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
    ]
    if said.tool:
        text = said.arguments_text
        numbered.append({"type": "response.function_call_arguments.delta", **at, "delta": text})
        numbered.append({"type": "response.function_call_arguments.done", **at, "arguments": text})
    else:
        part = {**at, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": []}
        numbered.append({"type": "response.content_part.added", **part, "part": empty})
        numbered.append({"type": "response.output_text.delta", **part, "delta": DONE, "logprobs": []})
        numbered.append({"type": "response.output_text.done", **part, "text": DONE, "logprobs": []})
        numbered.append({"type": "response.content_part.done", **part, "part": item["content"][0]})
    numbered.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    numbered.append({"type": "response.completed", "response": whole})
    yield from ({**one, "sequence_number": number} for number, one in enumerate(numbered))


# Gemini


def _generated(said: Said) -> Json:
    part = {"functionCall": {"name": said.tool, "args": said.arguments}} if said.tool else {"text": DONE}
    read, written = said.read, _TOKENS_WRITTEN
    return {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": read,
            "candidatesTokenCount": written,
            "totalTokenCount": read + written,
        },
        "modelVersion": said.model,
    }


def _generated_events(said: Said) -> Iterator[Json]:
    yield _generated(said)
