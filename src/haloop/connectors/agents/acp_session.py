"""An agent that speaks the Agent Client Protocol, version 1: the one module that loads the protocol's library.

It is offered neither our files nor a terminal: what it needs is in its sandbox. Where it asks for permission, it
waits for the answer in the middle of its work for as long as its sandbox may live. An answer is handed to it once,
and never as one for always; the same question, asked again, is another question. A step that looks, or that acts, has
the answer itself, and asks nobody.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from acp import RequestError
from acp.connection import Connection
from acp.schema import (
    ClientCapabilities,
    Implementation,
    InitializeRequest,
    InitializeResponse,
    NewSessionRequest,
    NewSessionResponse,
    PermissionOption,
    PromptRequest,
    PromptResponse,
    RequestPermissionRequest,
    SessionNotification,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)
from pydantic import BaseModel, ValidationError

from haloop.connectors.agents.act import SIZE_MAX, Act
from haloop.connectors.agents.answers import Answers
from haloop.connectors.agents.lines import Lines
from haloop.connectors.agents.log import Log
from haloop.connectors.agents.modes import Modes
from haloop.connectors.agents.session import Ended, why_cut_short
from haloop.connectors.agents.transcript import Transcript
from haloop.connectors.agents.workplace import seen_at
from haloop.ports.agents import Asks, Autonomy, Permission, Task
from haloop.ports.sandboxes import FOLDER, Over, Sandbox

PROTOCOL = 1
_ASKED_AT_ONCE = 32
_CALLS_KNOWN_MAX = 100
_SAID_MAX = 300
_SECONDS_TO_END = 2.0
_ALLOW, _REFUSE = "allow_once", "reject_once"
_WHY = {
    "end_turn": "",
    "max_tokens": "It stopped in the middle: its model gives no longer answer.",
    "max_turn_requests": "It stopped in the middle: it asked its model as often as it may.",
    "refusal": "It refused to do this.",
    "cancelled": "It was stopped.",
}
_STEP_SAYS = {
    Autonomy.LOOK: "It may not, since its step refuses what it asks for",
    Autonomy.ACT: "It may, since its step acts without asking",
}

_Answer = TypeVar("_Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Question:
    """A permission it waits for."""

    act: Act
    answer: "asyncio.Future[bool | None]" = field(default_factory=asyncio.Future)
    """None where there will be none."""


class AcpSession:
    """One agent, from its greeting to the end of its turn."""

    def __init__(self, sandbox: Sandbox, log: Log, answers: Answers, task: Task, prompt: str, mode: str | None) -> None:
        self._sandbox = sandbox
        self._answers = answers
        self._task = task
        self._prompt = prompt
        self._mode = mode
        """The one of its own that it is to work in; the one it begins with, where nobody named any."""
        self._log = log
        self._transcript = Transcript(log)
        self._lines = Lines(sandbox, log)
        self._connection = Connection(self._heard, self._lines)
        self._id = ""
        self._calls: dict[str, ToolCallUpdate] = {}
        """What it said of its last calls before it asked."""
        self._questions: list[_Question] = []
        self._permissions: tuple[Permission, ...] = ()
        self._news = asyncio.Event()
        self._turn = asyncio.create_task(self._take_turn())
        self._turn.add_done_callback(lambda _: self._news.set())

    async def go_on(self, permissions: tuple[Permission, ...], /) -> Ended | Asks:
        self._permissions = permissions
        while True:
            self._news.clear()
            if self._turn.done():
                return self._turn.result()
            self._questions = [one for one in self._questions if not self._is_answered(one)]
            if self._questions:
                return self._questions[0].act.asks()
            await self._news.wait()

    async def close(self) -> None:
        """Ask it to stop where it is at work, and hear no more of it."""
        try:
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_SECONDS_TO_END):
                    await self._cancelled()
        finally:
            self._turn.cancel()
        await self._connection.close()

    async def _cancelled(self) -> None:
        if self._turn.done() or not self._id:
            return
        await self._connection.send_notification("session/cancel", {"sessionId": self._id})
        for question in self._questions:
            if not question.answer.done():
                question.answer.set_result(None)
        await asyncio.wait({self._turn})

    async def _take_turn(self) -> Ended:
        """What it says counts for no longer than its program lives, and a moment: what it said last is read yet."""
        talk, over = asyncio.create_task(self._talk()), asyncio.create_task(self._sandbox.over())
        try:
            await asyncio.wait({talk, over}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({talk}, timeout=_SECONDS_TO_END)
            return talk.result() if talk.done() else self._cut_short(over.result())
        finally:
            talk.cancel()
            over.cancel()

    async def _talk(self) -> Ended:
        try:
            return await self._spoken()
        except RequestError as error:
            return Ended(f"It could not work: {_said(str(error))}.")
        except ValidationError:
            return Ended("It does not speak the Agent Client Protocol as it should.")
        except ConnectionError:
            return Ended(self._lines.fault) if self._lines.fault else self._cut_short(await self._over())

    def _cut_short(self, over: Over) -> Ended:
        return Ended(why_cut_short(over, self._task) or "Its program ended in the middle of its work.")

    async def _spoken(self) -> Ended:
        greeting = InitializeRequest(
            protocol_version=PROTOCOL,
            client_capabilities=ClientCapabilities(),
            client_info=Implementation(name="haloop", version="1"),
        )
        met = await self._request("initialize", greeting, InitializeResponse)
        if met.protocol_version != PROTOCOL:
            return Ended(f"It speaks version {met.protocol_version} of the protocol, and Haloop version {PROTOCOL}.")
        if met.agent_info:
            self._log.say(f"It is {met.agent_info.name} {met.agent_info.version}.")
        opened = NewSessionRequest(cwd=FOLDER, mcp_servers=[])
        session = await self._request("session/new", opened, NewSessionResponse)
        self._id = session.session_id
        if self._mode is not None and (missing := await self._set_to(self._mode, Modes.of(session))):
            return Ended(missing)
        prompt = PromptRequest(session_id=self._id, prompt=[TextContentBlock(type="text", text=self._prompt)])
        return Ended(_WHY[(await self._request("session/prompt", prompt, PromptResponse)).stop_reason])

    async def _set_to(self, mode: str, modes: Modes) -> str:
        """Have it work in a mode of its own; a sentence where it has no such mode."""
        if mode not in modes.names:
            there = f"it has {_said(', '.join(modes.names))}" if modes.names else "it has none"
            return f"It has no mode {mode}, which agents.file names for a step that may {self._task.autonomy}; {there}."
        await self._connection.send_request(*modes.choosing(self._id, mode))
        self._log.say(f"It works in its mode {mode}.")
        return ""

    async def _request(self, method: str, request: BaseModel, answer: type[_Answer]) -> _Answer:
        said = request.model_dump(mode="json", by_alias=True, exclude_none=True)
        return answer.model_validate(await self._connection.send_request(method, said))

    async def _over(self) -> Over:
        """It speaks no more: its program has ended, or is made to."""
        try:
            return await asyncio.wait_for(self._sandbox.over(), _SECONDS_TO_END)
        except TimeoutError:
            return await self._sandbox.stop()

    async def _heard(self, method: str, params: object, is_notification: bool) -> object:  # noqa: FBT001  # the library's
        match method:
            case "session/update":
                self._take_update(params)
                return None
            case _ if is_notification:
                return None  # of a later version of the protocol, or nonsense; nobody waits for an answer
            case "session/request_permission":
                return {"outcome": await self._permission(RequestPermissionRequest.model_validate(params))}
        raise RequestError.method_not_found(method)

    def _take_update(self, params: object) -> None:
        try:
            notification = SessionNotification.model_validate(params)
            if isinstance(notification.update, ToolCallStart | ToolCallProgress):
                self._remember(ToolCallUpdate.model_validate(notification.update.model_dump(by_alias=True)))
        except ValueError:
            return  # of a later version of the protocol, or nonsense; either way nothing hangs on it
        self._transcript.take(notification)

    async def _permission(self, request: RequestPermissionRequest) -> dict[str, str]:
        try:
            act = Act.of(self._remember(request.tool_call))
        except ValueError:
            self._log.say("It wanted what cannot be read, and was refused.")
            return _outcome(request.options, allowed=False)
        if self._needs_nobody(act):
            self._log.say(f"It may, in its own folder: {act.title}")
            return _outcome(request.options, allowed=True)
        if act.size > SIZE_MAX:
            self._log.say("It wanted what is too long to be read, and was refused.")
            return _outcome(request.options, allowed=False)
        if (allowed := self._decided(act)) is not None:
            return _outcome(request.options, allowed=allowed)
        if len(self._questions) >= _ASKED_AT_ONCE:
            return _outcome(request.options, allowed=False)
        question = _Question(act)
        self._questions.append(question)
        self._news.set()
        allowed = await question.answer
        said = {True: "It may", False: "It may not", None: "Nobody answered in its time"}[allowed]
        self._log.say(f"{said}: {act.title}")
        return _outcome(request.options, allowed=allowed)

    def _needs_nobody(self, act: Act) -> bool:
        if self._task.autonomy is Autonomy.LOOK:
            return act.only_looks(leaving=seen_at(self._task.output))
        return act.is_harmless

    def _decided(self, act: Act) -> bool | None:
        """What its step says, with a line in the log since nobody was asked; None where a person says it."""
        said = _STEP_SAYS.get(self._task.autonomy)
        if said is None:
            return None
        self._log.say("\n".join(filter(None, (f"{said}: {act.title}", act.detail))))
        return self._task.autonomy is Autonomy.ACT

    def _is_answered(self, question: _Question) -> bool:
        """Hand it the answer there is: a no for each time, a yes for one."""
        answer = self._answers.take(question.act.digest, self._permissions)
        if answer is not None:
            question.answer.set_result(answer)
        return answer is not None

    def _remember(self, call: ToolCallUpdate) -> ToolCallUpdate:
        """All that was said of one call; what was said last counts."""
        known = self._calls.pop(call.tool_call_id, call)
        said = {name: value for name in call.model_fields_set if (value := getattr(call, name)) is not None}
        whole = known.model_copy(update=said)
        if (kept := _bounded(whole)) is not None:
            self._calls[call.tool_call_id] = kept
        if len(self._calls) > _CALLS_KNOWN_MAX:
            del self._calls[next(iter(self._calls))]
        return whole


def _bounded(call: ToolCallUpdate) -> ToolCallUpdate | None:
    """As much of it as is kept: without its content where that is large, and nothing of what is large all the same."""
    bare = call.model_copy(update=dict.fromkeys(("content", "raw_input", "raw_output")))
    return next((one for one in (call, bare) if len(repr(one.model_dump())) <= SIZE_MAX), None)


def _said(text: str) -> str:
    """Its words in a sentence of ours: not many, and none that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_SAID_MAX])


def _outcome(options: list[PermissionOption], *, allowed: bool | None) -> dict[str, str]:
    """The agent's own option for just this once; where it has none, it hears that nothing was decided."""
    wanted = _ALLOW if allowed else _REFUSE
    chosen = next((one.option_id for one in options if allowed is not None and one.kind == wanted), None)
    return {"outcome": "cancelled"} if chosen is None else {"outcome": "selected", "optionId": chosen}
