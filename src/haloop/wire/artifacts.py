"""Artifacts as they go over the wire: what is told of each; the bytes go as they are."""

from pydantic import BaseModel


class ArtifactOut(BaseModel, frozen=True):
    """A file that a run refers to."""

    run: str
    digest: str
    """The SHA-256 of its bytes, in hex."""
    size: int
    name: str
    media_type: str
    """As whoever gave it said; it is handed out as a file to keep, whatever this is."""
    by: str
    at: str
    file: str
    """Where the bytes are."""
