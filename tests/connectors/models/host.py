"""A host of models on this machine, which speaks like OpenAI and like Anthropic, and says what its script says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response

from haloop.connectors.models.hosted import MODELS, ModelHost, Shape
from haloop.serving import bind, served

KEY = "sk-canary-of-the-model-7731"
TOKENS = 21


@dataclass(frozen=True, kw_only=True)
class Says:
    """One answer of the host."""

    text: str | None = None
    """What the model writes; nothing where the host answers something else."""
    status: int = 200
    body: str = '{"error": {"message": "rude words of the host"}}'
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """It takes the question, and says nothing for as long as anybody waits."""
    is_cut: bool = False
    needs_words: bool = False
    """It refuses to be given a form."""


@dataclass
class Hosting:
    """What the host will say, the last of it again and again, and what it was asked."""

    address: str = ""
    script: list[Says] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def host(self, shape: Shape = Shape.OPENAI) -> ModelHost:
        at = f"{self.address}/v1" if shape is Shape.OPENAI else self.address
        return ModelHost(shape=shape, model=MODELS[shape], address=at, key=KEY)

    def will_write(self, *answers: object) -> None:
        self.script = [Says(text=one if isinstance(one, str) else json.dumps(one)) for one in answers]

    def sent(self) -> str:
        """All that ever reached the host."""
        return json.dumps(self.asked, ensure_ascii=False)

    async def answer(self, request: Request, whole: Any) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.was_asked.set()
        self.keys.append(request.headers["authorization"])
        says = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if says.needs_words and ("response_format" in body or "output_config" in body):
            return Response(status_code=400, content="{}")
        if says.silent:
            await self.let_go.wait()
        if says.text is None:
            return Response(status_code=says.status, content=says.body, headers=says.headers)
        return Response(json.dumps(whole(body["model"], says)), media_type="application/json")


def like_openai(model: str, says: Says) -> dict[str, Any]:
    message = {"role": "assistant", "content": says.text}
    choice = {"index": 0, "finish_reason": "length" if says.is_cut else "stop", "message": message}
    usage = {"prompt_tokens": TOKENS - 1, "completion_tokens": 1, "total_tokens": TOKENS}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}


def like_anthropic(model: str, says: Says) -> dict[str, Any]:
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": says.text}],
        "stop_reason": "max_tokens" if says.is_cut else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": TOKENS - 1, "output_tokens": 1},
    }


@asynccontextmanager
async def hosting() -> AsyncIterator[Hosting]:
    """The host, until the end of the block."""
    host, app = Hosting(), FastAPI()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await host.answer(request, like_openai)

    @app.post("/v1/messages")
    async def messages(request: Request) -> Response:
        return await host.answer(request, like_anthropic)

    @app.get("/v1/models")
    async def models() -> Response:
        says = host.script[0] if host.script else Says(text="")
        known = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
        return Response(json.dumps(known), status_code=says.status, media_type="application/json")

    async with served(app, bind("127.0.0.1", 0)) as address:
        host.address = address.replace("localhost", "127.0.0.1")
        try:
            yield host
        finally:
            host.let_go.set()
