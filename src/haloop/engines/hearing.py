"""Hearing plain words with a model's help, where one stands behind its port.

Each desk that can have a model read the words is asked what it would ask, the model is asked, and the desk makes of
what it wrote whatever it makes of words. An answer that is nothing of the kind is asked for once more, with the fault
named. Whatever goes wrong beyond that, the built-in reader hears the words as if there were no model, and who read
them is said beside what was understood.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from haloop.kernel import values
from haloop.kernel.account import Account
from haloop.kernel.card import ModelText
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import Desk
from haloop.kernel.failure import Malformed, StepFault
from haloop.kernel.hearing import Asks, Context, Heard, ModelHearing, Outcome, Unsupported
from haloop.kernel.operation import step_op
from haloop.kernel.prompt import Prompt
from haloop.kernel.reader import Reader
from haloop.kernel.routing import addressed, listen
from haloop.ports.models import Models

ATTEMPTS_MAX = 2

log = logging.getLogger("haloop.hearing")

_Write = Callable[[str, Prompt], Awaitable[ModelText]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listened:
    """What was heard, and who read it."""

    outcome: Heard | Asks | Unsupported
    reader: Reader


async def hear(
    connectors: Connectors, account: Account, desks: Sequence[Desk], said: Sequence[str], context: Context
) -> Listened:
    """What these desks make of what somebody of an account said."""
    if not any(connector.port is Models for connector in connectors.all):
        return Listened(outcome=listen(desks, said, context), reader=Reader())
    write = connectors.step(step_op(Models.write))
    to, what = addressed(desks, said)
    reader, heard = Reader(), dict[str, Outcome]()
    for desk in to:
        if isinstance(desk.hearing, ModelHearing):
            reader, outcome = await _by_model(write, account, desk.hearing, what, context)
            if not reader.instead:
                heard[desk.name] = outcome
    return Listened(outcome=listen(desks, said, context, heard=heard), reader=reader)


class _Read(NamedTuple):
    reader: Reader
    outcome: Outcome


async def _by_model(write: _Write, account: Account, ear: ModelHearing, said: Sequence[str], context: Context) -> _Read:
    """What a desk makes of it by what the model wrote; where that came to nothing, the reader says why."""
    names = tuple(person.name for person in account.people.values())
    prompt = ear.prompt(said, context).model_copy(update={"private": names})
    asked = values.digest({"does": prompt.does, "form": prompt.form})
    attempts = 1
    while True:
        try:
            written = await write(account.id, prompt)
            outcome = ear.hear_written(said, context, written.text)
        except StepFault as fault:
            if attempts == ATTEMPTS_MAX or not isinstance(fault, Malformed):
                log.warning("a model did not read the words", extra={"code": fault.failure, "result": str(fault)})
                return _Read(Reader(instead=str(fault), attempts=attempts, prompt=asked), None)
            attempts += 1
            prompt = _again(prompt, fault)
        else:
            return _Read(Reader(name=written.model, attempts=attempts, prompt=asked), outcome)


def _again(prompt: Prompt, fault: Malformed) -> Prompt:
    return prompt.model_copy(update={"does": f"{prompt.does}\n\nYour answer before this one was refused: {fault}"})
