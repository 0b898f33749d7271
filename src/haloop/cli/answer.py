"""What a command answers: lines for a person, or one JSON document for a program.

Every command returns an Answer and prints nothing itself, so that both forms say the same and the exit code
has one source.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TextIO

import click

from haloop.cli.parts import Part, plain, visible, write
from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import Exit, HaloopError
from haloop.settings import Settings

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found or did."""

    lines: Sequence[Part]
    document: Mapping[str, Canonical]
    exit: Exit = Exit.OK


Say = Callable[[Answer], None]
"""Tell an answer now, in the form that was asked for."""


def answering(command: Callable[Concatenate[Settings, P], Answer]) -> Callable[..., Any]:
    """Give a command its settings and `--json`, print its answer and end with its exit code."""

    @wraps(command)
    def run(settings: Settings, say: Say, /, *arguments: P.args, **options: P.kwargs) -> Exit:
        answer = command(settings, *arguments, **options)
        say(answer)
        return answer.exit

    return speaking(run)


def speaking(command: Callable[Concatenate[Settings, Say, P], Exit]) -> Callable[..., Any]:
    """The same for a command that goes on after it has answered."""

    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
    @click.pass_context
    @wraps(command)
    def run(context: click.Context, /, *arguments: P.args, **options: P.kwargs) -> None:
        as_json = bool(options.pop("as_json"))
        settings = Settings.read(os.environ, **context.obj)
        context.exit(command(settings, lambda answer: _print(answer, as_json=as_json), *arguments, **options))

    return run


def complain(error: HaloopError, *, as_json: bool) -> None:
    """Say what went wrong and what to do next."""
    if as_json:
        about = {"code": error.code, "sentence": error.sentence, "next_step": error.next_step}
        write(sys.stdout, json_line({"error": about}))
    else:
        write(sys.stderr, visible(f"haloop: {error.sentence}"))
        if error.next_step:
            write(sys.stderr, visible(f"  next: {error.next_step}"))


def show(stream: TextIO, parts: Sequence[Part]) -> None:
    """Say it as whoever reads this takes it in: drawn at a terminal, plain lines anywhere else."""
    if stream.isatty():
        from haloop.cli.terminal import draw  # noqa: PLC0415  # what draws costs more to load than a command

        draw(stream, parts)
        return
    for part in parts:
        for line in plain(part):
            write(stream, visible(line))


def _print(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        write(sys.stdout, json_line(answer.document))
    else:
        show(sys.stdout, answer.lines)


def json_line(document: Mapping[str, Canonical]) -> str:
    """One line of JSON, in which the escapes are JSON's own."""
    text = canonical.encode(_whole(dict(document))).decode()
    return "".join([one if one.isprintable() else _json_escape(one) for one in text])


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join([f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4)])


def _whole(value: Canonical) -> Canonical:
    """File names may hold bytes that are no text; they are shown, not refused."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(_whole(key)): _whole(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_whole(item) for item in value]
    return value
