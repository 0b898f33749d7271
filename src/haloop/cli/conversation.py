"""Asking in plain words at a terminal: what is missing is asked back there, until it is a request or nobody's."""

import sys
from collections.abc import Sequence
from functools import partial

import click

from haloop.cli.answer import Answer
from haloop.cli.parts import visible, write
from haloop.cli.reaching import reach
from haloop.cli.run_page import reader_lines
from haloop.client import Client
from haloop.kernel.errors import Exit
from haloop.settings import Settings
from haloop.wire.requests import TURNS_MAX, AsksBack, Begun, NotSupported, Understood


def converse(settings: Settings, words: str, *, desk: str | None, key: str | None) -> Begun | Answer:
    """The run that the words became, or what to answer where they became none."""
    conversation: Sequence[str] = ()
    while True:
        say = partial(Client.say, words=words, desk=desk, conversation=conversation, key=key)
        answered = reach(settings, say)
        match answered:
            case Begun():
                return answered
            case NotSupported():
                return _unsupported(answered)
        if not _somebody_sits_here() or len(answered.conversation) > TURNS_MAX:
            return _open(answered)
        conversation = answered.conversation
        words = _answer(answered)


def understood_lines(understood: Understood | None) -> list[str]:
    """What was taken for granted, so that nobody is surprised by it later."""
    if understood is None:
        return []
    return [*(f"taken for granted: {one}" for one in understood.taken), *reader_lines(understood.reader)]


def _answer(asks: AsksBack) -> str:
    """What somebody types to the first question; the others are asked again with what is left."""
    question = asks.questions[0]
    choices = f" ({', or '.join(question.choices)})" if question.choices else ""
    while True:
        write(sys.stderr, visible(f"{question.asks}{choices}"), end=" ")
        line = sys.stdin.readline()
        if not line:
            raise click.Abort
        if line.strip():
            return line.strip()


def _somebody_sits_here() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _open(asks: AsksBack) -> Answer:
    return Answer(
        lines=[
            "Nothing was asked for yet; this is missing:",
            *(f"  {one.asks}" + (f" ({', or '.join(one.choices)})" if one.choices else "") for one in asks.questions),
            "next: say it all in one sentence, or ask at a terminal.",
        ],
        document=asks.model_dump(),
        exit=Exit.USAGE,
    )


def _unsupported(answered: NotSupported) -> Answer:
    works = ["This would work:", *(f"  {one}" for one in answered.examples)] if answered.examples else []
    return Answer(
        lines=[answered.sentence, *works, "next: haloop ask, without more, lists everything that can be asked for."],
        document=answered.model_dump(),
        exit=Exit.USAGE,
    )
