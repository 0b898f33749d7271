"""Under which terms a household's orders are placed at a shop."""

from dataclasses import dataclass
from datetime import timedelta

from haloop.connectors.storefront.recipe import Recipe
from haloop.kernel.desk import Money

PATIENCE = timedelta(seconds=30)
"""How long one page may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One shop, and what may be done there."""

    recipe: Recipe
    address: str
    dry_run: bool
    """Everything but the last click."""
    spend_max: Money | None
    """The most that one order may come to."""
    patience: timedelta = PATIENCE
