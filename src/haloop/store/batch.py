"""What one commit adds: submissions admitted one by one onto copies, then written in a few statements.

The Index is what the writer remembers between commits: each account's tree and the heads of runs lately
used. A Batch borrows it. Admission checks everything that may rightly fail (is this next, is it this
account's, is the claim free) before it changes anything, so that a refused submission leaves no trace and
whatever fails afterwards is a fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import apsw

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import Checkpoint
from haloop.kernel.errors import ClaimTaken, Conflict, ForeignRun, NotFound, OutOfSequence
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import ACCOUNT_OPENED, RUN_ENDED, START, Head, origin
from haloop.kernel.merkle import CompactRange
from haloop.store.database import read_one
from haloop.store.schema import position
from haloop.store.submission import Leaf, Submission

_RUNS_MAX = 20_000
_ROWS_MAX = 64

# Each statement lets go of the interpreter, and taking it back from a busy event loop costs more than what the
# statement does: so one for a whole batch.
_RUNS = (
    "SELECT run_id, run, account, key_id, run_seq, leaf_hash FROM json_each(?) JOIN run ON run_id = value"
    " JOIN tree USING (tree) JOIN event USING (run)"
    " WHERE run_seq = (SELECT max(run_seq) FROM event AS newest WHERE newest.run = run.run)"
)
_CLAIMS = "SELECT tree, claim FROM json_each(?) JOIN claim ON tree = value ->> 0 AND claim = unhex(value ->> 1)"
_END = "UPDATE run SET ended = value ->> 0 FROM json_each(?) WHERE run = value ->> 1 AND ended IS NULL"


@dataclass(slots=True)
class TreeState:
    """One account's tree as it stands."""

    number: int
    range: CompactRange
    ts: int

    def copy(self) -> "TreeState":
        return TreeState(self.number, self.range.copy(), self.ts)


class RunState(NamedTuple):
    """One chain as it stands."""

    number: int
    account: AccountId
    key_id: int
    head: Head


