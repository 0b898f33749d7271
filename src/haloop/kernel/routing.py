"""Which desk is meant: every desk that listens hears the words, and only where exactly one claims them is it meant."""

from collections.abc import Sequence

from haloop.kernel.desk import Desk
from haloop.kernel.hearing import Asks, Context, Heard, Question, Unsupported


def listen(desks: Sequence[Desk], said: Sequence[str], context: Context) -> Heard | Asks | Unsupported:
    """What these desks make of a conversation. Where two claim it, the question is which; its name is the answer."""
    *before, last = said
    named = [desk for desk in desks if before and desk.name == last.strip().casefold()]
    if named:
        return listen(named, before, context)
    claims = {desk.name: heard for desk in desks if desk.hearing and (heard := desk.hearing.hear(said, context))}
    match list(claims.values()):
        case []:
            listening = [desk.hearing for desk in desks if desk.hearing]
            return Unsupported(examples=tuple(one for hearing in listening for one in hearing.examples))
        case [only]:
            return only
    return Asks(questions=(Question(asks="Which desk is this for?", choices=tuple(claims)),))
