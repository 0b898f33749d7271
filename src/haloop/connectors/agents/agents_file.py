"""Which agents there are: those that ship, and what whoever runs Haloop adds in a file of their own.

In its table `agents` a name stands for a program, or for another agent. docs/agents.md has an example.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.command import CommandAgent, mock_program
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.scripted import SCRIPTED_MODES, scripted_program
from haloop.connectors.agents.session import Driver
from haloop.connectors.gateway.providers import Provider
from haloop.kernel.errors import BadInput
from haloop.kernel.private import Private, replaced
from haloop.ports.agents import Autonomy

STANDARD = ("cleanup-agent", "research-agent", "planning-agent", "impl-agent")
"""Those of the workflow that ships."""
_MOCK, _SCRIPTED = "mock", "scripted"
_FAR = "the way to a model is a socket of this machine; take it out, or let sandbox.provider be another than kubernetes"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _holds_no_secret(value: str) -> str:
    found: set[Private] = set()

    def note(private: Private, text: str) -> str:
        found.add(private)
        return text

    replaced(value, note)
    if Private.HIDDEN in found:
        raise ValueError("no key enters a sandbox")
    return value


def _whole(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("it must be a whole path")
    return path


class _Described(BaseModel):
    """A program, as the file describes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    speaks: Literal["acp", "command"]
    command: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    environment: dict[str, Annotated[str, AfterValidator(_holds_no_secret)]] = {}
    readable: dict[
        Annotated[str, Field(pattern="^/")], Annotated[Path, Field(strict=False), AfterValidator(_whole)]
    ] = {}
    model: Annotated[Provider, Field(strict=False)] | None = None
    answer_tokens_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """As long as an answer may be where it does not say so in its call."""
    modes: dict[Annotated[Autonomy, Field(strict=False)], Annotated[str, Field(min_length=1, max_length=100)]] = {}
    """The one of its own that it works in, by how far its step lets it go."""

    @field_validator("answer_tokens_max")
    @classmethod
    def _has_answers(cls, answer_tokens_max: int | None, so_far: ValidationInfo) -> int | None:
        if answer_tokens_max is not None and so_far.data.get("model", answer_tokens_max) is None:
            raise ValueError("only an agent with a model has answers")
        return answer_tokens_max

    @field_validator("modes")
    @classmethod
    def _can_be_set(cls, modes: dict[Autonomy, str], so_far: ValidationInfo) -> dict[Autonomy, str]:
        if modes and so_far.data.get("speaks") == "command":
            raise ValueError("only an agent that speaks acp can be set to a mode")
        return modes

    @property
    def driver(self) -> Driver:
        program = Program(
            command=self.command,
            environment=self.environment,
            readable=self.readable,
            model=self.model,
            answer_tokens_max=self.answer_tokens_max,
        )
        match self.speaks:
            case "acp":
                return AcpAgent(program.told, self.modes)
            case "command":
                return CommandAgent(program.told)


class _AgentsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    agents: dict[str, str | _Described] = {}


def read_agents(file: Path | None = None, *, is_near: bool = True) -> Mapping[str, Driver]:
    """Every agent by its name; BadInput where the file cannot be used.

    Where agents work on other machines, no socket of this one leads from them to a model.
    """
    drivers: dict[str, Driver] = {
        _MOCK: CommandAgent(mock_program),
        _SCRIPTED: AcpAgent(scripted_program, SCRIPTED_MODES),
    }
    stands_for = dict.fromkeys(STANDARD, _SCRIPTED)
    for name, described in (_read(file) if file else {}).items():
        if not _NAME.fullmatch(name):
            raise _bad(file, f"{name!r} is no plain name")
        stands_for.pop(name, None)
        if isinstance(described, _Described) and described.model and not is_near:
            raise _bad(file, f"agents.{name}.model: {_FAR}")
        if isinstance(described, str):
            stands_for[name] = described
        else:
            drivers[name] = described.driver
    for name, other in stands_for.items():
        if other not in drivers:
            raise _bad(file, f"agents.{name}: {other!r} is no program; there are {', '.join(sorted(drivers))}")
    return {**drivers, **{name: drivers[other] for name, other in stands_for.items()}}


def _read(file: Path) -> Mapping[str, str | _Described]:
    try:
        return _AgentsFile.model_validate(tomllib.loads(file.read_text("utf-8"))).agents
    except OSError as error:
        raise _bad(file, "it cannot be read") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[-1]
        where = ".".join(str(part) for part in first["loc"] if part != _Described.__name__)
        raise _bad(file, f"{where}: {first['msg']}") from error
    except ValueError as error:
        raise _bad(file, str(error)) from error


def _bad(file: Path | None, reason: str) -> BadInput:
    return BadInput(
        f"The agents in {file} cannot be used: {reason}.",
        code="agents.file",
        next_step="Correct it; docs/agents.md says what it holds.",
    )
