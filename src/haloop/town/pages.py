"""A book of the town's, as a file: read when the town is served, and written whole before anybody is answered."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def read_pages(kind: type[M], file: Path | None) -> M:
    """What was written; empty pages without a file."""
    return kind() if file is None or not file.exists() else kind.model_validate_json(file.read_bytes())


def write_pages(pages: BaseModel, file: Path | None) -> None:
    """All of it or nothing of it."""
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(pages.model_dump_json(indent=1), encoding="utf-8")
    part.replace(file)
