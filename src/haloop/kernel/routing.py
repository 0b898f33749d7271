"""Which desk is meant: every desk that listens hears the words, and only where exactly one claims them is it meant."""

from collections.abc import Mapping, Sequence

from haloop.kernel.desk import Desk
from haloop.kernel.hearing import Asks, Context, Foreign, Heard, Outcome, Question, Unsupported


def addressed(desks: Sequence[Desk], said: Sequence[str]) -> tuple[Sequence[Desk], Sequence[str]]:
    """Who is spoken to, and what is said; where two claimed it and were asked about, a desk's name is the answer."""
    *before, last = said
    named = [desk for desk in desks if before and desk.name == last.strip().casefold()]
    return addressed(named, before) if named else (desks, said)


def listen(
    desks: Sequence[Desk], said: Sequence[str], context: Context, *, heard: Mapping[str, Outcome] | None = None
) -> Heard | Asks | Unsupported:
    """What these desks make of a conversation; `heard` is what some of them, by name, have made of it already."""
    desks, said = addressed(desks, said)
    listening = {desk.name: desk.hearing for desk in desks if desk.hearing}
    known = heard or {}
    made = {name: known[name] if name in known else ear.hear(said, context) for name, ear in listening.items()}
    claims = {name: one for name, one in made.items() if isinstance(one, Heard | Asks)}
    match list(claims.values()):
        case []:
            examples = tuple(one for ear in listening.values() for one in ear.examples)
            reads = dict.fromkeys(one.reads for one in made.values() if isinstance(one, Foreign))
            return Unsupported(examples=examples, reads=tuple(reads))
        case [only]:
            return only
    return Asks(questions=(Question(asks="Which desk is this for?", choices=tuple(claims)),))
