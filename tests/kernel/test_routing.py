"""Which desk is meant, where people say what they want and not to whom."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from haloop.kernel.desk import Asks, Context, Desk, Ended, Foreign, Heard, Outcome, Question, Run, procedure
from haloop.kernel.errors import BadProcedure
from haloop.kernel.hearing import Unsupported
from haloop.kernel.routing import listen

CONTEXT = Context(now=datetime(2027, 3, 3, tzinfo=UTC), zone=ZoneInfo("UTC"))


@procedure(version=1)
async def water(run: Run, what: str) -> Ended:
    return Ended(reason=what, code="done")


class Ear:
    """Hears whatever begins with a word of its own."""

    def __init__(self, word: str) -> None:
        self.examples = (f"{word} the roses",)
        self._word = word

    def hear(self, said: Sequence[str], context: Context) -> Outcome:
        verb, _, what = " ".join(said).partition(" ")
        if verb != self._word:
            return None
        return Heard(request=water.of(what)) if what else Asks(questions=(Question(asks="What?"),))


GARDEN = Desk("garden", procedures=[water], hearing=Ear("water"))
KITCHEN = Desk("kitchen", procedures=[water], hearing=Ear("water"))
CELLAR = Desk("cellar", procedures=[water], hearing=Ear("store"))
DEAF = Desk("deaf", procedures=[water])


def test_the_one_desk_that_claims_the_words_is_meant() -> None:
    """Its answer stands, whether it understood or asks back; desks without a hearing are not asked."""
    assert listen([DEAF, CELLAR, GARDEN], ["water the roses"], CONTEXT) == Heard(request=water.of("the roses"))
    assert listen([DEAF, CELLAR, GARDEN], ["water"], CONTEXT) == Asks(questions=(Question(asks="What?"),))


def test_two_that_claim_them_are_asked_about() -> None:
    """Which is the question, and a desk's name the answer; nothing is guessed between them."""
    both = [GARDEN, KITCHEN, CELLAR]
    assert listen(both, ["water the roses"], CONTEXT) == Asks(
        questions=(Question(asks="Which desk is this for?", choices=("garden", "kitchen")),)
    )
    assert listen(both, ["water the roses", " Kitchen "], CONTEXT) == Heard(request=water.of("the roses"))
    assert listen(both, ["water", "garden", "the roses"], CONTEXT) != Heard(request=water.of("the roses"))


def test_words_that_nobody_claims_are_unsupported() -> None:
    """What would work is said, as sentences."""
    assert listen([GARDEN, CELLAR, DEAF], ["fix kitchen sink"], CONTEXT) == Unsupported(
        examples=("water the roses", "store the roses")
    )
    assert listen([DEAF], ["water the roses"], CONTEXT) == Unsupported(examples=())


class Foreigner(Ear):
    """Hears nothing, because the words are in another language."""

    def hear(self, said: Sequence[str], context: Context) -> Outcome:
        return Foreign(reads="en")


def test_words_in_another_language_are_said_to_be() -> None:
    """Where nobody claims them, with the languages that would be read; where somebody does, that is all."""
    abroad = Desk("abroad", procedures=[water], hearing=Foreigner("faire"))
    assert listen([abroad, CELLAR], ["arroser les roses"], CONTEXT) == Unsupported(
        examples=("faire the roses", "store the roses"), reads=("en",)
    )
    assert listen([abroad, GARDEN], ["water the roses"], CONTEXT) == Heard(request=water.of("the roses"))


def test_what_was_heard_already_is_not_heard_again() -> None:
    """What a desk made of it otherwise counts instead, also that it is nothing of its own."""
    other = Heard(request=water.of("the tulips"))
    assert listen([GARDEN, CELLAR], ["water the roses"], CONTEXT, heard={"garden": other}) == other
    assert isinstance(listen([GARDEN, CELLAR], ["water the roses"], CONTEXT, heard={"garden": None}), Unsupported)


@pytest.mark.parametrize("count", [0, 3])
def test_nobody_is_asked_three_things_at_once(count: int) -> None:
    """One or two questions; an answer with none would be no question."""
    with pytest.raises(BadProcedure):
        Asks(questions=(Question(asks="What?"),) * count)
