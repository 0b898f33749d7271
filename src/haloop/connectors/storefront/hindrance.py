"""What stops a visit, beside what fails: only a person gets past it, it is gone, or nobody knows what happened."""

from haloop.ports.storefront import Obstacle


class Walled(Exception):
    """Only a person gets past this."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


class Gone(Exception):
    """The shop does not have this now."""


class Unclear(Exception):
    """Nobody knows what came of the one click that counts."""
