"""The databases of a home, opened together: the ledger once to write and once to read, and the keys.

A home that was never used gets new ones. The order in which they are made tells a new home from one that lost
its ledger: keys come after the ledger, so keys alone mean that facts were recorded and are gone.
"""

from contextlib import ExitStack
from dataclasses import dataclass

import apsw

from haloop.kernel.errors import HomeUnusable
from haloop.store import schema
from haloop.store.bodies import Bodies
from haloop.store.database import open_for_reading, open_for_writing
from haloop.store.home import Home, sync_folder
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What is open while a ledger is."""

    connection: apsw.Connection
    """The one that writes; nobody but the writer uses it once that runs."""
    reader: Reader
    keys: KeyRing
    bodies: Bodies


def open_files(place: Home, opened: ExitStack) -> Files:
    """Open a home's databases, or make them; `opened` closes them again."""
    _require_not_lost(place)
    application, version = schema.LEDGER_APPLICATION_ID, schema.VERSION
    connection = open_for_writing(place.ledger, schema=schema.LEDGER, application_id=application, version=version)
    opened.callback(connection.close)
    connection.execute(schema.INDEXES)
    keys = KeyRing.open(place.keys)
    opened.callback(keys.close)
    reader = Reader(open_for_reading(place.ledger, application_id=application, version=version))
    opened.callback(reader.close)
    sync_folder(place.path)  # a database that was just made must still be there after a power cut
    keys.count_from(reader.newest_key())
    return Files(connection=connection, reader=reader, keys=keys, bodies=Bodies(reader, keys))


def _require_not_lost(place: Home) -> None:
    """An empty ledger in the place of a lost one would allow everything a second time."""
    if place.keys.exists() and not (place.ledger.exists() and place.ledger.stat().st_size):
        raise HomeUnusable(
            f"{place.path} has keys and no ledger: ledger.db was lost.",
            code="ledger.lost",
            next_step="Restore ledger.db with haloop restore, or move keys.db away to begin anew.",
        )
