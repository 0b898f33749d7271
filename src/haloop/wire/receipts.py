"""Receipts as they go over the wire."""

from pydantic import BaseModel


class ReceiptOut(BaseModel, frozen=True):
    """A receipt that can be had."""

    run: str
    gate: str
    effect: str
    file: str
    """Where the file is."""


class Opinion(BaseModel, frozen=True):
    """What this Haloop itself finds of a receipt it gives out; whoever must be sure checks the file elsewhere."""

    opinion_of: str = "this Haloop, of its own receipt"
    holds: bool
    sentence: str
    """What was found, or the first thing that does not hold."""
    said_yes: list[str]
    """For each yes in it, by what it is proved."""
    key: str
    """The key it was held against."""
    file: str
    """Where the file is, for another opinion."""


class VerifierKeyOut(BaseModel, frozen=True):
    """What a stranger checks receipts and checkpoints with; give it to them by another way than the receipt."""

    key: str
