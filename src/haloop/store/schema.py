"""The tables of a home, in the order a fact passes through them.

`ledger.db` holds the truth: each event's header bytes (the leaf), the hashes of its parts, and the
encrypted parts. All other tables in it are projections, which `haloop verify` rebuilds from the events and
compares. `position` is an event's place in the whole file: its tree's number and its leaf index in one
integer, so that a tree is one range of rows and a proof can read any leaf directly. `keys.db` holds the
keys that open the parts, by number and without a name, so that forgetting one leaves no trace of whose it
was.
"""

from haloop.kernel.errors import NotFound

LEDGER_APPLICATION_ID = 0x48414C4F
KEYS_APPLICATION_ID = 0x48414C4B
VERSION = 1

TREE_BITS = 40
"""A position is `tree << TREE_BITS | leaf index`."""

INDEXES = """
CREATE INDEX IF NOT EXISTS effect_event ON event (position) WHERE kind >= 'effect.' AND kind < 'effect/';
CREATE INDEX IF NOT EXISTS started_event ON event (position) WHERE kind = 'run.started';
CREATE INDEX IF NOT EXISTS artifact_event ON event (position) WHERE kind = 'artifact.added';
CREATE INDEX IF NOT EXISTS personal_part ON part (key_id) WHERE personal = 1;
CREATE INDEX IF NOT EXISTS subject_person ON subject (tree, person);
"""
"""Where things are looked up; a home that an earlier Haloop made gets the newer ones when it is opened."""

TABLES = """
-- The truth.
CREATE TABLE event (
    position  INTEGER PRIMARY KEY,
    run       INTEGER NOT NULL,            -- copies of what the header says, for looking things up
    run_seq   INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    ts        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    header    BLOB    NOT NULL,            -- canonical bytes: the leaf
    parts     BLOB    NOT NULL,            -- canonical bytes: part name to part hash, what the commitment covers
    leaf_hash BLOB    NOT NULL,            -- level 0 of the tree's tiles
    UNIQUE (run, run_seq)
) STRICT;
CREATE TABLE part (
    position INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    key_id   INTEGER NOT NULL,             -- in keys.db: the run's key, or the data subject's
    personal INTEGER NOT NULL,             -- 1: the key is a data subject's
    wrapped  BLOB    NOT NULL,             -- the part's own key and salt, under that key
    body     BLOB    NOT NULL,             -- the part's bytes, under its own key
    PRIMARY KEY (position, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE subject (                     -- whose a data subject's key is
    key_id INTEGER PRIMARY KEY,
    tree   INTEGER NOT NULL,
    person TEXT    NOT NULL
) STRICT;
CREATE TABLE checkpoint (                  -- every signed note that may have left this machine
    tree  INTEGER NOT NULL,
    epoch INTEGER NOT NULL,                -- part of the origin; rises when the ledger went back
    size  INTEGER NOT NULL,
    note  TEXT    NOT NULL,
    UNIQUE (tree, epoch, size, note)       -- a new signing key signs the same size again
) STRICT;

-- Projections.
CREATE TABLE tree (
    tree    INTEGER PRIMARY KEY,
    account TEXT    NOT NULL UNIQUE,
    size    INTEGER NOT NULL,
    ts      INTEGER NOT NULL,
    range   BLOB    NOT NULL               -- the compact range
) STRICT;
CREATE TABLE run (
    run    INTEGER PRIMARY KEY,
    run_id TEXT    NOT NULL UNIQUE,
    tree   INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    ended  INTEGER                         -- leaf index of the event that ended it
) STRICT;
CREATE TABLE claim (
    tree     INTEGER NOT NULL,
    claim    BLOB    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tree, claim)
) STRICT, WITHOUT ROWID;
CREATE TABLE node (                        -- the tree's tiles above level 0, one hash a row
    tree       INTEGER NOT NULL,
    level      INTEGER NOT NULL,
    node_index INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    PRIMARY KEY (tree, level, node_index)
) STRICT, WITHOUT ROWID;
CREATE TABLE erased_key (
    key_id   INTEGER PRIMARY KEY,
    position INTEGER NOT NULL              -- of the event that says so
) STRICT;
CREATE TABLE erased_part (
    part_position INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    position      INTEGER NOT NULL,
    PRIMARY KEY (part_position, name)
) STRICT, WITHOUT ROWID;
"""

LEDGER = TABLES + INDEXES

KEYS = """
CREATE TABLE key (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, even after a deletion
    key    BLOB    NOT NULL
) STRICT;
"""


def position(tree: int, index: int) -> int:
    """Where an event lies; an index that would reach into another tree is nobody's."""
    if not 0 <= index < 1 << TREE_BITS:
        raise NotFound(f"There is no event {index}.")
    return tree << TREE_BITS | index


def place(at: int) -> tuple[int, int]:
    """The tree's number and the leaf index of a position."""
    return at >> TREE_BITS, at & ((1 << TREE_BITS) - 1)
