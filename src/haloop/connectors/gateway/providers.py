"""Whose models an agent may ask, and what each provider's way of speaking is: its calls, its key, its refusals."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from haloop.connectors.egress import Way
from haloop.connectors.gateway.dialects import CHAT, GENERATE, MESSAGES, RESPONSES, Dialect
from haloop.kernel.canonical import Canonical

REQUEST_BYTES_MAX = 32 << 20
"""As much as the providers take."""
ANSWER_BYTES_MAX = 64 << 20
SECONDS_MAX = 600.0
"""So long one call may take, to the end of its answer."""

_SERVER_ERRORS = 500
_GEMINI_CALL = re.compile(r"/v1(?:beta)?/models/(?P<model>[A-Za-z0-9._-]{1,100}):(generate|streamGenerate)Content")
_SAID = ("accept", "anthropic-version", "anthropic-beta", "openai-beta")
"""The headers of a request that go on; an agent's own key, cookies and all else stay behind. What it says of its
body's form does too: it is read as JSON here, and sent as that."""


class Provider(StrEnum):
    """Whose protocol is spoken."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GEMINI = "gemini"


ADDRESSES: Final[Mapping[Provider, str]] = {
    Provider.ANTHROPIC: "https://api.anthropic.com",
    Provider.OPENAI: "https://api.openai.com/v1",
    Provider.GEMINI: "https://generativelanguage.googleapis.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One that is passed on."""

    path: str
    """Behind the provider's address."""
    dialect: Dialect | None = None
    """How it says what it used; none where it costs nothing."""
    model: str = ""
    """Where its address names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where a provider's models are, and what we show there."""

    provider: Provider
    address: str
    key: str = field(default="", repr=False)
    seconds_max: float = SECONDS_MAX
    is_practice: bool = False
    """Whether what answers is no model, and costs nothing."""
    answer_tokens_max: int | None = None
    """As long as an answer may be where the agent does not say it; none where that is as usual."""

    @property
    def way(self) -> Way:
        """Where calls to it may go."""
        scheme, _, rest = self.address.partition("://")
        place = rest.partition("/")[0]
        return Way(
            purpose="an agent's model",
            hosts=frozenset({place} if scheme == "https" else ()),
            near=frozenset({f"http://{place}"} if scheme == "http" else ()),
            bytes_max=ANSWER_BYTES_MAX,
            seconds_max=self.seconds_max,
        )

    def headers(self, said: Mapping[str, str]) -> Mapping[str, str]:
        """Those of a request that go on, and the key."""
        kept = {"content-type": "application/json", **{name: said[name] for name in _SAID if name in said}}
        match self.provider:
            case _ if not self.key:
                return kept
            case Provider.ANTHROPIC:
                return {"anthropic-version": "2023-06-01", **kept, "x-api-key": self.key}
            case Provider.OPENAI:
                return {**kept, "authorization": f"Bearer {self.key}"}
            case Provider.GEMINI:
                return {**kept, "x-goog-api-key": self.key}


def call_of(provider: Provider, method: str, path: str) -> Call | None:
    """What is asked for; nothing where no model is, and that goes nowhere."""
    match provider, method, path:
        case Provider.ANTHROPIC, "POST", "/v1/messages":
            return Call(path=path, dialect=MESSAGES)
        case Provider.ANTHROPIC, "POST", "/v1/messages/count_tokens":
            return Call(path=path)
        case Provider.OPENAI, "POST", "/v1/chat/completions":
            return Call(path="/chat/completions", dialect=CHAT)
        case Provider.OPENAI, "POST", "/v1/responses":
            return Call(path="/responses", dialect=RESPONSES)
        case Provider.OPENAI, "GET", "/v1/models":
            return Call(path="/models")
        case Provider.GEMINI, "POST", _:
            found = _GEMINI_CALL.fullmatch(path)
            return Call(path=path, dialect=GENERATE, model=found["model"]) if found else None
    return None


def environment_of(provider: Provider, port: int) -> Mapping[str, str]:
    """By what agents' own programs find the way; the keys are none, and are there because they ask for one."""
    here, no_key = f"http://127.0.0.1:{port}", "no-key-is-in-here"
    match provider:
        case Provider.ANTHROPIC:
            return {"ANTHROPIC_BASE_URL": here, "ANTHROPIC_API_KEY": no_key}
        case Provider.OPENAI:
            return {"OPENAI_BASE_URL": f"{here}/v1", "OPENAI_API_KEY": no_key}
        case Provider.GEMINI:
            return {"GOOGLE_GEMINI_BASE_URL": here, "GEMINI_API_KEY": no_key}


_ANTHROPIC_KINDS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "invalid_request_error",
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.PAYMENT_REQUIRED: "billing_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}
_OPENAI_KINDS: Mapping[HTTPStatus, str] = {
    HTTPStatus.PAYMENT_REQUIRED: "insufficient_quota",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_exceeded",
}
_GEMINI_KINDS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "INVALID_ARGUMENT",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.PAYMENT_REQUIRED: "RESOURCE_EXHAUSTED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "INVALID_ARGUMENT",
    HTTPStatus.TOO_MANY_REQUESTS: "RESOURCE_EXHAUSTED",
    HTTPStatus.GATEWAY_TIMEOUT: "DEADLINE_EXCEEDED",
}
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def refusal(provider: Provider, status: HTTPStatus, sentence: str, retry_after: str = "") -> Mapping[str, Canonical]:
    """A no of ours, in the form in which the provider says its own; Gemini says in it after how many seconds to ask
    again, and the others say that in a header alone."""
    match provider:
        case Provider.ANTHROPIC:
            kind = _ANTHROPIC_KINDS.get(status, "api_error")
            return {"type": "error", "error": {"type": kind, "message": sentence}}
        case Provider.OPENAI:
            kind = _OPENAI_KINDS.get(status, "invalid_request_error" if status < _SERVER_ERRORS else "server_error")
            return {"error": {"message": sentence, "type": kind, "param": None, "code": kind}}
        case Provider.GEMINI:
            kind = _GEMINI_KINDS.get(status, "UNAVAILABLE")
            delay = [{"@type": _RETRY_INFO, "retryDelay": f"{retry_after}s"}] if retry_after.isdecimal() else []
            details: Mapping[str, Canonical] = {"details": delay} if delay else {}
            return {"error": {"code": int(status), "message": sentence, "status": kind, **details}}
