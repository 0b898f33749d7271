"""What the README tells a stranger to type works, and what it must admit it admits."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from haloop.connectors.agents.agents_file import read_agents
from haloop.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands_with(word: str) -> str:
    """The README's block of shell commands that mentions a word."""
    (block,) = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if word in block]
    return str(block)


def type_in(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Type commands into a shell, in a folder that looks like the checkout."""
    for name in ("examples", "tools"):
        (folder / name).symlink_to(ROOT / name)
    return subprocess.run(["bash", "-c", commands], cwd=folder, capture_output=True, text=True, check=False)


def test_the_sample_receipt_is_proved_as_the_readme_says(tmp_path: Path) -> None:
    """Whoever copies the command from the README sees the sample proved."""
    done = type_in(commands_with("--person"), tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("PROVED")


def test_a_broken_byte_is_named_as_the_readme_says(tmp_path: Path) -> None:
    """Whoever breaks one byte, as the README invites them to, is told which event is bad."""
    done = type_in(commands_with("broken.json"), tmp_path)
    assert done.returncode == 1
    assert "event 3 (effect.happenes" in done.stdout


def test_the_first_example_leaves_a_receipt_that_is_proved(tmp_path: Path) -> None:
    """The command the first example prints proves the receipt it wrote, with the private call undisclosed."""
    told = subprocess.run(
        [sys.executable, ROOT / "examples" / "first_ledger.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    (command,) = re.findall(r"^  python3 (tools/verify_receipt.py .*)$", told.stdout, re.MULTILINE)
    done = type_in(f"{sys.executable} {command}", tmp_path)
    assert done.stdout.splitlines()[-1].startswith("PROVED: 3 event(s)")
    assert "call: (not disclosed or erased)" in done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/reliability.md"])
def test_the_docs_say_which_copies_cannot_be_noticed(page: str) -> None:
    """Nobody reads our promise without reading that a clone elsewhere goes unnoticed without a checkpoint."""
    said = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert re.search(r"(clone|copy) on another (host|machine),( or)? a rolled-back virtual machine", said)


def test_nobody_is_promised_that_something_happens_exactly_once() -> None:
    """The words stand only where it is said that they are not promised, in what people read and in the product."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.py"), *ROOT.glob("examples/**/*.py")]
    said = [line for page in pages for line in _sentences(page) if re.search(r"exactly[ -]once", line, re.IGNORECASE)]
    assert [line for line in said if not re.search(r"never|nobody|cannot", line, re.IGNORECASE)] == []


def test_the_readme_says_at_most_once() -> None:
    """What is promised is said in these words, on the first page."""
    assert "At most once per approval" in README


def _sentences(page: Path) -> list[str]:
    return re.split(r"(?<=[.;])\s", " ".join(page.read_text(encoding="utf-8").split()))


def test_the_readme_says_what_an_agent_with_your_shell_is() -> None:
    """The one thing no approval can stop is said plainly."""
    assert "An agent that holds your shell is otherwise you" in README


def test_what_switches_an_agent_on_is_read_as_the_readme_says_it(tmp_path: Path) -> None:
    """Both files, as they stand there, name an agent, its model, the key and what may be spent."""
    agents, config = [block for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "agents." in block]
    (tmp_path / "agents.toml").write_text(agents)
    (tmp_path / "config.toml").write_text(config.replace("~/.haloop", str(tmp_path)))

    settings = Settings.read({}, home=tmp_path)

    assert settings.agents_file == tmp_path / "agents.toml"
    assert settings.gateway_anthropic_key_file == Path("/home/me/anthropic-key")
    assert settings.gateway_usd_max == "5.00"
    assert "impl-agent" in read_agents(settings.agents_file)
