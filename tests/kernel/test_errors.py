"""The error tree: drawn as it is, every error with a code of its own, a sentence, a next step and an exit code."""

import re

import pytest

from haloop.kernel import errors
from haloop.kernel.errors import Exit, HaloopError, Poisoned


def all_below(root: type[HaloopError]) -> list[type[HaloopError]]:
    below: list[type[HaloopError]] = []
    for child in root.__subclasses__():
        below += [child, *all_below(child)]
    return below


def family() -> list[type[HaloopError]]:
    tree: list[type[HaloopError]] = [HaloopError, *all_below(HaloopError)]
    return [error for error in tree if error.__module__ == errors.__name__]


TREE = family()
LEAVES = [error for error in TREE if not error.__subclasses__()]
DRAWN = re.compile(r"^ {4}(?P<bars>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: {2,}(?P<meaning>.+))?$", re.MULTILINE)


def drawn_parents() -> dict[str, str | None]:
    """Each name in the drawing, and the name it hangs from."""
    parents: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in DRAWN.finditer(errors.__doc__ or ""):
        depth = len(line["bars"])
        above = [(indent, name) for indent, name in above if indent < depth]
        parents[line["name"]] = above[-1][1] if above else None
        above.append((depth, line["name"]))
    return parents


def test_the_drawing_is_the_tree() -> None:
    """Every class hangs in the drawing where it hangs in the code, and nothing else is drawn."""
    coded = {error.__name__: error.__mro__[1].__name__ for error in TREE}
    assert drawn_parents() == coded | {"HaloopError": None}


def test_each_error_is_drawn_with_its_meaning() -> None:
    """The drawing says of each error what it means."""
    meanings = {line["name"]: line["meaning"] for line in DRAWN.finditer(errors.__doc__ or "")}
    assert [name for name, meaning in meanings.items() if not meaning and name != "HaloopError"] == []


def test_every_error_has_a_code_of_its_own() -> None:
    """A machine can tell any two errors apart, and codes read noun.fact."""
    codes = [error.__dict__.get("code") for error in TREE]
    assert None not in codes
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if not re.fullmatch(r"[a-z]+\.[a-z_]+", str(code))] == []


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.__name__)
def test_every_error_says_what_to_do_next(error: type[HaloopError]) -> None:
    """A person who meets it reads a sentence, and another about what to do, written for this error or its kind."""
    met = error("It happened.")
    assert (met.sentence, str(met)) == ("It happened.", "It happened.")
    assert met.next_step != HaloopError.next_step
    assert met.next_step.endswith(".")


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_every_error_ends_a_command_with_its_code(error: type[HaloopError]) -> None:
    """No error ends a command as if all were well."""
    assert error.exit in set(Exit) - {Exit.OK, Exit.SIGNER_UNKNOWN}


def test_exit_codes_are_what_scripts_rely_on() -> None:
    """The numbers are part of the interface."""
    assert {each.name: each.value for each in Exit} == {
        "OK": 0,
        "BAD": 1,
        "USAGE": 2,
        "SIGNER_UNKNOWN": 3,
        "REFUSED": 4,
        "UNUSABLE": 5,
        "POISONED": 70,
    }
    assert Poisoned.exit == 70


def test_an_error_may_be_told_more_precisely() -> None:
    """One class may carry another code and next step where it is raised, without changing it for others."""
    precise = HaloopError("It happened.", code="it.happened", next_step="Look.")
    assert (precise.code, precise.next_step) == ("it.happened", "Look.")
    assert HaloopError("It happened.").code == "haloop.error"
