"""The page of security is true: every item stands there once, and every test it names is there and is collected."""

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "security.md"
ROW = re.compile(r"\| (\d+) \| [^|]+ \| ([^|]+) \|")
TEST = re.compile(r"`(tests/[^`]+::[^`]+)`")
OWN = re.compile(r"(?m)^(?:async )?def (test_(\d\d)_\w+)")


def _rows() -> dict[int, str]:
    return {int(number): said for number, said in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def test_every_item_stands_there_once_with_a_test_or_a_reason() -> None:
    """1 to 25, none twice; an item without a test says why."""
    numbers = [int(number) for number, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert numbers == list(range(1, 26))
    assert [number for number, said in _rows().items() if not TEST.search(said) and "*Not yet:*" not in said] == []


def test_every_test_with_a_number_stands_in_its_row() -> None:
    """What was written for this page is on it."""
    rows = _rows()
    missing = [
        name
        for file in sorted(Path(__file__).parent.glob("test_*.py"))
        for name, number in OWN.findall(file.read_text(encoding="utf-8"))
        if f"{file.relative_to(REPOSITORY)}::{name}`" not in rows[int(number)]
    ]
    assert missing == []


def test_every_test_it_names_is_collected() -> None:
    """pytest itself finds each of them."""
    named = {test for said in _rows().values() for test in TEST.findall(said)}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *sorted(named)]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    found = {line.partition("[")[0] for line in said.stdout.splitlines()}
    assert said.returncode == 0, said.stdout + said.stderr
    assert named <= found
