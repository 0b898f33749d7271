"""The four forms in which models are asked: how much an answer may be, how it is bounded, and how it says what it used.

Only a whole account counts: an answer that broke off before its last word has told nothing, however much it said.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from haloop.connectors.gateway.body import NotAsked

TOKENS_OUT_UNSAID: Final = 32_768
"""As long as an answer may be where the agent sets no bound; it is told to the provider, so that it is true."""
TOKENS_OUT_UNSAID_IN_CHAT: Final = 16_384
"""In OpenAI's older form: more than that is refused by models that still speak nothing else."""

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
    kept_for_an_hour: int = 0
    """Of those that it keeps, what it keeps for so long: dearer still."""
    is_priority: bool = False
    """Whether the provider put it before others, which its project may be set to."""
    is_whole: bool = False
    """Whether it was the last word on it."""

    def beside(self, other: "Tokens") -> "Tokens":
        """Both were used."""
        return Tokens(
            read=self.read + other.read,
            written=self.written + other.written,
            cached=self.cached + other.cached,
            kept=self.kept + other.kept,
            kept_for_an_hour=self.kept_for_an_hour + other.kept_for_an_hour,
        )

    def and_then(self, later: "Tokens") -> "Tokens":
        """Counts only grow in the course of an answer, and not each part of it repeats them all."""
        return Tokens(
            read=max(self.read, later.read),
            written=max(self.written, later.written),
            cached=max(self.cached, later.cached),
            kept=max(self.kept, later.kept),
            kept_for_an_hour=max(self.kept_for_an_hour, later.kept_for_an_hour),
            is_priority=self.is_priority or later.is_priority,
            is_whole=self.is_whole or later.is_whole,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One of them."""

    limits: Callable[[Json], Sequence[object]]
    """How long an answer may be at most, as often as the request says it."""
    limited: Callable[[Json, int], Json]
    """The same with a bound of ours, where it says none."""
    tokens_out_unsaid: int = TOKENS_OUT_UNSAID
    """That bound, where nobody names another for the agent."""
    answers: Callable[[Json], object]
    """How many answers it asks for, where it says that."""
    counted: Callable[[Json], Json] = dict
    """The same, wishing to be told what was used, and that nothing of it be kept."""
    in_one_spelling: Callable[[Json], Json] = dict
    """The same, where a name may be spelled in two ways."""
    told: Callable[[Json], Tokens | None]
    """What an answer, or a piece of one, says of what was used."""


class _Said(BaseModel):
    model_config = ConfigDict(strict=True)


class _Kept(_Said):
    ephemeral_1h_input_tokens: _Count | None = None


class _Reading(_Said):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_creation: _Kept | None = None

    @property
    def plain(self) -> Tokens:
        cached, kept = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        for_an_hour = (self.cache_creation and self.cache_creation.ephemeral_1h_input_tokens) or 0
        return Tokens(
            read=(self.input_tokens or 0) + cached + kept,
            written=self.output_tokens or 0,
            cached=cached,
            kept=kept,
            kept_for_an_hour=min(kept, for_an_hour),
        )


class _Anthropic(_Reading):
    iterations: list[_Reading] | None = None
    """Where the provider shortened what it was to read, that is only here."""

    def tokens(self, *, is_whole: bool) -> Tokens:
        each = Tokens()
        for one in self.iterations or []:
            each = each.beside(one.plain)
        all_told = self.plain.and_then(each)
        return replace(all_told, is_whole=is_whole and self.output_tokens is not None)


class _Details(_Said):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class _Chat(_Said):
    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _Details | None = None

    def tokens(self) -> Tokens:
        return _detailed(self.prompt_tokens, self.completion_tokens, self.prompt_tokens_details)


class _Response(_Said):
    input_tokens: _Count
    output_tokens: _Count
    input_tokens_details: _Details | None = None

    def tokens(self) -> Tokens:
        return _detailed(self.input_tokens, self.output_tokens, self.input_tokens_details)


def _detailed(read: int, wrote: int, details: _Details | None) -> Tokens:
    of = details or _Details()
    return Tokens(
        read=read, written=wrote, cached=of.cached_tokens or 0, kept=of.cache_write_tokens or 0, is_whole=True
    )


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
            return _as_served(said, _Chat.model_validate(usage).tokens())
    return None


def _response(said: Json) -> Tokens | None:
    match said:
        case {"type": "response.completed" | "response.incomplete" | "response.failed", "response": dict(whole)}:
            return _response(whole)
        case {"object": "response", "usage": dict(usage)}:
            return _as_served(said, _Response.model_validate(usage).tokens())
    return None


def _as_served(said: Json, tokens: Tokens) -> Tokens:
    return replace(tokens, is_priority=said.get("service_tier") in _BEFORE_OTHERS)


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


def _said(*names: str) -> Callable[[Json], Sequence[object]]:
    return lambda asked: [asked[name] for name in names if asked.get(name) is not None]


def _generation(asked: Json) -> Json:
    within = asked.get("generationConfig")
    return within if isinstance(within, dict) else {}


def _limited_by(name: str) -> Callable[[Json, int], Json]:
    return lambda asked, most: {**asked, name: most}


def _limited_generation(asked: Json, most: int) -> Json:
    return {**asked, "generationConfig": {**_generation(asked), "maxOutputTokens": most}}


def _counted_chat(asked: Json) -> Json:
    """In events it tells only who asks."""
    told = asked.get("stream_options")
    options = {**(told if isinstance(told, dict) else {}), "include_usage": True}
    kept = {"store": False} if asked.get("store") else {}
    return {**asked, **({"stream_options": options} if asked.get("stream") else {}), **kept}


def _counted_response(asked: Json) -> Json:
    """What a model thought lies nowhere then: it comes whole, under seal, for whoever would have referred to it."""
    kept = {**asked, "store": False}
    included = asked.get("include") or []
    is_said = not isinstance(included, list) or _SEALED in included
    if asked.get("store") is False or is_said or _THINKS_NOT.match(str(asked.get("model"))):
        return kept
    return {**kept, "include": [*included, _SEALED]}


def _in_camel(asked: Json) -> Json:
    """Google reads its names with underlines too, and takes either."""
    settings = _respelled(asked)
    within = settings.get("generationConfig")
    return {**settings, "generationConfig": _respelled(within)} if isinstance(within, dict) else settings


def _respelled(said: Json) -> Json:
    spelled = {_UNDERLINED.sub(lambda found: found[1].upper(), name): value for name, value in said.items()}
    if len(spelled) != len(said):
        raise NotAsked("A name is said in two spellings; say it once.")
    return spelled


_BEFORE_OTHERS = ("priority", "fast", "scale")
_UNDERLINED = re.compile("_([a-z0-9])")
_SEALED = "reasoning.encrypted_content"
_THINKS_NOT = re.compile("gpt-[34]|chatgpt")
"""OpenAI's models that refuse to be asked for it."""

MESSAGES = Dialect(
    limits=_said("max_tokens"),
    limited=_limited_by("max_tokens"),
    answers=lambda _: 1,
    told=_strictly(_message),
)
CHAT = Dialect(
    limits=_said("max_completion_tokens", "max_tokens"),
    limited=_limited_by("max_completion_tokens"),
    tokens_out_unsaid=TOKENS_OUT_UNSAID_IN_CHAT,
    answers=lambda asked: asked.get("n"),
    counted=_counted_chat,
    told=_strictly(_chat),
)
RESPONSES = Dialect(
    limits=_said("max_output_tokens"),
    limited=_limited_by("max_output_tokens"),
    answers=lambda _: 1,
    counted=_counted_response,
    told=_strictly(_response),
)
GENERATE = Dialect(
    limits=lambda asked: [most for most in _said("maxOutputTokens")(_generation(asked)) if most != 0],  # 0 says none
    limited=_limited_generation,
    answers=lambda asked: _generation(asked).get("candidateCount"),
    in_one_spelling=_in_camel,
    told=_strictly(_generated),
)
