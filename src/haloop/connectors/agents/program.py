"""The program an agent is: what its sandbox starts, and what that sees beside its folder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from haloop.connectors.agents.workplace import Workplace, seen_at
from haloop.connectors.gateway import inside
from haloop.connectors.gateway.gateway import Line
from haloop.connectors.gateway.providers import Provider
from haloop.ports.agents import Task
from haloop.ports.sandboxes import Limits, Work

_PLACEHOLDER = re.compile(r"\{(input|output|step)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """As the one who runs Haloop described it; `{input}`, `{output}` and `{step}` stand for those of the task."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: Mapping[str, Path] = field(default_factory=dict)
    model: Provider | None = None
    """Whose models it asks, by the way that Haloop opens to them."""
    answer_tokens_max: int | None = None
    """As long as an answer of theirs may be where its call does not say it; none where that is as usual."""

    def on(self, line: Line) -> "Program":
        """With that way: it finds it by the usual variables, unless it was described with others."""
        return replace(
            self,
            command=inside.command(self.command),
            environment={**inside.environment(line.provider), **self.environment},
            readable={**self.readable, **inside.readable(line.at)},
        )

    def told(self, task: Task) -> "Program":
        """With what its placeholders stand for: names that mean nothing to a shell."""
        stands_for = {"input": seen_at(task.given.name), "output": seen_at(task.output), "step": task.step}
        words = (_PLACEHOLDER.sub(lambda found: stands_for[found[1]], word) for word in self.command)
        return replace(self, command=tuple(words))


def sandbox_name(task: Task) -> str:
    """The same for each start of one attempt, so that a second is noticed."""
    return f"haloop-{task.attempt}"


def work_of(program: Program, task: Task, place: Workplace) -> Work:
    """What a sandbox is to start."""
    return Work(
        name=sandbox_name(task),
        labels={"haloop.mission_id": task.mission, "haloop.run_id": task.attempt, "haloop.step_id": task.step},
        command=program.command,
        folder=place.folder,
        readable={**program.readable, **place.closed()},
        environment=program.environment,
        image=task.image,
        network=task.network,
        limits=Limits(time=timedelta(minutes=task.minutes)),
    )
