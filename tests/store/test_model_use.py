"""What models were used for: it is kept over the versions of its file, and counting more never takes longer."""

from pathlib import Path

import apsw
import pytest

from haloop.kernel.failure import Permanent
from haloop.ports.models import Budget, Cost, Expense, Spender, Spent
from haloop.store.model_use import AgentUse, ModelUse
from haloop.testing.clock import START

A_DAY = Budget(tokens=1_000)
FIRST = """
CREATE TABLE call (id INTEGER PRIMARY KEY, household TEXT NOT NULL, day TEXT NOT NULL, tokens INTEGER NOT NULL) STRICT;
CREATE INDEX call_day ON call (day, household);
INSERT INTO call VALUES (1, 'acc_ana', '2027-01-15', 7);
"""
SECOND = """
ALTER TABLE call ADD COLUMN mission    TEXT    NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN attempt    TEXT    NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN cached     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN micros     INTEGER NOT NULL DEFAULT 0;
CREATE INDEX call_attempt ON call (attempt);
CREATE INDEX call_mission ON call (mission);
INSERT INTO call VALUES
    (2, 'acc_ana', '2027-01-15', 300, 'm-1', 'r-1', 100, 50, 9),
    (3, 'acc_ana', '2027-01-15', 400, 'm-1', 'r-1', 0, 0, 1),
    (4, 'acc_ana', '2027-01-15', 60, 'm-1', 'r-2', 60, 0, 0);
"""


def call(tokens: int, attempt: str = "r-1") -> Expense:
    """One that may come to so many."""
    return Expense(spender=Spender(household="acc_ana", mission="m-1", attempt=attempt), at_most=Cost(tokens_in=tokens))


def counted(use: AgentUse, tokens: int, came_to: Cost) -> None:
    """One that was made."""
    reservation = use.reserve(call(tokens), now=START)
    assert reservation is not None
    use.settle(reservation, came_to)


def rows(home: Path) -> int:
    """How many are in the file, whatever they are about."""
    file = apsw.Connection(str(home / "models.db"))
    tables = [str(name) for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return sum(count for table in tables for (count,) in file.execute(f"SELECT count(*) FROM {table}"))


@pytest.mark.parametrize("versions", [(FIRST,), (FIRST, SECOND)])
def test_use_of_the_versions_before_is_kept(tmp_path: Path, versions: tuple[str, ...]) -> None:
    """Of the reading of plain words, and of each attempt that was counted call by call."""
    file = apsw.Connection(str(tmp_path / "models.db"))
    file.execute("".join((*versions, f"PRAGMA application_id={0x48414C4D}; PRAGMA user_version={len(versions)}")))
    file.close()

    with AgentUse.opened(tmp_path, for_day=A_DAY) as use, ModelUse.opened(tmp_path, tokens_max=10) as words:
        assert words.used("acc_ana", now=START).tokens == 7
        if SECOND in versions:
            assert use.used_in("m-1") == {
                "r-1": Cost(tokens_in=600, tokens_out=100, cached=50, micros=10),
                "r-2": Cost(tokens_out=60),
            }
            with pytest.raises(Spent, match=r"760 are used, and its next call may take 241\."):
                use.reserve(call(241), now=START)


def test_calls_without_end_leave_no_more_than_one(tmp_path: Path) -> None:
    """An agent makes those that cost nothing as fast as it can: there is nothing more to add up for the next."""
    with AgentUse.opened(tmp_path, for_day=A_DAY) as use:
        for _ in range(50):
            counted(use, 900, Cost())
        counted(use, 900, Cost(tokens_in=30, micros=4))

        assert use.used_by("r-1") == Cost(tokens_in=30, micros=4)
        assert rows(tmp_path) == 1


def test_what_is_under_way_is_counted_once(tmp_path: Path) -> None:
    """As reserved while it is, and as used after it; for a call that would be too dear beside it there is room then."""
    with AgentUse.opened(tmp_path, for_day=A_DAY) as use:
        first = use.reserve(call(600), now=START)
        assert first is not None
        assert use.used_by("r-1") == Cost(tokens_in=600)
        assert use.reserve(call(600, "r-2"), now=START) is None

        use.settle(first, Cost(tokens_in=100, tokens_out=20))

        assert use.used_by("r-1") == Cost(tokens_in=100, tokens_out=20)
        assert use.reserve(call(880, "r-2"), now=START) is not None


def test_what_an_attempt_used_is_said_to_be_unreadable(tmp_path: Path) -> None:
    """By a word that those who ask for it know."""
    with AgentUse.opened(tmp_path, for_day=A_DAY) as use:
        broken = use

    with pytest.raises(Permanent, match="cannot be read"):
        broken.used_by("r-1")
