"""The one table from errors to answers: a status, a sentence, what to do next, and whether anything was done.

Answers have the form of RFC 9457. What an error was not made to say is not said: whatever has no name becomes
`haloop.error` with the request's id, and the rest stands in the log. Who was turned away, what could not be read and
which limit was hit is noted there too, by its code.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from haloop.identity import NotAllowed, NotKnown
from haloop.kernel.errors import (
    AnswerRefused,
    BadInput,
    BadProcedure,
    Conflict,
    Corrupt,
    Diverged,
    Erased,
    ForeignRun,
    HaloopError,
    LedgerClosed,
    NoRoom,
    NotFound,
    Poisoned,
    RecoveryOpen,
    Refused,
    StepFailed,
)

log = logging.getLogger("haloop.api")

_BY_CODE = {
    "answer.foreign": HTTPStatus.NOT_FOUND,
    "answer.malformed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "change.unknown": HTTPStatus.UNPROCESSABLE_ENTITY,
    "answer.not_allowed": HTTPStatus.FORBIDDEN,
    "answer.own": HTTPStatus.FORBIDDEN,
    "answer.proof": HTTPStatus.FORBIDDEN,
    "answer.agent": HTTPStatus.FORBIDDEN,
    "answer.credential": HTTPStatus.FORBIDDEN,
    "request.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request.too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "login.issuer": HTTPStatus.BAD_GATEWAY,
    "identity.foreign_host": HTTPStatus.MISDIRECTED_REQUEST,
}
_BY_KIND: tuple[tuple[type[HaloopError], HTTPStatus], ...] = (
    (NotKnown, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (ForeignRun, HTTPStatus.NOT_FOUND),
    (Erased, HTTPStatus.GONE),
    (NoRoom, HTTPStatus.INSUFFICIENT_STORAGE),
    (RecoveryOpen, HTTPStatus.CONFLICT),
    (LedgerClosed, HTTPStatus.SERVICE_UNAVAILABLE),
    (Poisoned, HTTPStatus.SERVICE_UNAVAILABLE),
    (AnswerRefused, HTTPStatus.CONFLICT),
    (BadProcedure, HTTPStatus.INTERNAL_SERVER_ERROR),
    (Diverged, HTTPStatus.INTERNAL_SERVER_ERROR),
    (StepFailed, HTTPStatus.INTERNAL_SERVER_ERROR),
    (Refused, HTTPStatus.CONFLICT),
    (Conflict, HTTPStatus.CONFLICT),
    (BadInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Corrupt, HTTPStatus.INTERNAL_SERVER_ERROR),
)
_NOTED: Mapping[int, tuple[int, str]] = {
    HTTPStatus.BAD_REQUEST: (logging.WARNING, "not readable"),
    HTTPStatus.UNPROCESSABLE_ENTITY: (logging.WARNING, "not readable"),
    HTTPStatus.UNAUTHORIZED: (logging.WARNING, "denied"),
    HTTPStatus.FORBIDDEN: (logging.WARNING, "denied"),
    HTTPStatus.MISDIRECTED_REQUEST: (logging.WARNING, "denied"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (logging.WARNING, "limit hit"),
    HTTPStatus.TOO_MANY_REQUESTS: (logging.WARNING, "limit hit"),
}
_UNKNOWN = "Something went wrong that has no name here."


def status_of(error: HaloopError) -> HTTPStatus:
    """How an error is answered."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def install(app: FastAPI) -> None:
    """Have every error answered by the table."""
    app.add_exception_handler(HaloopError, _answer)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unknown)


def problem(request: Request, error: HaloopError, more: Mapping[str, object] | None = None) -> JSONResponse:
    """An error as an answer."""
    status = status_of(error)
    _note(request, error.code, status)
    after = getattr(error, "after_seconds", None)
    headers = {"Cache-Control": "no-store", "X-Request-Id": request.state.request_id}
    headers |= {} if after is None else {"Retry-After": str(after)}
    headers |= {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    body = {**told(request, error), **(more or {})}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def told(request: Request, error: HaloopError) -> dict[str, Any]:
    """What an answer says of an error."""
    status = status_of(error)
    if isinstance(error, ForeignRun):
        error = NotFound("There is no such run in this account.", code=NotFound.code)
    return {
        "code": error.code,
        "executed": None if status >= HTTPStatus.INTERNAL_SERVER_ERROR else False,
        "next_step": error.next_step,
        "request_id": request.state.request_id,
        "status": int(status),
        "title": error.sentence,
        "type": f"urn:haloop:{error.code}",
    }


def route_of(request: Request) -> str:
    """The template of the address that was asked for; the address itself may hold anything."""
    return getattr(request.scope.get("route"), "path", "")


def _note(request: Request, code: str, status: int) -> None:
    request.state.code = code
    if status in _NOTED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        level, event = _NOTED.get(status, (logging.ERROR, "failed"))
        said = {"method": request.method, "route": route_of(request), "status": int(status), "code": code}
        log.log(level, event, extra=said)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HaloopError)
    return problem(request, error)


async def _answer_malformed(request: Request, error: Exception) -> JSONResponse:
    """Which field is wrong and why; never what was sent, which may be a secret."""
    assert isinstance(error, RequestValidationError)
    wrong = [{"at": ".".join(map(str, one["loc"])), "why": one["msg"]} for one in error.errors()]
    sentence = "; ".join(f"{one['at']}: {one['why']}" for one in wrong[:3])
    malformed = BadInput(
        f"This cannot be read. {sentence}", code="request.malformed", next_step="Correct it and ask again."
    )
    return problem(request, malformed, {"errors": wrong})


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(request, NotFound("There is nothing at this address.", code="request.no_such_address"))
    code = "request.malformed" if error.status_code == HTTPStatus.BAD_REQUEST else "request.refused"
    refused = BadInput(str(error.detail), code=code, next_step="Look at the API's description.")
    answer = problem(request, refused, {"status": error.status_code})
    answer.status_code = error.status_code
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return answer


def _methods(request: Request) -> set[str]:
    """Which methods an address takes, over all its routes."""
    scope = {**request.scope, "path_params": {}}
    here = [route for route in request.app.routes if route.matches(scope)[0] is not Match.NONE]
    return {method for route in here for method in getattr(route, "methods", None) or ()}


async def _answer_unknown(request: Request, _: Exception) -> JSONResponse:
    """The error itself goes on to the server, which notes it with its traceback under the same request id."""
    return problem(request, HaloopError(_UNKNOWN))
