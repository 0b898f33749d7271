"""Receipts as they go over the wire."""

from pydantic import BaseModel


class ReceiptOut(BaseModel, frozen=True):
    """A receipt that can be had."""

    run: str
    gate: str
    effect: str
    file: str
    """Where the file is."""


class VerifierKeyOut(BaseModel, frozen=True):
    """What a stranger checks receipts and checkpoints with; give it to them by another way than the receipt."""

    key: str
