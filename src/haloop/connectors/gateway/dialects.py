"""The four forms in which models are asked: how much an answer may be, and how it says what it used.

Only a whole account counts: an answer that broke off before its last word has told nothing, however much it said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Json: TypeAlias = Mapping[str, Any]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a call used, as its provider counts."""

    read: int = 0
    """All of them, also those that the provider had kept or keeps now."""
    written: int = 0
    cached: int = 0
    """Of those that were read, what the provider had kept: cheaper."""
    kept: int = 0
    """Of those that were read, what the provider keeps from now on: dearer, at some."""
    is_whole: bool = False
    """Whether it was the last word on it."""

    def and_then(self, later: "Tokens") -> "Tokens":
        """Counts only grow in the course of an answer, and not each part of it repeats them all."""
        return Tokens(
            read=max(self.read, later.read),
            written=max(self.written, later.written),
            cached=max(self.cached, later.cached),
            kept=max(self.kept, later.kept),
            is_whole=self.is_whole or later.is_whole,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One of them."""

    tokens_max: Callable[[Json], object]
    """The most that an answer may be long, where the request says it."""
    answers: Callable[[Json], object]
    """How many answers it asks for, where it says that."""
    told: Callable[[Json], Tokens | None]
    """What an answer, or a piece of one, says of what was used."""


class _Said(BaseModel):
    model_config = ConfigDict(strict=True)


class _Anthropic(_Said):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None

    def tokens(self, *, is_whole: bool) -> Tokens:
        cached, kept = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        return Tokens(
            read=(self.input_tokens or 0) + cached + kept,
            written=self.output_tokens or 0,
            cached=cached,
            kept=kept,
            is_whole=is_whole and self.output_tokens is not None,
        )


class _Cached(_Said):
    cached_tokens: _Count | None = None


class _Chat(_Said):
    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _Cached | None = None

    def tokens(self) -> Tokens:
        cached = self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details else 0
        return Tokens(read=self.prompt_tokens, written=self.completion_tokens, cached=cached or 0, is_whole=True)


class _Response(_Said):
    input_tokens: _Count
    output_tokens: _Count
    input_tokens_details: _Cached | None = None

    def tokens(self) -> Tokens:
        cached = self.input_tokens_details.cached_tokens if self.input_tokens_details else 0
        return Tokens(read=self.input_tokens, written=self.output_tokens, cached=cached or 0, is_whole=True)


class _Gemini(_Said):
    promptTokenCount: _Count  # noqa: N815  # Google's names
    candidatesTokenCount: _Count | None = None  # noqa: N815
    thoughtsTokenCount: _Count | None = None  # noqa: N815
    toolUsePromptTokenCount: _Count | None = None  # noqa: N815
    cachedContentTokenCount: _Count | None = None  # noqa: N815

    def tokens(self, *, is_whole: bool) -> Tokens:
        return Tokens(
            read=self.promptTokenCount + (self.toolUsePromptTokenCount or 0),
            written=(self.candidatesTokenCount or 0) + (self.thoughtsTokenCount or 0),
            cached=self.cachedContentTokenCount or 0,
            is_whole=is_whole,
        )


def _message(said: Json) -> Tokens | None:
    """A stream begins with what was read, and ends with what was written."""
    match said:
        case {"type": "message_start", "message": {"usage": usage}}:
            return _Anthropic.model_validate(usage).tokens(is_whole=False)
        case {"type": "message_delta" | "message", "usage": usage}:
            return _Anthropic.model_validate(usage).tokens(is_whole=True)
    return None


def _chat(said: Json) -> Tokens | None:
    match said:
        case {"usage": dict(usage)}:
            return _Chat.model_validate(usage).tokens()
    return None


def _response(said: Json) -> Tokens | None:
    match said:
        case {"type": "response.completed" | "response.incomplete" | "response.failed", "response": dict(whole)}:
            return _response(whole)
        case {"object": "response", "usage": dict(usage)}:
            return _Response.model_validate(usage).tokens()
    return None


def _generated(said: Json) -> Tokens | None:
    """Each piece repeats the count so far; the last one has a reason why it is the last, or nothing but a refusal."""
    match said:
        case {"usageMetadata": dict(usage)}:
            answers = said.get("candidates") or []
            is_whole = "promptFeedback" in said or any("finishReason" in one for one in answers)
            return _Gemini.model_validate(usage).tokens(is_whole=is_whole)
    return None


def _strictly(read: Callable[[Json], Tokens | None]) -> Callable[[Json], Tokens | None]:
    """What cannot be understood tells nothing."""

    def told(said: Json) -> Tokens | None:
        try:
            return read(said)
        except (ValidationError, TypeError):
            return None

    return told


def _said_in(settings: str, name: str) -> Callable[[Json], object]:
    def found(asked: Json) -> object:
        within = asked.get(settings)
        return within.get(name) if isinstance(within, dict) else None

    return found


def _one(_asked: Json) -> object:
    return 1


MESSAGES = Dialect(tokens_max=lambda asked: asked.get("max_tokens"), answers=_one, told=_strictly(_message))
CHAT = Dialect(
    tokens_max=lambda asked: asked.get("max_completion_tokens") or asked.get("max_tokens"),
    answers=lambda asked: asked.get("n"),
    told=_strictly(_chat),
)
RESPONSES = Dialect(tokens_max=lambda asked: asked.get("max_output_tokens"), answers=_one, told=_strictly(_response))
GENERATE = Dialect(
    tokens_max=_said_in("generationConfig", "maxOutputTokens"),
    answers=_said_in("generationConfig", "candidateCount"),
    told=_strictly(_generated),
)
