"""What an agent is told: the words of its kind of step, with the names of its files and why it was sent back.

The words are files in a folder, one for each agent by its name, and one for any other.
"""

from pathlib import Path
from string import Template

from haloop.connectors.agents.workplace import seen_at
from haloop.ports.agents import Task

_ANY, _SENT_BACK = "any-agent", "sent-back"


class Prompts:
    """The prompts in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def text(self, task: Task) -> str:
        """What one attempt is told."""
        beside = ", ".join(seen_at(artifact.name) for artifact in task.beside)
        words = {
            "step": task.name,
            "input": seen_at(task.given.name),
            "output": seen_at(task.output),
            "beside": beside or "none",
            "quoted": "\n".join(f"> {line}" for line in task.why.splitlines()),
        }
        names = [task.agent if self._file(task.agent).exists() else _ANY, *([_SENT_BACK] if task.why else [])]
        return "\n".join(Template(self._file(name).read_text(encoding="utf-8")).substitute(words) for name in names)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.md"
