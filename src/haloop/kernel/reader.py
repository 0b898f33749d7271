"""Who read somebody's plain words: the built-in reader, or a model."""

from dataclasses import dataclass

from haloop.kernel.canonical import Canonical

BUILT_IN = "builtin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who read somebody's words, as it stands beside what was understood."""

    name: str = BUILT_IN
    """The model's name and where it is, or that it was the built-in reader."""
    instead: str = ""
    """Why no model did, where one is there; and empty where it did."""
    attempts: int = 0
    """How often the model was asked."""
    prompt: str = ""
    """The hash of what it was asked, without the words."""

    def as_canonical(self) -> Canonical:
        return {"attempts": self.attempts, "instead": self.instead, "name": self.name, "prompt": self.prompt}
