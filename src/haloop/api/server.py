"""The application: its routes, and the house they open onto."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp

from haloop.api import (
    accounts,
    activity,
    agents,
    artifacts,
    connectors,
    decisions,
    defaults,
    erasing,
    errors,
    events,
    findings,
    gates,
    grants,
    health,
    invitations,
    keeping,
    ledger,
    linked,
    links,
    logins,
    missions,
    notices,
    passkeys,
    people,
    projects,
    receipts,
    recovery_codes,
    requests,
    rules,
    runs,
    sessions,
    town,
    vouching,
    workflows,
)
from haloop.api.asking import Doorkeeper
from haloop.api.house import House
from haloop.api.once import Answers
from haloop.api.rates import Rates
from haloop.api.search import Search
from haloop.logs import Answered, log_answer
from haloop.wire.problems import Problem

_NOUNS = (
    *(gates, decisions, requests, runs, activity, events, findings, artifacts, receipts, grants, rules, links),
    *(health, logins, linked, sessions, accounts, people, invitations, passkeys, recovery_codes, agents),
    *(ledger, erasing, keeping, notices, connectors, town, defaults),
)
"""What is asked for most stands first: routes are looked through in this order."""
_SAYS: dict[str, Any] = {"content": {"application/problem+json": {"schema": Problem.model_json_schema()}}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: {"description": "It cannot be read.", **_SAYS},
    "4XX": {"description": "It is refused.", **_SAYS},
    "5XX": {"description": "Something is wrong here.", **_SAYS},
}

_NOT_ITS_OWN: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""The framework's own telemetry would tell addresses with the keys in them, and what errors say."""


class _Guarded(FastAPI):
    """An application with a doorkeeper before all of it, so that also an answer to an unnamed error goes past them."""

    def build_middleware_stack(self) -> ASGIApp:
        return Doorkeeper(super().build_middleware_stack(), self.state.on_answered)


def make_app(house: House, *, on_answered: Callable[[Answered], None] = log_answer) -> FastAPI:
    """The HTTP API of a house; `on_answered` hears how each request ended."""
    app = _Guarded(
        title="Haloop",
        version=house.version,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        telemetry=_NOT_ITS_OWN,
    )
    app.state.house = house
    app.state.streams = events.Streams(house)
    app.state.search = Search(house)
    app.state.rates = Rates()
    app.state.answers = Answers(house)
    app.state.exports = asyncio.Semaphore(ledger.EXPORTS_MAX)
    app.state.logins = logins.Logins(house.engine.world.now)
    app.state.challenges = vouching.Challenges(house)
    app.state.shown = vouching.Challenges(house, at_most=logins.BEGUN_MAX)
    if house.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(house.allowed_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID"],
        )
    app.state.on_answered = on_answered
    errors.install(app)
    for noun in (*_NOUNS, *([] if house.missions is None else [missions, projects, workflows])):
        app.include_router(noun.router, responses=_PROBLEMS)
    return app


def let_go(app: FastAPI) -> None:
    """The process is told to end: whoever holds a connection open lets go of it."""
    app.state.house.closing.set()
    app.state.streams.end()
    app.state.search.end()
