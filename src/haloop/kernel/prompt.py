"""A prompt: what a model is asked, whichever model that is.

What it is to do stands in our own words and is no secret: nothing in it gives any authority, and whoever reads it
has learned nothing. The words it is to work on are somebody's, and the form is the only thing its answer may be.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

TOKENS_MAX = 1_000


class Prompt(BaseModel):
    """A question to a model."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    does: str
    """What the model is to do, in our words."""
    words: str
    """What it is to do that with, in somebody's; what is private in them does not leave the house."""
    form: dict[str, Any]
    """The JSON schema of the answer."""
    private: tuple[str, ...] = ()
    """What else must not leave, because whoever asks knows it to be somebody's: names."""
    tokens_max: int = Field(default=TOKENS_MAX, ge=1)
    """How long the answer may be."""
