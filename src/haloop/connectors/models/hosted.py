"""A model that somebody hosts: OpenAI, Anthropic, or whoever speaks like one of them at an address of its own.

Each call is scrubbed of what is private, reserved in the household's allowance before it and settled after it, and
ends within a deadline. After three failures in a row the model is left alone for a while. What speaks to it takes
seconds to load, so it is loaded beside the event loop from the start, and the first call waits for it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Protocol, cast
from urllib.parse import urlsplit

import httpx2

from haloop.connectors.egress import Network, Way, open_way
from haloop.connectors.models.resting import Rest
from haloop.connectors.models.scrubbing import Scrubbed
from haloop.kernel import canonical
from haloop.kernel.card import ModelText
from haloop.kernel.clock import Clock, SystemClock
from haloop.kernel.connector import Connector
from haloop.kernel.failure import Malformed, Permanent, RateLimited, StepFault, Transient
from haloop.kernel.prompt import Prompt
from haloop.ports.models import Allowance, Models, Used

SECONDS_MAX = 10.0
"""So long one answer may take; whoever waits for two of them has not gone away yet."""

_SPEAKS = "haloop.connectors.models.speaking"
_ANSWER_BYTES_MAX = 1 << 18
_TOKENS_AROUND = 500
"""What a provider puts around what it is sent."""


class Shape(StrEnum):
    """Whose protocol is spoken."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


ADDRESSES: Mapping[Shape, str] = {
    Shape.OPENAI: "https://api.openai.com/v1",
    Shape.ANTHROPIC: "https://api.anthropic.com",
}
MODELS: Mapping[Shape, str] = {Shape.OPENAI: "gpt-4.1-mini", Shape.ANTHROPIC: "claude-haiku-4-5"}
"""Small ones, which read a sentence as well as large ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHost:
    """A model, where it is, and what we show there."""

    shape: Shape
    model: str
    address: str
    key: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What people are told of it."""
        return f"{self.model} at {urlsplit(self.address).hostname}"

    @property
    def way(self) -> Way:
        """Where calls to it may go."""
        parts = urlsplit(self.address)
        near = frozenset({f"http://{parts.netloc}"} if parts.scheme == "http" else ())
        hosts = frozenset({parts.hostname or ""} if parts.scheme == "https" else ())
        return Way(purpose="a model", hosts=hosts, near=near, bytes_max=_ANSWER_BYTES_MAX, seconds_max=SECONDS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came back."""

    text: str
    tokens: int
    """What the provider counts for the call; 0 where it does not say."""


class NotSent(Transient):
    """Nothing reached the model, so nothing was used."""


class Speaker(Protocol):
    """Speaks a provider's protocol; a StepFault of it repeats nothing of what the other side said."""

    async def write(self, prompt: Prompt, words: str) -> Written: ...
    async def check(self) -> None: ...


class HostedModel:
    """The model behind its port. `opened` makes one."""

    def __init__(
        self,
        host: ModelHost,
        speaker: asyncio.Future[Speaker],
        allowance: Allowance,
        *,
        clock: Clock,
        seconds_max: float,
    ) -> None:
        self.host = host
        self._speaker = speaker
        self._allowance = allowance
        self._clock = clock
        self._seconds_max = seconds_max
        self._rest = Rest()

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        host: ModelHost,
        allowance: Allowance,
        *,
        clock: Clock | None = None,
        seconds_max: float = SECONDS_MAX,
        network: Network | None = None,
    ) -> "AsyncIterator[HostedModel]":
        """Speak to a model at its address, and nowhere else."""
        async with open_way(host.way, network) as http:
            speaker = asyncio.ensure_future(asyncio.to_thread(_load, host, http))
            try:
                yield cls(host, speaker, allowance, clock=clock or SystemClock(), seconds_max=seconds_max)
            finally:
                await asyncio.wait([speaker])

    async def write(self, household: str, prompt: Prompt) -> ModelText:
        self._rest.require_over(self._now())
        scrubbed = Scrubbed.of(prompt.words, prompt.private)
        speaker = await asyncio.shield(self._speaker)
        used = _tokens_at_most(prompt, scrubbed.text)
        reservation = self._allowance.reserve(household, used, now=self._now())
        try:
            async with self._counted():
                written = await speaker.write(prompt, scrubbed.text)
            used = written.tokens or used
        except (Permanent, RateLimited, NotSent):
            used = 0
            raise
        finally:
            self._allowance.settle(reservation, used)
        return ModelText(text=scrubbed.put_back(written.text), model=self.host.name)

    async def check(self) -> None:
        """Ask it for what costs nothing; a failure where it is left alone or does not answer us."""
        self._rest.require_over(self._now())
        speaker = await asyncio.shield(self._speaker)
        async with self._counted():
            await speaker.check()

    @property
    def problem(self) -> str:
        """Why it is left alone just now; empty while it is not."""
        return self._rest.sentence() if self._now() < self._rest.until else ""

    def used(self, household: str) -> Used:
        """What a household has used of it today."""
        return self._allowance.used(household, now=self._now())

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        """One call, in time; how it went decides whether there is a next one soon."""
        try:
            async with asyncio.timeout(self._seconds_max):
                yield
        except TimeoutError as error:
            fault = Transient(f"{self.host.name} did not answer within {self._seconds_max:g} seconds.")
            self._rest.failed(str(fault), self._now())
            raise fault from error
        except RateLimited as fault:
            self._rest.failed(str(fault), self._now(), asked_for_seconds=fault.after_seconds)
            raise
        except StepFault as fault:
            self._rest.failed(str(fault), self._now())
            raise
        self._rest.answered()

    def _now(self) -> int:
        return self._clock.read().wall


def _load(host: ModelHost, http: httpx2.AsyncClient) -> Speaker:
    try:
        return cast("Speaker", import_module(_SPEAKS).speaker_of(host, http))
    except ImportError as error:
        raise Permanent("What speaks to models cannot be loaded; install Haloop anew with its extra models.") from error


def hosted_model(model: HostedModel) -> Connector:
    """The model behind the port: its words are real, and whatever it is sent leaves unless it is on this machine."""
    return Connector(
        port=Models,
        speaks=model,
        name=model.host.shape,
        version=model.host.model,
        live=True,
        leaves=model.host.address.startswith("https:"),
        check=model.check,
    )


def the_object_in(text: str) -> str:
    """The JSON object of an answer, without what some models put around it; Malformed where there is none."""
    found = text[text.find("{") : text.rfind("}") + 1]
    try:
        json.loads(found)
    except (ValueError, RecursionError) as error:
        raise Malformed("The model's answer could not be read.") from error
    return found


def _tokens_at_most(prompt: Prompt, words: str) -> int:
    """No token is less than a byte, so a call never uses more than this."""
    sent = [prompt.does.encode(), words.encode(), canonical.encode(prompt.form)]
    return sum(map(len, sent)) + prompt.tokens_max + _TOKENS_AROUND
