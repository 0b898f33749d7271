"""What a letter is answered: the card in short and where to decide, a question, what would be understood, or why not.

Nothing that is answered here decides, and nothing that comes back in its conversation does: it says where to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import HaloopError
from haloop.kernel.link import link_to
from haloop.letters.card import short_card
from haloop.letters.catalogue import Words
from haloop.ports.letterbox import Letter, Reply
from haloop.wire.requests import TURNS_MAX, AsksBack, NotSupported, QuestionOut

_DECISIONS = """
yes y ok okay approve approved confirm confirmed go ja jawohl einverstanden genehmigt no n nope decline nein
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a letter became, and what is said of it."""

    lines: tuple[str, ...]
    link: str = ""
    """The gate or run that it leads to."""
    said: tuple[str, ...] = ()
    """The conversation so far, where this is a question."""


class Answering:
    """The answers to one letter, in its language."""

    def __init__(self, language: str) -> None:
        self._words = Words(language)

    def card(self, gate: str, card: Canonical, taken: Sequence[str]) -> Answered:
        """A draft waits for a yes."""
        lines = ["\n".join([self._words("letter.card"), *(f"  {line}" for line in short_card(card, self._words))])]
        lines += [self._words("letter.taken", what=" ".join(taken))] if taken else []
        return Answered(lines=(*lines, self._words("letter.decide")), link=gate)

    def run(self, run: str, reason: str | None) -> Answered:
        """Nothing waits: it goes on, or it has stopped."""
        said = self._words("letter.stopped", reason=reason) if reason else self._words("letter.goes_on")
        return Answered(lines=(said,), link=run)

    def question(self, asks: AsksBack) -> Answered:
        """Something is missing; the answer to this message goes on with it."""
        if len(asks.conversation) > TURNS_MAX:
            return Answered(lines=(self._words("letter.too_many_turns"),))
        questions = [self._question(one) for one in asks.questions]
        return Answered(lines=(self._words("letter.asks"), *questions), said=tuple(asks.conversation))

    def unsupported(self, nothing: NotSupported) -> Answered:
        """Nobody here does this."""
        said = [self._words("letter.examples"), *(f"  {one}" for one in nothing.examples)] if nothing.examples else []
        return Answered(lines=(self._words("letter.unsupported"), *(["\n".join(said)] if said else [])))

    def refused(self, error: HaloopError) -> Answered:
        """The house says no to it, for a reason of its own."""
        return Answered(lines=(self._words("letter.refused", why=f"{error.sentence} {error.next_step}".strip()),))

    def too_long(self, length_max: int) -> Answered:
        return Answered(lines=(self._words("letter.too_long", count=length_max),))

    def never_by_letter(self, link: str) -> Answered:
        """Somebody answers what a person must decide elsewhere, or says yes to nothing."""
        return Answered(lines=(self._words("letter.never"), self._words("letter.anew")), link=link)

    def _question(self, question: QuestionOut) -> str:
        choices = self._words("letter.choices", choices=", ".join(question.choices)) if question.choices else ""
        return f"{question.asks} {choices}".strip()

    def reply(self, name: str, letter: Letter, answered: Answered, *, address: str, at: int) -> Reply:
        """The answer as it goes out."""
        subject = letter.subject or self._words("letter.subject")
        nowhere = f"{address}/" if answered.lines[0] == self._words("letter.never") else ""
        return Reply(
            id=name,
            letter=letter,
            subject=subject if subject.casefold().startswith("re:") else f"Re: {subject}",
            lines=answered.lines,
            link=link_to(address, answered.link) if answered.link else nowhere,
            footer=self._words("letter.footer"),
            at=at,
        )


def is_a_decision(words: str) -> bool:
    """Whether somebody only says yes or no."""
    return words.casefold().strip(" .,!") in _DECISIONS.split()
