"""The example that books a table, as a newcomer runs it: one question, one reservation, one receipt."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 60


def run(folder: Path, said: str) -> str:
    """Start the example, say something at the question, and let it end."""
    told = subprocess.run(
        [sys.executable, ROOT / "examples" / "book_table.py"],
        cwd=folder,
        input=said,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    return told.stdout


def test_a_yes_reserves_a_table_and_leaves_a_receipt_that_a_stranger_can_check(tmp_path: Path) -> None:
    """Started again it neither asks nor reserves again, and the receipt is proved with nothing but Python."""
    first, second = run(tmp_path, "yes\n"), run(tmp_path, "yes\n")

    (command,) = re.findall(r"^python3 (tools/verify_receipt.py .*)$", first, re.MULTILINE)
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    checked = subprocess.run(
        ["bash", "-c", f"{sys.executable} {command}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert checked.stdout.splitlines()[-1].startswith("PROVED")
    assert "Do it?" not in second
    assert first.count("In the book of") == second.count("In the book of") == 1


def test_a_no_reserves_nothing(tmp_path: Path) -> None:
    """The restaurant's book stays empty."""
    told = run(tmp_path, "no\n")

    assert "refused" in told
    assert "In the book of" not in told
