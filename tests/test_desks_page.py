"""The page on writing a desk tells the truth: its code is a desk, and its tests pass."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs/desks.md").read_text(encoding="utf-8")


def files_of_the_page() -> dict[str, str]:
    """The code of the page by file: a block that names one begins it, the others go on with it."""
    files: dict[str, str] = {}
    name = ""
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        named = re.match(r"# (\S+\.py)\n", block)
        name = named[1] if named else name
        files[name] = f"{files.get(name, '')}\n\n{block}"
    return files


def test_the_desk_of_the_page_passes_its_own_tests(tmp_path: Path) -> None:
    """Whoever copies the page has a desk that works, and tests that show it."""
    for name, code in files_of_the_page().items():
        (tmp_path / name).write_text(code)
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout
    assert "6 passed" in told.stdout


def test_the_code_of_the_page_is_typed(tmp_path: Path) -> None:
    """An author's type checker accepts it, strictly."""
    for name, code in files_of_the_page().items():
        (tmp_path / name).write_text(code)
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tea.py", "test_tea.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout
