"""Plain words at the door: what the desks hear in them becomes a run, a question back, or examples that would work.

Who read them, a model or the built-in reader, is told with what was understood and stays with the run.
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from haloop.api.house import House
from haloop.api.told import History, reader_of
from haloop.engines.hearing import hear
from haloop.identity import Caller
from haloop.kernel.clock import as_datetime
from haloop.kernel.desk import Desk
from haloop.kernel.errors import BadInput, Erased, NotFound, Refused
from haloop.kernel.fact import RunStarted
from haloop.kernel.hearing import Asks, Context, Heard, Said, Unsupported
from haloop.kernel.ids import RunId
from haloop.kernel.reader import Reader
from haloop.wire.requests import (
    Answered,
    AskedInWords,
    AsksBack,
    Begun,
    NotSupported,
    QuestionOut,
    ReaderOut,
    Understood,
)

_FOREIGN = (
    "These words are in a language that is not read here, and half understood is worse than not at all. Nothing was"
    " begun. Say it in English; or whoever keeps this Haloop switches on a model (model.provider), which reads others."
)


async def in_words(
    house: House, caller: Caller, asked: AskedInWords, key: str | None, *, through: str = ""
) -> Answered:
    """What was said becomes a run, a question or nothing; under a key that was used, what became of it then."""
    said = [*asked.conversation, asked.words]
    begun = None if key is None else await house.engine.begun_under(caller.account, key)
    if begun is not None:
        return await _as_before(house, caller, begun, said)
    account = await house.engine.account(caller.account)
    context = Context(
        now=as_datetime(house.engine.world.now()),
        zone=await _zone(house, caller, asked),
        language=asked.language,
        defaults=account.defaults,
    )
    listened = await hear(house.engine.world.connectors, account, _desks(house, caller, asked), said, context)
    match listened.outcome:
        case Heard(request=request, taken=taken) as heard:
            words = Said(words=tuple(said), taken=taken, through=through, reader=listened.reader)
            run = await house.engine.start(caller.account, request, by=caller.actor, key=key, said=words)
            return Begun(run=run, understood=_understood(house, heard, listened.reader))
        case Asks(questions=questions):
            back = [QuestionOut(asks=one.asks, choices=list(one.choices)) for one in questions]
            return AsksBack(questions=back, conversation=said)
        case Unsupported() as unsupported:
            return _not_supported(unsupported)


async def _as_before(house: House, caller: Caller, run: RunId, said: list[str]) -> Begun:
    """`Tomorrow` may mean another day by now, so what was heard once under a key is not heard again."""
    started = (await History.read(house.ledger, caller.account, run))[0][1]
    if started is None:
        raise Erased("What was asked for under this key is erased.")
    if not isinstance(started, RunStarted) or not started.said or started.said["words"] != said:
        raise Refused("This key was used for another request.", code="run.key_taken", next_step="Use a new key.")
    named = {"desk": started.desk, "procedure": started.procedure, "arguments": started.arguments}
    return Begun(run=run, understood=Understood(**named, taken=started.said["taken"], reader=reader_of(started)))


def _understood(house: House, heard: Heard, reader: Reader) -> Understood:
    procedure = heard.request.procedure
    return Understood(
        desk=house.engine.world.desk_of(procedure),
        procedure=procedure.name,
        arguments=heard.request.arguments,
        taken=list(heard.taken),
        reader=ReaderOut(name=reader.name, instead=reader.instead),
    )


def _desks(house: House, caller: Caller, asked: AskedInWords) -> list[Desk]:
    reached = [desk for desk in house.desks if caller.may_ask(desk.name)]
    desks = [desk for desk in reached if asked.desk in (None, desk.name)]
    if not desks:
        known = ", ".join(desk.name for desk in reached)
        raise NotFound(
            f"There is no desk {asked.desk}.",
            code="request.unsupported",
            next_step=f"Ask one of these, or name none: {known}.",
        )
    return desks


async def _zone(house: House, caller: Caller, asked: AskedInWords) -> ZoneInfo:
    """What is said with the words, else the one that a person keeps, else the house's."""
    if asked.zone is None:
        person = caller.person
        return (
            house.zone if person is None else ZoneInfo((await house.telling.preferences(caller.account, person)).zone)
        )
    try:
        return ZoneInfo(asked.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            "This is no time zone.", code="request.zone", next_step="Name one as in Europe/Berlin, or leave it out."
        ) from error


def _not_supported(unsupported: Unsupported) -> NotSupported:
    examples, reads = list(unsupported.examples), list(unsupported.reads)
    if reads:
        return NotSupported(sentence=_FOREIGN, examples=examples, reads=reads)
    sentence = "This is not something that can be done here, or it was not understood."
    rest = "Nothing was begun." if examples else "No desk here listens to plain words."
    return NotSupported(sentence=f"{sentence} {rest}", examples=examples)
