"""What desk authors can write and cannot: both type checkers accept `typing_tests/good.py` in full, and complain of
`typing_tests/misuse.py` on the very lines that are marked as wrong, no more and no fewer."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
LIMIT_SECONDS = 120

Complaints = set[tuple[str, int]]


def mypy() -> Complaints:
    """Where mypy --strict complains."""
    said = _run("mypy", "--strict", "--no-pretty", "--hide-error-context", "typing_tests")
    found = re.findall(r"^typing_tests/(\w+)\.py:(\d+)\S* error:", said, re.MULTILINE)
    return {(name, int(line)) for name, line in found}


def pyright() -> Complaints:
    """Where pyright complains."""
    said = json.loads(_run("pyright", "--outputjson", "--pythonpath", sys.executable, "typing_tests"))
    errors = [one for one in said["generalDiagnostics"] if one["severity"] == "error"]
    return {(Path(one["file"]).stem, one["range"]["start"]["line"] + 1) for one in errors}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_the_checkers_accept_what_is_right_and_name_each_misuse(checker: Callable[[], Complaints]) -> None:
    """A type checker complains of every planted misuse on its line, and of nothing else."""
    assert checker() == _marked("misuse")


def _marked(name: str) -> Complaints:
    lines = (HOUSE / "typing_tests" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    return {(name, number) for number, line in enumerate(lines, start=1) if "  # wrong: " in line}


def _run(tool: str, *arguments: str) -> str:
    """What a checker says; the one thing it may not do is fail to start."""
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=HOUSE,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
