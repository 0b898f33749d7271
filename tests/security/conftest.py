"""What the numbered tests stand on: the same door, neighbour and town as everywhere, and a home with a past."""

from tests.api.conftest import door, live
from tests.cli.conftest import haloop, place
from tests.cli.neighbour import neighbour

__all__ = ["door", "haloop", "live", "neighbour", "place"]
