"""The modes that an agent offers of its own, such as one for planning: they are names that mean nothing to us.

The protocol has two ways to offer them: as modes, or as the values of a setting. Where an agent has both, they are the
same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acp.schema import NewSessionResponse, SessionConfigOptionSelect, SessionConfigSelectGroup

_CATEGORY = "mode"


@dataclass(frozen=True, slots=True)
class Modes:
    """Those of one session."""

    names: tuple[str, ...] = ()
    setting: str | None = None
    """The id of the setting whose values they are, where it offers them so alone."""

    @classmethod
    def of(cls, session: NewSessionResponse) -> "Modes":
        """What an agent said of them when its session was opened."""
        if session.modes:
            return cls(tuple(mode.id for mode in session.modes.available_modes))
        for option in session.config_options or ():
            if isinstance(option, SessionConfigOptionSelect) and option.category == _CATEGORY:
                return cls(tuple(_values(option)), setting=option.id)
        return cls()

    def choosing(self, session: str, name: str) -> tuple[str, dict[str, Any]]:
        """The request that sets a session to one of them, by its method and what it says."""
        if self.setting is None:
            return "session/set_mode", {"sessionId": session, "modeId": name}
        return "session/set_config_option", {"sessionId": session, "configId": self.setting, "value": name}


def _values(option: SessionConfigOptionSelect) -> Iterator[str]:
    for one in option.options:
        if isinstance(one, SessionConfigSelectGroup):
            yield from (choice.value for choice in one.options)
        else:
            yield one.value
