"""What an agent asks a model for, read from its request: which model, how much at most, and what of it goes out.

A provider can do more than write: look things up in the web, fetch an address, run what it wrote on a machine of its
own, go on with what it kept. For a step without a network that would be one all the same, and what any of it costs is
not said beforehand, so such a request is refused. What an agent's program does with its own tools it does in its
sandbox, and those are let through.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from haloop.connectors.gateway.body import NotAsked, Read, read_json, written
from haloop.connectors.gateway.dialects import Dialect, Json

BYTES_OF_A_TOKEN: Final = 3
"""Fewer than most texts have, so that a request is rarely more than was reserved for it."""
TOKENS_OF_A_PICTURE: Final = 10_000
TOKENS_OF_A_DOCUMENT: Final = 100_000
"""At least so many: of both little in bytes can be much to read."""

_TOOLS_OF_ITS_OWN = ("function", "custom", "local_shell", "apply_patch")
_KINDS_OF_ITS_OWN = ("bash", "text_editor", "computer", "memory")
"""Anthropic's names of tools that work where the agent is; behind an underline stands a date."""
_DECLARED = frozenset({"functionDeclarations", "function_declarations"})
_REACH = frozenset({"mcp_servers", "web_search_options", "container", "plugins", "search_parameters"})
_KEPT_THERE = frozenset(
    {"previous_response_id", "conversation", "prompt", "thread", "background", "cachedContent", "file_id", "fileId"}
)
_STANDARD: Mapping[str, frozenset[str]] = {
    "service_tier": frozenset({"auto", "default", "standard", "standard_only", "flex", "on_demand"}),
    "serviceTier": frozenset({"standard", "flex", "unspecified"}),
    "speed": frozenset({"standard"}),
    "inference_geo": frozenset({"global"}),
}
"""How fast and where it is to be written; anything else makes the same words dearer."""
_ANOTHER_MODEL = frozenset({"fallbacks", "models"})
"""Who is to answer where the model that was named does not: left out, because nobody has priced those."""
_ADDRESSES = frozenset({"image_url", "file_url", "fileUri", "file_uri"})
_OF_THE_AGENT = frozenset({"input", "args", "arguments", "response"})
"""Where an agent's own tools are called and answer: their words are theirs, and no provider follows them."""
_SKIPPED = _OF_THE_AGENT | {"tools"}
_SETTINGS = frozenset(
    {"tools", "metadata", "response_format", "text", "output_config", "output_format", "generationConfig"}
)
"""What a request holds beside its words: notes of the agent's, and the form of an answer, whose names are its own."""
_SEARCHES = re.compile(r"-search(?:-|$)|deep-research|:online$")
"""Models that look for more by themselves."""
_DEPTH_MAX = 60
_NAME_MAX = 200
_ASCII = bytes(range(128))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    model: str
    body: bytes
    """What is sent: the same, with a longest answer and a wish to be told what was used."""
    tokens_in: int
    """About, by its size."""
    tokens_out: int
    """At most."""
    keeps_for_an_hour: bool = False
    """Whether the provider may be to keep what it reads for that long, which is dearest."""


def read_asked(
    body: bytes, dialect: Dialect, *, model: str, may_reach_out: bool, answer_tokens_max: int | None = None
) -> Asked:
    """Read a request for an answer; NotAsked where it is none, or asks for more than that.

    An answer whose length it does not bound is no longer than `answer_tokens_max`, or as is usual in its dialect.
    """
    said = dialect.in_one_spelling(_object(body))
    named = model or said.get("model")
    if not isinstance(named, str) or not 0 < len(named) <= _NAME_MAX:
        raise NotAsked("The request names no model.")
    beside = _Words(may_reach_out).beside(said, named)
    limits = dialect.limits(said)
    answers = _count(dialect.answers(said) or 1)
    longest = max(map(_count, limits)) if limits else (answer_tokens_max or dialect.tokens_out_unsaid)
    sent = written(dialect.counted(said if limits else dialect.limited(said, longest)))
    readings = 2 if _compacts(said) or b'"compaction_trigger"' in sent else 1
    return Asked(
        model=named,
        body=sent,
        tokens_in=(_tokens(sent) + beside) * readings,
        tokens_out=longest * answers * readings,
        keeps_for_an_hour=b'"1h"' in sent,
    )


