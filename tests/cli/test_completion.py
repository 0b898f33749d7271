"""Shell completion, as docs/cli.md has it: a real shell is told the line, and offers what may come next."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.conftest import REPOSITORY

FOLDER = Path(sys.executable).parent
ASK = """
{line}
COMP_WORDS=({words})
COMP_CWORD={last}
_haloop_completion haloop
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def _lines() -> dict[str, str]:
    """What the page has people put into their shell's configuration."""
    page = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    found = [line for line in page.splitlines() if "_HALOOP_COMPLETE=" in line]
    return {line.rpartition("#")[2].strip(): line.rpartition("#")[0].strip() for line in found}


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": f"{FOLDER}:{os.environ['PATH']}", "HALOOP_HOME": str(home), "HOME": str(home)}


def test_the_page_has_a_line_for_three_shells() -> None:
    """Each names its own."""
    assert {shell: f"{shell}_source" in line for shell, line in _lines().items()} == dict.fromkeys(
        ("bash", "zsh", "fish"), True
    )


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("haloop", "st"), {"start", "status", "stop", "stop-agents"}),
        (("haloop", "tokens", "n"), {"new"}),
        (("haloop", "grant", "re"), {"revoke"}),
        (("haloop", "approve", "--re"), {"--read", "--revision"}),
        (("haloop", "--ho"), {"--home"}),
        (("haloop", "--ac"), {"--account"}),
    ],
)
def test_bash_offers_commands_and_options(tmp_path: Path, words: tuple[str, ...], offered: set[str]) -> None:
    """The line of the page in a real bash: also below a command that is loaded when it is typed."""
    script = ASK.format(line=_lines()["bash"], words=" ".join(words), last=len(words) - 1)
    said = subprocess.run(
        ["bash", "--norc", "-c", script], env=_environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr, set(said.stdout.split())) == (0, "", offered)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_given_a_script_of_theirs(tmp_path: Path, shell: str) -> None:
    """It defines the completion of `haloop`; where that shell is installed, it finds no fault in the script."""
    environment = {**_environment(tmp_path), "_HALOOP_COMPLETE": f"{shell}_source"}
    script = subprocess.run(["haloop"], env=environment, capture_output=True, text=True, check=True).stdout
    assert "_haloop_completion" in script
    assert f"{shell}_complete" in script
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=script, text=True, check=False).returncode == 0
