"""The scripted agent as a program: one file of ours and the Python we run on, both where its sandbox can read them."""

import sys
import sysconfig
from importlib.resources import files
from pathlib import Path

from haloop.connectors.agents.program import Program
from haloop.connectors.agents.workplace import seen_at
from haloop.ports.agents import Autonomy, Task

SCRIPTED_MODES = {Autonomy.LOOK: "plan"}
"""Where its step looks, it leaves the project alone."""
_FILE = "scripted_agent.py"
_SEEN, _PYTHON_SEEN = f"/opt/haloop/{_FILE}", "/opt/haloop/python"
_SYSTEM = Path("/usr")


def scripted_program(task: Task) -> Program:
    """It plays by the name of the agent that it stands for."""
    python, readable = _interpreter()
    return Program(
        command=(python, "-I", "-B", _SEEN, task.agent, seen_at(task.given.name), seen_at(task.output)),
        readable={**readable, _SEEN: Path(str(files("haloop.connectors.agents") / _FILE))},
    )


def _interpreter() -> tuple[str, dict[str, Path]]:
    """The system's own stays where it is, because its library is found from there; any other can stand anywhere."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(sys.base_prefix)
    if prefix.is_relative_to(_SYSTEM):
        parts = (prefix / "bin" / name, Path(sysconfig.get_path("stdlib")))
        return str(parts[0]), {str(part): part for part in parts}
    return f"{_PYTHON_SEEN}/bin/{name}", {_PYTHON_SEEN: prefix}