def read_counting(body: bytes, *, may_reach_out: bool) -> bytes:
    """What is sent where tokens are only to be counted, which costs nothing; NotAsked as for an answer."""
    said = _object(body)
    _Words(may_reach_out).beside(said, said.get("model"))
    return written(said)


def _object(body: bytes) -> Json:
    """The request, which means the same to whoever reads it next."""
    said = read_json(body)
    if not isinstance(said, dict):
        raise NotAsked("The request is no JSON object.")
    return {name: value for name, value in said.items() if name not in _ANOTHER_MODEL}


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise NotAsked("How long the answer may be is no whole number.")
    return value


def _compacts(said: Json) -> bool:
    """Whether the provider may first have a model shorten all that it reads: that is read and written besides."""
    match said.get("context_management"):
        case {"edits": list(edits)}:
            return any(isinstance(one, dict) and "compact" in str(one.get("type")) for one in edits)
        case list(edits):
            return bool(edits)
    return False


def _tokens(body: bytes) -> int:
    """Of what is no plain ASCII a token may be half as long."""
    return math.ceil((len(body) + len(body.translate(None, _ASCII))) / BYTES_OF_A_TOKEN)


@dataclass(frozen=True, slots=True)
class _Words:
    """Holds a request to words: read, and written."""

    may_reach_out: bool

    def beside(self, said: Json, model: object) -> int:
        """How many tokens are in its pictures and documents beyond their bytes; NotAsked where it asks for more."""
        for what in _reaching(said):
            raise self._reaching(what)
        if isinstance(model, str) and _SEARCHES.search(model):
            raise self._reaching(f"{model[:_NAME_MAX]}, which searches by itself,")
        _require_plain(said)
        return sum(self._beside(key, value, _DEPTH_MAX) for key, value in said.items() if key not in _SETTINGS)

    def _reaching(self, what: str) -> NotAsked:
        if self.may_reach_out:
            return NotAsked(f"What {what} costs is not counted. The agent has a network of its own to use instead.")
        return NotAsked(f"This step has no network, and {what} would give it one. Ask the model for words alone.")

    def _beside(self, key: str, value: Read, depth: int) -> int:
        if depth == 0:
            raise NotAsked("The request is nested too deeply.")
        match value:
            case str():
                return self._text(key, value)
            case dict() if key == "input_audio":
                raise _sounding()
            case list():
                return sum(self._beside(key, one, depth - 1) for one in value)
            case {"type": "url", "url": str()}:
                raise self._reaching("an address that the provider is to fetch")
            case {"type": "item_reference"}:
                raise _kept_there("item_reference")
            case {"type": "reasoning", "id": str(), **more} if not (
                more.get("encrypted_content") or more.get("content")
            ):
                raise NotAsked(
                    "What a model thought is named here by its id alone, and nothing of it is kept at the provider."
                    " Send it with its encrypted_content, which each answer holds, or leave it out."
                )
            case {"url": str(address)} if key in _ADDRESSES:
                return self._text(key, address)
            case (
                {"media_type": str(kind), "data": str(data)}
                | {"mimeType": str(kind), "data": str(data)}
                | {"mime_type": str(kind), "data": str(data)}
            ):
                return _weight(kind, data)
            case dict():
                for what in _offered_on_the_way(value):
                    raise self._reaching(what)
                return sum(self._beside(name, one, depth - 1) for name, one in value.items() if name not in _SKIPPED)
        return 0

    def _text(self, key: str, value: str) -> int:
        if key in ("file_id", "fileId"):
            raise _kept_there(key)
        if key == "file_data" or (key in _ADDRESSES and value.startswith("data:")):
            return _weight(value[5:50] if value.startswith("data:") else "", value)
        if key in _ADDRESSES:
            raise self._reaching("an address that the provider is to fetch")
        return 0


