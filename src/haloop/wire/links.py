"""Where a link leads, as it goes over the wire."""

from pydantic import BaseModel


class Opened(BaseModel, frozen=True):
    """What there is to look at."""

    run: str
