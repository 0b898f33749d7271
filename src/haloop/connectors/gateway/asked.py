"""What an agent asks a model for, read from its request: which model, how much at most, and whether that may go out.

A provider can do more than write: look things up in the web, fetch an address, run what it wrote on a machine of its
own. For a step without a network that would be one all the same, so such a request is refused. What an agent's
program does with its own tools it does in its sandbox, and those are let through.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from haloop.connectors.gateway.dialects import Dialect, Json

OUTPUT_TOKENS_UNSAID = 8_192
"""What an answer is taken to come to where nobody says how long it may be."""
_BYTES_OF_A_TOKEN = 3
"""Fewer than most texts have, so that a request is rarely more than was reserved for it."""
_TOOLS_OF_ITS_OWN = ("function", "custom", "local_shell", "apply_patch")
_KINDS_OF_ITS_OWN = ("bash", "text_editor", "computer", "memory")
"""Anthropic's names of tools that work where the agent is; behind an underline stands a date."""
_DECLARED = frozenset({"functionDeclarations", "function_declarations"})
_REACH = frozenset({"mcp_servers", "web_search_options", "container"})
_ADDRESSES = frozenset({"image_url", "file_url", "fileUri", "file_uri"})
_OF_THE_AGENT = frozenset({"input", "args", "arguments", "response"})
"""Where an agent's own tools are called and answer: their words are theirs, and no provider follows them."""
_DEPTH_MAX = 60


class NotAsked(Exception):
    """A request that goes nowhere, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    model: str
    tokens_in: int
    """About, by its size."""
    tokens_out: int
    """At most."""


def read_asked(body: bytes, dialect: Dialect, *, model: str, may_reach_out: bool) -> Asked:
    """Read a request for an answer; NotAsked where it is none, or asks for more than that."""
    said = _object(body)
    named = model or said.get("model")
    if not may_reach_out:
        _require_within(said, named)
    if not isinstance(named, str) or not named:
        raise NotAsked("The request names no model.")
    answers, longest = dialect.answers(said) or 1, dialect.tokens_max(said) or OUTPUT_TOKENS_UNSAID
    if not _is_count(answers) or not _is_count(longest):
        raise NotAsked("How long the answer may be is no whole number.")
    return Asked(model=named, tokens_in=math.ceil(len(body) / _BYTES_OF_A_TOKEN), tokens_out=longest * answers)


def require_within(body: bytes) -> None:
    """NotAsked where a request that costs nothing, such as a count, would have the provider reach out all the same."""
    said = _object(body)
    _require_within(said, said.get("model"))


def _require_within(said: Json, model: object) -> None:
    what = next(_reaching(said), None)
    if what is None and isinstance(model, str) and "search" in model:
        what = f"{model}, which searches by itself,"
    if what is not None:
        raise NotAsked(f"This step has no network, and {what} would give it one. Ask the model for words alone.")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and value > 0


def _object(body: bytes) -> Json:
    """The request, which means the same to whoever reads it next."""
    try:
        said = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise NotAsked("The request is no JSON that can be read.") from error
    if not isinstance(said, dict):
        raise NotAsked("The request is no JSON object.")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a name is said twice")
    return read


def _reaching(said: Json) -> Iterator[str]:
    """What of a request makes the provider itself reach out."""
    yield from (name for name in _REACH if said.get(name) not in (None, False, []))  # {} asks for all that is usual
    yield from (f"a tool of the provider's own ({_name_of(one)})" for one in _tools(said) if not _is_its_own(one))
    for key, value in said.items():
        if key != "tools" and _names_an_address(key, value, _DEPTH_MAX):
            yield "an address that the provider is to fetch"


def _tools(said: Json, depth: int = _DEPTH_MAX) -> Iterator[object]:
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
    if kind in _TOOLS_OF_ITS_OWN:
        return True
    name, _, date = str(kind).rpartition("_")
    return name in _KINDS_OF_ITS_OWN and date.isdecimal()


def _name_of(tool: object) -> str:
    if not isinstance(tool, dict):
        return "no object"
    return str(tool.get("type") or ", ".join(tool.keys() - _DECLARED) or "nameless")[:40]


def _names_an_address(key: str, value: object, depth: int) -> bool:
    if depth == 0:
        return True  # nobody asks like that
    match value:
        case str():
            return key in _ADDRESSES and not value.startswith("data:")
        case {"type": "url", "url": str()}:
            return True
        case {"url": str(address)} if key in _ADDRESSES:
            return not address.startswith("data:")
        case list():
            return any(_names_an_address(key, one, depth - 1) for one in value)
        case dict():
            return any(
                _names_an_address(name, one, depth - 1) for name, one in value.items() if name not in _OF_THE_AGENT
            )
    return False