def _weight(kind: str, data: str) -> int:
    """What is in there beyond its bytes."""
    match kind.partition("/")[0].lower():
        case "image":
            least = TOKENS_OF_A_PICTURE
        case "text":
            least = 0
        case "audio" | "video":
            raise _sounding()
        case _:
            least = TOKENS_OF_A_DOCUMENT
    return max(0, least - len(data) // BYTES_OF_A_TOKEN)


def _require_plain(said: Json) -> None:
    """NotAsked where it would cost more than its own words do, or what nobody can tell beforehand."""
    for name in _KEPT_THERE:
        if said.get(name) not in (None, False):
            raise _kept_there(name)
    for name, standard in _STANDARD.items():
        if said.get(name) is not None and str(said[name]).lower() not in standard:
            raise NotAsked(f"{name} makes the same words dearer, and that is not counted. Leave it out.")
    match said:
        case {"prompt_cache_options": {"ttl": str(kept)}} if kept != "30m":
            raise NotAsked("prompt_cache_options.ttl makes the same words dearer, and that is not counted.")
    if any(str(one).lower() != "text" for one in _heard(said)):
        raise NotAsked("Only words are counted, so a model writes nothing else. Ask it for text.")


def _heard(said: Json) -> Iterator[object]:
    """What an answer is to come as."""
    generation = said.get("generationConfig")
    for within, name in ((said, "modalities"), (generation, "responseModalities")):
        asked = within.get(name) if isinstance(within, dict) else None
        yield from asked if isinstance(asked, list) else ()


def _sounding() -> NotAsked:
    return NotAsked("Sound and film are not counted, so none goes to a model. Send words or pictures.")


def _kept_there(what: str) -> NotAsked:
    return NotAsked(
        f"{what} leaves or finds something at the provider, and what that comes to nobody can tell beforehand."
        " Send all that is to be read with each request."
    )


def _reaching(said: Json) -> Iterator[str]:
    """What of a request makes the provider itself do something."""
    yield from (name for name in _REACH if said.get(name) not in (None, False, []))  # {} asks for all that is usual
    yield from _foreign_tools(said)


def _foreign_tools(said: Mapping[str, object]) -> Iterator[str]:
    return (f"a tool of the provider's own ({_name_of(one)})" for one in _tools(said) if not _is_its_own(one))


def _offered_on_the_way(value: Mapping[str, object]) -> Iterator[str]:
    """Some forms let a program offer more tools among its words; a schema may have a `tools` too, which is no list."""
    if isinstance(value.get("tools"), list):
        yield from _foreign_tools(value)
    if value.get("type") == "tool_definition":
        yield from _foreign_tools({"tools": [value.get("definition")]})


def _tools(said: Mapping[str, object], depth: int = _DEPTH_MAX) -> Iterator[object]:
    """What is offered; a namespace holds more of them."""
    offered = said.get("tools") or []
    for tool in offered if isinstance(offered, list) else [offered]:
        if isinstance(tool, dict) and tool.get("type") == "namespace" and depth:
            yield from _tools(tool, depth - 1)
        else:
            yield tool


def _is_its_own(tool: object) -> bool:
    if not isinstance(tool, dict):
        return False
    kind = tool.get("type")
    if kind is None:
        return "input_schema" in tool or tool.keys() <= _DECLARED
    if kind in _TOOLS_OF_ITS_OWN or (kind == "tool_search" and tool.get("execution") == "client"):
        return True
    name, _, date = str(kind).rpartition("_")
    return name in _KINDS_OF_ITS_OWN and date.isdecimal()


def _name_of(tool: object) -> str:
    if not isinstance(tool, dict):
        return "no object"
    return str(tool.get("type") or ", ".join(tool.keys() - _DECLARED) or "nameless")[:40]
