"""What an outside system answers over HTTP, and whether it makes sense to ask again where there is no answer."""

from collections.abc import Mapping
from typing import TypeVar

from httpx2 import AsyncClient, HTTPError, Response, TransportError
from pydantic import BaseModel, ConfigDict, ValidationError

from haloop.kernel.desk import Malformed, NotDone, Permanent, RateLimited, Transient, Why

M = TypeVar("M", bound=BaseModel)

RETRY_AFTER_SECONDS = 60.0
"""Where whoever asks us to wait does not say how long."""

_OK, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVER_ERRORS = 200, 404, 409, 429, 500


class Message(BaseModel):
    """What a system says. New words of it may be added any time; ours must be what they were."""

    model_config = ConfigDict(strict=True, frozen=True)


class Refusal(Message):
    """A clear no, by its code."""

    code: str
    message: str


async def ask(
    http: AsyncClient,
    kind: type[M],
    path: str,
    *,
    who: str,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    known: Mapping[int, str] | None = None,
) -> M:
    """Ask for something that may be asked for again; each way of failing says whether that makes sense.

    What a status means for good at this system is `known`, in a sentence.
    """
    try:
        answer = await http.get(path, params=params, headers=headers)
    except TransportError as error:
        raise Transient(f"{who} could not be reached ({type(error).__name__}).") from error
    except HTTPError as error:
        raise Malformed(f"{who} gave an answer that could not be read ({type(error).__name__}).") from error
    if known and answer.status_code in known:
        raise Permanent(known[answer.status_code])
    _require_answered(answer, who)
    try:
        return read(kind, answer)
    except ValidationError as error:
        raise Malformed(f"{who} gave an answer that could not be read ({error.error_count()} faults).") from error


def read(kind: type[M], answer: Response) -> M:
    """The answer's body, strictly."""
    return kind.model_validate_json(answer.content)


def refused(answer: Response, why: Mapping[str, Why], *, of: str, seen: object | None = None) -> NotDone | None:
    """A clear no, in words we know; whatever else is no success means that nobody knows."""
    if answer.status_code not in (_CONFLICT, _NOT_FOUND):
        return None
    refusal = read(Refusal, answer)
    return NotDone(why=why[refusal.code], code=f"{of}.{refusal.code}", sentence=refusal.message, seen=seen)


def _require_answered(answer: Response, who: str) -> None:
    if answer.status_code == _TOO_MANY:
        raise RateLimited(f"{who} asks us to wait.", after_seconds=_retry_after(answer))
    if answer.status_code >= _SERVER_ERRORS:
        raise Transient(f"{who} answered {answer.status_code}.")
    if answer.status_code != _OK:
        raise Permanent(f"{who} answered {answer.status_code}.")


def _retry_after(answer: Response) -> float:
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else RETRY_AFTER_SECONDS