class Index:
    """What is durable, as far as the writer needs it in memory."""

    def __init__(self, connection: apsw.Connection, *, epoch: int) -> None:
        self.epoch = epoch
        self.trees = _read_trees(connection)
        self.runs: dict[RunId, RunState] = {}
        self.next_run = _next(connection, "SELECT max(run) FROM run")
        self.next_tree = _next(connection, "SELECT max(tree) FROM tree")

    def install(self, batch: "Batch") -> None:
        """Take over what a batch made, now that it is durable."""
        self.trees |= batch.trees
        self.runs |= batch.runs
        self.next_run, self.next_tree = batch.next_run, batch.next_tree
        if len(self.runs) > _RUNS_MAX:
            for run_id in list(self.runs)[: _RUNS_MAX // 2]:
                del self.runs[run_id]

    def checkpoint(self, account: AccountId) -> Checkpoint:
        tree = self.trees[account].range
        return Checkpoint(origin=origin(account, self.epoch), size=tree.size, root=tree.root())


class Batch:
    """The next commit in the making."""

    def __init__(self, connection: apsw.Connection, index: Index) -> None:
        self._connection = connection
        self._index = index
        self.trees: dict[AccountId, TreeState] = {}
        self.runs: dict[RunId, RunState] = {}
        self.next_run = index.next_run
        self.next_tree = index.next_tree
        self._found: dict[RunId, RunState] = {}
        self._taken: set[tuple[int, bytes]] = set()
        self._claims: dict[tuple[int, bytes], int] = {}
        self._new_runs: list[tuple[object, ...]] = []
        self._ended: list[tuple[int, int]] = []
        self._events: list[tuple[object, ...]] = []
        self._parts: list[tuple[object, ...]] = []
        self._subjects: list[tuple[object, ...]] = []
        self._nodes: list[tuple[object, ...]] = []

    @property
    def touched(self) -> set[AccountId]:
        """The accounts whose trees grow."""
        return set(self.trees)

    def look_up(self, submissions: Sequence[Submission]) -> None:
        """Ask in two questions what admission must know of the disk: the runs not touched lately, and the claims."""
        named = {submission.chain.run_id for submission in submissions} - self._index.runs.keys()
        for run_id, number, account, key_id, run_seq, newest in self._ask(_RUNS, list(named)):
            self._found[run_id] = RunState(number, account, key_id, Head(run_seq=run_seq, hash=newest))
        self._taken.update(self._ask(_CLAIMS, [claim for one in submissions for claim in self._claims_of(one)]))

    def admit(self, submission: Submission) -> None:
        """Add a submission, or raise the conflict that keeps it out."""
        run_id, account = submission.chain.run_id, submission.chain.account
        run = self.runs.get(run_id) or self._index.runs.get(run_id) or self._found.get(run_id)
        _require_next(submission, run)
        tree = self._tree(submission)
        self._require_free(tree, submission)
        self.trees[account] = tree
        number = self._open(tree, submission) if run is None else run.number
        submission.indexes = tuple([self._add(tree, number, leaf) for leaf in submission.leaves])
        for key_id, person in submission.subjects:
            self._subjects.append((key_id, tree.number, person))
        self.runs[run_id] = RunState(number, account, submission.key_id, submission.head)

    def write(self) -> None:
        """Put everything into the open transaction, by fixed statements."""
        self._insert("event", self._events)
        self._insert("part", self._parts)
        self._insert("run", self._new_runs)
        self._insert("node", self._nodes)
        self._insert("claim", [(*key, at) for key, at in self._claims.items()])
        self._ask(_END, self._ended)
        self._change("INSERT OR IGNORE INTO subject VALUES (?, ?, ?)", self._subjects)
        self._change(
            "INSERT INTO tree VALUES (?, ?, ?, ?, ?) ON CONFLICT (tree) DO UPDATE SET"
            " size = excluded.size, ts = excluded.ts, range = excluded.range",
            [
                (tree.number, account, tree.range.size, tree.ts, tree.range.to_bytes())
                for account, tree in self.trees.items()
            ],
        )

    def _change(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            self._connection.executemany(statement, rows)

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert rows many at a time: each statement lets go of the interpreter, and taking it back costs more
        than writing a row. Sizes are powers of two, so that a few prepared statements serve every batch."""
        at = 0
        while at < len(rows):
            count = min(_ROWS_MAX, 1 << (len(rows) - at).bit_length() - 1)
            chunk = rows[at : at + count]
            self._connection.execute(_insertion(table, len(chunk[0]), count), tuple(chain.from_iterable(chunk)))
            at += count

    def _ask(self, statement: str, values: Sequence[Canonical]) -> Sequence[tuple[Any, ...]]:
        """Run one statement over many values, handed over as a JSON array."""
        if not values:
            return ()
        return list(self._connection.execute(statement, (canonical.encode(values).decode(),)))

    def _claims_of(self, submission: Submission) -> Iterator[tuple[int, str]]:
        tree = self._index.trees.get(submission.chain.account)
        if tree is not None:
            yield from ((tree.number, leaf.claim.hex()) for leaf in submission.leaves if leaf.claim is not None)

    def _tree(self, submission: Submission) -> TreeState:
        """The account's tree, copied on its first use in this batch; made by the account's own first fact."""
        account = submission.chain.account
        tree = self.trees.get(account)
        if tree is not None:
            return tree
        durable = self._index.trees.get(account)
        if durable is not None:
            return durable.copy()
        if not submission.chain.is_own or submission.leaves[0].kind != ACCOUNT_OPENED:
            raise Conflict(f"There is no account {account}.", code=NotFound.code, next_step=NotFound.next_step)
        self.next_tree += 1
        return TreeState(self.next_tree - 1, CompactRange(), 0)

    def _require_free(self, tree: TreeState, submission: Submission) -> None:
        seen: set[bytes] = set()
        for leaf in submission.leaves:
            if leaf.claim is None:
                continue
            if leaf.claim in seen or self._is_taken(tree.number, leaf.claim):
                raise ClaimTaken(f"The claim of {leaf.kind} in {submission.chain.run_id} is taken.")
            seen.add(leaf.claim)

    def _is_taken(self, tree: int, claim: bytes) -> bool:
        return (tree, claim) in self._claims or (tree, claim) in self._taken

    def _open(self, tree: TreeState, submission: Submission) -> int:
        number = self.next_run
        self.next_run += 1
        self._new_runs.append((number, submission.chain.run_id, tree.number, submission.key_id, None))
        return number

    def _add(self, tree: TreeState, run: int, leaf: Leaf) -> int:
        index = tree.range.size
        at = position(tree.number, index)
        assert leaf.ts >= tree.ts, "time went back within a tree"
        tree.ts = leaf.ts
        for node in tree.range.append(leaf.hash):
            self._nodes.append((tree.number, node.level, node.index, node.hash))
        self._events.append(
            (at, run, leaf.run_seq, leaf.kind, leaf.ts, leaf.actor, leaf.header, leaf.part_hashes, leaf.hash)
        )
        for part in leaf.parts:
            self._parts.append((at, part.name, part.key_id, part.personal, part.wrapped, part.body))
        if leaf.claim is not None:
            self._claims[tree.number, leaf.claim] = at
        if leaf.kind == RUN_ENDED:
            self._ended.append((index, run))
        return index


@cache
def _insertion(table: str, columns: int, rows: int) -> str:
    row = f"({', '.join(['?'] * columns)})"
    return f"INSERT INTO {table} VALUES {', '.join([row] * rows)}"


def _require_next(submission: Submission, run: RunState | None) -> None:
    where, head = submission.chain, START if run is None else run.head
    if run is not None and run.account != where.account:
        raise ForeignRun(f"{where.run_id} does not belong to {where.account}.")
    if submission.after.hash != head.hash or submission.after.run_seq != head.run_seq:
        raise OutOfSequence(
            f"{where.run_id} stands at event {head.run_seq}, not where this append expects it"
            f" (after event {submission.after.run_seq})."
        )
    if run is not None and run.key_id != submission.key_id:
        raise OutOfSequence(f"{where.run_id} was opened by somebody else at the same moment.")


def _read_trees(connection: apsw.Connection) -> dict[AccountId, TreeState]:
    rows = connection.execute("SELECT account, tree, size, range, ts FROM tree")
    return {account: TreeState(tree, CompactRange.from_bytes(size, raw), ts) for account, tree, size, raw, ts in rows}


def _next(connection: apsw.Connection, query: str) -> int:
    (newest,) = read_one(connection, query)
    return 1 if newest is None else newest + 1
