"""How one version of a file differs from another, as far as a card has room for it."""

from difflib import unified_diff

from haloop.ports.agents import Difference

SHOWN_MAX = 12_000
"""Characters. A longer difference is read on the mission's page."""
LINES_MAX = 20_000
"""Files of more lines are not compared line by line: that takes minutes."""
_CONTEXT = 2


def difference_of(before: bytes, after: bytes) -> Difference:
    """Count and show the lines that are different; bytes that are no text are replaced by a sign."""
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > LINES_MAX:
        return Difference(added=len(new), removed=len(old), shown="")
    lines = list(unified_diff(old, new, n=_CONTEXT, lineterm=""))[2:]
    shown = "\n".join(_seen(line) for line in lines)
    return Difference(
        added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
        shown=shown if len(shown) <= SHOWN_MAX else f"{shown[:SHOWN_MAX]}\n…",
    )


def _seen(line: str) -> str:
    """What nobody can see becomes a sign: spelled out it would be six times as long."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in line[:SHOWN_MAX])


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines()
