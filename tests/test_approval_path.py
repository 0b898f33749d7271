"""The approval path can be read in one sitting: the page that lists it is true, and it stays short."""

import ast
import re
from pathlib import Path

import haloop

PRODUCT = Path(haloop.__file__).parent
PAGE = Path(__file__).parent.parent / "docs/approval-path.md"
LINES_MAX = 200

STEP = re.compile(r"^\d+\. `(\S+)::(\S+)`$", re.MULTILINE)
MENTION = re.compile(r"`(\S+\.py)::(\S+)`")


def lines_of(file: str, name: str) -> int:
    """How long a function is, with its docstring; LookupError if there is none of that name."""
    node: ast.AST = ast.parse((PRODUCT / file).read_text())
    for part in name.split("."):
        inner = [one for one in ast.iter_child_nodes(node) if getattr(one, "name", None) == part]
        if not inner:
            raise LookupError(f"{file} has no {name}")
        (node,) = inner
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return (node.end_lineno or 0) - node.lineno + 1


def test_the_path_from_gate_to_receipt_is_short() -> None:
    """A reader follows gate, approval, effect and receipt in less than 200 lines of product code."""
    steps = STEP.findall(PAGE.read_text())
    assert len(steps) >= 10
    assert sum(lines_of(file, name) for file, name in steps) < LINES_MAX


def test_whatever_the_page_names_is_there() -> None:
    """No step and no list of rules on the page has moved away."""
    for file, name in MENTION.findall(PAGE.read_text()):
        assert lines_of(file, name) > 0
