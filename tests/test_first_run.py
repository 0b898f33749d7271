"""The first example, as somebody meets it who has only the README: started, killed, started again."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "first_run.py"
SECONDS_MAX = 30

DIE_AFTER_THE_NOTE = """
import os, runpy, signal, sys
from pathlib import Path
write = Path.write_text
def write_and_die(self, text, *rest):
    done = write(self, text, *rest)
    if self.name.startswith("note-"):
        os.kill(os.getpid(), signal.SIGKILL)
    return done
Path.write_text = write_and_die
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run(folder: Path, said: str, *before: str) -> subprocess.CompletedProcess[str]:
    """Start the example, say something at the question, and let it end."""
    return subprocess.run(
        [sys.executable, *before, EXAMPLE],
        cwd=folder,
        input=said,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def notes(folder: Path) -> list[Path]:
    return sorted((folder / ".local" / "first-run").glob("note-*.txt"))


def test_a_yes_pins_the_note_and_leaves_a_receipt_that_a_stranger_can_check(tmp_path: Path) -> None:
    """The command it prints proves the receipt with nothing but Python."""
    told = run(tmp_path, "yes\n")
    (command,) = re.findall(r"^python3 (tools/verify_receipt.py .*)$", told.stdout, re.MULTILINE)
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    checked = subprocess.run(
        ["bash", "-c", f"{sys.executable} {command}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert checked.stdout.splitlines()[-1].startswith("PROVED: 4 event(s)")
    assert len(notes(tmp_path)) == 1


def test_a_no_pins_nothing(tmp_path: Path) -> None:
    """Whatever is neither a yes nor a no is asked again; a no is final, and it says so."""
    told = run(tmp_path, "perhaps\n\nno\n")
    assert "refused" in told.stdout
    assert notes(tmp_path) == []


def test_killed_at_the_question_it_asks_again(tmp_path: Path) -> None:
    """With the plug pulled before an answer nothing has happened, and the same run asks once more."""
    asking = subprocess.Popen(
        [sys.executable, "-u", EXAMPLE], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    assert asking.stdin is not None
    shown = ""
    while "Do it?" not in shown:
        shown += asking.stdout.read(1)
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    asking.stdin.close()
    asking.stdout.close()
    again = run(tmp_path, "yes\n")
    assert "Do it?" in again.stdout
    assert len(notes(tmp_path)) == 1


def test_killed_after_the_yes_it_goes_on_without_asking_and_pins_once(tmp_path: Path) -> None:
    """With the plug pulled after the act and before its record, the same key finds the same note."""
    died = run(tmp_path, "yes\n", "-c", DIE_AFTER_THE_NOTE)
    assert died.returncode == -signal.SIGKILL
    again = run(tmp_path, "")
    assert "Do it?" not in again.stdout
    assert "It happened." in again.stdout
    assert len(notes(tmp_path)) == 1


def test_end_of_input_is_no_answer(tmp_path: Path) -> None:
    """Nobody at the terminal: the gate stays open and the next start asks."""
    unanswered = run(tmp_path, "")
    assert unanswered.returncode == 0
    assert "still waits" in unanswered.stdout
    assert "It happened." in run(tmp_path, "yes\n").stdout


@pytest.mark.parametrize("line", ["haloop.testing", "sqlite", "asyncio.sleep"])
def test_the_example_needs_no_tricks(line: str) -> None:
    """What a newcomer reads uses the public names alone."""
    assert line not in EXAMPLE.read_text(encoding="utf-8")


def test_the_readme_says_how_to_start_it() -> None:
    """What the README tells a newcomer to type is this example, and the example says the same."""
    command = f".venv/bin/python {EXAMPLE.relative_to(ROOT)}"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert command in EXAMPLE.read_text(encoding="utf-8")
