"""Whether it runs, for whoever watches the process: nothing of anybody's is said here."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """It answers."""

    status: str = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """Whether the process answers at all."""
    return Health()
