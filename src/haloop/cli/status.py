"""`haloop status`: whether a home's process runs, where, and what waits there. The ledger is not opened."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.running import Running, is_stale, owner_header, read_running
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import Exit
from haloop.settings import Settings

SECONDS_TO_ANSWER = 5
_LOG_BYTES = 256 * 1024
_NOTHING_RUNS: dict[str, Canonical] = {"address": None, "pid": None, "started_at": None, "version": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What a process says of itself."""

    answers: bool
    open_gates: int | None = None
    """How many gates wait for a person; none where it does not say."""
    agents_stopped: bool = False
    """An owner stopped every agent."""
    model: str = ""
    """The model that reads plain words, and how it is; empty where the built-in reader reads alone."""
    not_told: str = ""
    """Why people are not told what they should be; empty while they are."""


@click.command()
@answering
def status(settings: Settings) -> Answer:
    """Say whether Haloop runs, where, since when, and what waits. Exit code 0: it runs; 4: it does not."""
    running = read_running(settings.home)
    said = read_status(running.address, settings.home) if running else ServerStatus(answers=False)
    error = last_error(settings.home)
    linked = None if settings.project_linked is None else str(settings.project_linked)
    return Answer(
        lines=[
            *(_running_lines(running, said) if running else _ended_lines(settings.home)),
            f"home            {settings.home}",
            f"linked project  {linked or 'none; haloop link sets one'}",
            *([f"model           {said.model}"] if said.model else []),
            *([f"not told        {said.not_told}"] if said.not_told else []),
            *([f"last error      {error}"] if error else []),
        ],
        document={
            **(running.document if running else _NOTHING_RUNS),
            "backend": running.address if running else None,
            "frontend": f"{running.address}/" if running else None,
            "agents_stopped": said.agents_stopped,
            "answers": said.answers,
            "home": str(settings.home),
            "last_error": error or None,
            "model": said.model or None,
            "linked": linked,
            "not_told": said.not_told or None,
            "open_gates": said.open_gates,
            "running": running is not None,
        },
        exit=Exit.OK if running else Exit.REFUSED,
    )


def read_status(address: str, home: Path) -> ServerStatus:
    """Ask a running process how it is; one that does not know us, or says something else, leaves it unknown."""
    import httpx2  # noqa: PLC0415  # a fifth of a second that no other command must wait for

    try:
        headers = owner_header(home)
    except OSError:
        headers = {}
    try:
        reply = httpx2.get(f"{address}/api/status", headers=headers, timeout=SECONDS_TO_ANSWER, trust_env=False)
    except httpx2.TransportError:
        return ServerStatus(answers=False)
    return _said(reply.content) if reply.is_success else ServerStatus(answers=True)


def last_error(home: Path) -> str:
    """The last thing the log calls an error, with its time; empty where there is none."""
    try:
        with (home / "logs" / "haloop.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            lines = file.read().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return next((error for line in reversed(lines) if (error := _error(line))), "")


def _running_lines(running: Running, said: ServerStatus) -> list[str]:
    answers = "" if said.answers else ", which does not answer"
    gates = "unknown" if said.open_gates is None else str(said.open_gates)
    return [
        f"Haloop {running.version} runs as process {running.pid}{answers}.",
        f"backend         {running.address}",
        f"frontend        {running.address}/",
        f"since           {running.started_at}",
        f"open gates      {gates}",
        *(["agents          stopped; haloop resume-agents lets work go on"] if said.agents_stopped else []),
    ]


def _ended_lines(home: Path) -> list[str]:
    how = " Its last process did not end in order; the next start takes up what it had begun." if is_stale(home) else ""
    return [f"Haloop is not running.{how}"]


def _said(body: bytes) -> ServerStatus:
    match _object(body):
        case {"open_gates": int(count), **rest}:
            return ServerStatus(
                answers=True,
                open_gates=count,
                agents_stopped=rest.get("agents_stopped") is True,
                model=_model(rest),
                not_told=_not_told(rest),
            )
    return ServerStatus(answers=True)


def _not_told(status: Mapping[object, object]) -> str:
    match status:
        case {"telling": {"problem": str(problem), "late": int(late), "given_up": int(given_up)}}:
            return f"{late} late, {given_up} given up; {problem} (haloop notices test)"
    return ""


def _model(status: Mapping[object, object]) -> str:
    match status:
        case {"model": {"name": str(name), "problem": problem, "tokens_today": int(used), "tokens_max": int(most)}}:
            return f"{name}, {used:,} of {most:,} tokens today{f'. {problem}' if problem else ''}"
    return ""


def _error(line: bytes) -> str:
    match _object(line):
        case {"level": "error", **about}:
            return " ".join(str(about[key]) for key in ("time", "event", "code") if about.get(key))
    return ""


def _object(raw: bytes) -> object:
    try:
        found: object = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found
