"""Plain words at the command line: the card, a question typed back, or what would work."""

from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, Terminal, errand_neighbour

__all__ = ["errand_neighbour"]

WORDS = "book a table at Luigi for 2 tomorrow at 7"


def test_words_become_a_card(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """In one piece or in many, under a key once; what was taken for granted is said before the card."""
    wish = haloop("ask", WORDS, "--key", "dinner")
    again = haloop("ask", *WORDS.split(), "--key", "dinner", "--json").document

    assert wish.code == 0
    assert wish.out.splitlines()[1] == 'taken for granted: "7" was taken for 19:00.'
    assert "if you say yes:" in wish.out
    assert again["run"] == wish.out.splitlines()[0]
    assert again["understood"]["arguments"]["wish"]["place"] == "Luigi"
    shown = haloop("show", again["run"])
    assert f'said: "{WORDS}"' in shown.out
    assert haloop("approve", again["gates"][0]["id"], "--yes").code == 0


def test_a_question_is_asked_at_the_terminal(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """Whoever sits there types what is missing; an empty line is no answer."""
    terminal = Terminal("ask", "book dinner tomorrow around 7 pm")
    terminal.read_until("For how many people? (for 2, or for 4, or for 6)")
    terminal.type_in("")
    terminal.type_in("2")
    code, out = terminal.end()

    assert code == 0
    assert "if you say yes:" in out
    assert "restaurant" in out


def test_without_a_terminal_what_is_missing_is_said(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """Nothing is asked for, and the exit code says that it was not understood yet."""
    said, document = [haloop("ask", "book dinner tomorrow", *more) for more in ((), ("--json",))]
    assert (said.code, said.out.splitlines()[0]) == (2, "Nothing was asked for yet; this is missing:")
    assert "  For how many people?" in said.out
    assert document.document["conversation"] == ["book dinner tomorrow"]
    assert haloop("activity").out == "Nothing was asked for yet.\n"


def test_what_nobody_does_comes_with_what_works(haloop: Haloop, errand_neighbour: Neighbour) -> None:
    """A sentence, examples to type, and an exit code of its own; a desk that is named must be there."""
    said = haloop("ask", "fix kitchen sink")
    assert said.code == 2
    assert "Book dinner at Zum Anker tomorrow around 7 for 2" in said.out
    assert haloop("ask", "fix it", "--json").document["outcome"] == "unsupported"
    assert haloop("ask", WORDS, "--desk", "kitchen").code == 4
    assert "  Book dinner at Zum Anker tomorrow around 7 for 2" in haloop("ask").out
