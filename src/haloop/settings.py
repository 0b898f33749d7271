"""Where things are, read once at the edge and handed in from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "HALOOP_HOME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one invocation works with."""

    home: Path
    """The folder that holds everything of this installation."""
    state: Path
    """The folder outside the home that remembers its newest checkpoints."""

    @classmethod
    def read(cls, environment: Mapping[str, str], *, home: Path | None = None) -> "Settings":
        """Flags win over the environment, the environment over the defaults."""
        chosen = home or Path(environment.get(HOME_VARIABLE) or "~/.haloop")
        state = Path(environment.get("XDG_STATE_HOME") or "~/.local/state")
        return cls(home=chosen.expanduser().absolute(), state=state.expanduser().absolute() / "haloop")
