"""What happens in the process, one line each: JSON in a file of the home, short and readable on a terminal.

Each line says when, how bad, who noted it, and what happened, in an event's few words; then who asked, under which
request, for what, and how it ended. A line is written whole first, traceback included, then everything personal or
secret is taken out of it, and then it is made to stay one line. What local variables held is never written.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.clock import as_text
from haloop.kernel.fact import Fact
from haloop.kernel.ids import AccountId, RunId
from haloop.redaction import Redaction

FILE = "haloop.log"
FILE_BYTES_MAX = 10_000_000
OLD_FILES = 5
"""So many full files are kept beside the one that is written."""
FIELDS = (
    *("request_id", "actor", "method", "route", "status", "milliseconds", "code", "result"),
    *("run", "gate", "effect"),
)
"""What a line may say beside its event; a record's other extras are not written. A new one is a decision."""

_TEXT_LENGTH_MAX = 20_000
_WORTH_A_WARNING = frozenset(
    {"run.parked", "effect.uncertain", "effect.contradicted", "grant.suspended", "answer.refused", "agents.stopped"}
)

_access = logging.getLogger("haloop.access")
_run = logging.getLogger("haloop.run")


@dataclass(slots=True, kw_only=True)
class Asking:
    """What all lines have in common that are written because of one request."""

    request_id: str
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is known of a request once it is over."""

    request_id: str
    method: str
    route: str
    """The template, never the address itself."""
    status: int
    """0 where nobody was left to hear it."""
    seconds: float
    code: str
    """What went wrong, by its name."""
    is_whole: bool
    """Whether all of the answer was sent."""
    run: RunId | None
    """The run it was about."""


_asking: ContextVar[Asking | None] = ContextVar("asking", default=None)


def begin_request(request_id: str) -> Asking:
    """From here on, what this request causes is noted under its id."""
    asking = Asking(request_id=request_id)
    _asking.set(asking)
    return asking


def tell_actor(actor: str) -> None:
    """It is known now who is asking."""
    asking = _asking.get()
    if asking is not None:
        asking.actor = actor


def log_answer(answered: Answered) -> None:
    """Note one request that was answered, or was not."""
    _access.info(
        "request",
        extra={
            "method": answered.method,
            "route": answered.route,
            "status": answered.status,
            "milliseconds": round(answered.seconds * 1000),
            "code": answered.code,
            "result": "answered" if answered.is_whole else "cut short",
            "run": answered.run,
        },
    )


def log_fact(account: AccountId, run: RunId, fact: Fact) -> None:
    """A listener for the engine: notes each fact by its kind, ids and code, and nothing of what it says."""
    level = logging.WARNING if fact.kind in _WORTH_A_WARNING else logging.INFO
    named = {name: getattr(fact, name) for name in ("gate", "effect", "code") if getattr(fact, name, "")}
    about = {} if run == RunId(account) else {"run": run}  # what belongs to no run is told under its account's id
    _run.log(level, fact.kind, extra={**about, **named})


@contextmanager
def open_logs(folder: Path, *, secrets: Iterable[str] = (), terminal: TextIO | None = None) -> Iterator[Redaction]:
    """Write what any part of the process notes, until the end of the block; `hide` on what it yields hides more."""
    redaction = Redaction(secrets)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [_File(folder / FILE, _Line(redaction))]
    shown = sys.stderr if terminal is None else terminal
    if shown.isatty():
        handlers.append(_Terminal(shown, redaction))
    with _levels({"": logging.WARNING, "haloop": logging.INFO}), _handling(handlers):
        yield redaction


@contextmanager
def _levels(wanted: Mapping[str, int]) -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in wanted}
    for name, level in wanted.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _handling(handlers: list[logging.Handler]) -> Iterator[None]:
    root = logging.getLogger()
    for handler in handlers:
        handler.addFilter(_add_asking)
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _add_asking(record: logging.LogRecord) -> bool:
    asking = _asking.get()
    if asking is not None:
        record.__dict__.setdefault("request_id", asking.request_id)
        record.__dict__.setdefault("actor", asking.actor)
    return True


class _Line(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        said = {name: record.__dict__[name] for name in FIELDS if record.__dict__.get(name) not in (None, "")}
        line: dict[str, Canonical] = {
            "time": as_text(int(record.created * 1_000_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._clean(_message(record)),
            **{name: self._clean_value(value) for name, value in said.items()},
        }
        if record.exc_info is not None and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = self._clean(self.formatException(record.exc_info))
        return _in_one_line(canonical.encode(line).decode())

    def _clean_value(self, value: object) -> Canonical:
        if isinstance(value, int) and abs(value) <= canonical.INTEGER_MAX:
            return int(value)
        return self._clean(str(value))

    def _clean(self, text: str) -> str:
        """Half characters have no place in a file; what is too long loses its middle, only after it was read whole."""
        clean = self._redaction(text.encode(errors="backslashreplace").decode())
        if len(clean) <= _TEXT_LENGTH_MAX:
            return clean
        half = _TEXT_LENGTH_MAX // 2
        return f"{clean[:half]} … {clean[-half:]}"


class _Short(_Line):
    """A record as somebody in front of the process reads it."""

    def format(self, record: logging.LogRecord) -> str:
        said = [str(record.__dict__[name]) for name in FIELDS if record.__dict__.get(name) not in (None, "")]
        error = record.exc_info[1] if record.exc_info else None
        words = [
            as_text(int(record.created * 1_000_000))[11:19],
            record.levelname.lower(),
            _message(record),
            *said,
            *([] if error is None else [f"{type(error).__name__}: {error}"]),
        ]
        return _in_one_line(self._clean(" ".join(words)))


class _Quiet(logging.Handler):
    """One whose own failure harms nobody and repeats nothing of what it could not write."""

    _has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # the library's name
        if not self._has_failed:
            error = sys.exc_info()[0]
            name = "an error" if error is None else error.__name__
            print(f"haloop: The log cannot be written ({name}); the work goes on without it.", file=sys.stderr)
        self._has_failed = True


class _File(_Quiet, RotatingFileHandler):
    """A file for its owner's eyes only, and full ones beside it."""

    def __init__(self, path: Path, formatter: logging.Formatter) -> None:
        super().__init__(path, maxBytes=FILE_BYTES_MAX, backupCount=OLD_FILES, encoding="utf-8")
        self.setFormatter(formatter)

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding="utf-8", errors="backslashreplace")


class _Terminal(_Quiet, logging.StreamHandler[TextIO]):
    def __init__(self, shown: TextIO, redaction: Redaction) -> None:
        super().__init__(shown)
        self.setFormatter(_Short(redaction))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage().strip()
    except (TypeError, ValueError, KeyError):  # a wrong placeholder must not cost the line
        return f"{record.msg} (could not be put together)"


def _in_one_line(text: str) -> str:
    """Whatever ends a line, moves a cursor or turns the reading order is spelled out."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
