"""The writer: it gathers by itself, and after a failed write it says so to everybody and never writes again."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import apsw
import pytest

from haloop.kernel.errors import Exit, HaloopError, NotFound, OutOfSequence, Poisoned
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import PART_BYTES_MAX, Part
from haloop.store.sqlite import SqliteLedger
from haloop.store.writer import BATCH_MAX, WAL_PAGES_MAX
from tests.store.conftest import Place, new_chain, said, until, witness_file

PROMPTLY = 5.0
PAGE = 4096


def fill_the_disk(connection: apsw.Connection) -> None:
    """From now on the database may not grow by a single page: SQLite itself then reports a full disk."""
    list(connection.execute("PRAGMA max_page_count=1"))


def refuse_checkpoints(connection: apsw.Connection) -> None:
    """From now on no checkpoint can be stored."""
    trigger = "CREATE TEMP TRIGGER no BEFORE INSERT ON main.checkpoint BEGIN SELECT RAISE(ABORT, 'no room'); END"
    list(connection.execute(trigger))


def a_page_of_words() -> Entry:
    """More than any free space left inside the database."""
    return Entry(kind="step.done", actor="kernel", parts=(Part(name="page", body=bytes(PART_BYTES_MAX)),))


async def poison(ledger: SqliteLedger, account: AccountId) -> Poisoned:
    """Make a write fail, and hear of it as its author."""
    await ledger._writer.do(fill_the_disk)
    with pytest.raises(Poisoned) as told:
        await ledger.append(new_chain(account), START, a_page_of_words())
    return told.value


async def outcome(pending: object) -> type[HaloopError] | None:
    try:
        await pending  # type: ignore[misc]
    except HaloopError as error:
        return type(error)
    return None


async def test_everybody_who_waits_hears_of_a_failed_write(
    ledger: SqliteLedger, place: Place, account: AccountId
) -> None:
    """When the disk is full, every append on its way fails with the cause, and the death is told once."""
    await ledger._writer.do(fill_the_disk)
    async with busy_writer(ledger):
        waiting = [ledger.append(new_chain(account), START, a_page_of_words()) for _ in range(20)]
    async with asyncio.timeout(PROMPTLY):
        assert [await outcome(pending) for pending in waiting] == [Poisoned] * 20
        await until(lambda: bool(place.deaths))
    (death,) = place.deaths
    assert isinstance(death.__cause__, apsw.FullError)
    assert "full" in death.sentence


async def test_after_a_failed_write_nothing_is_taken(ledger: SqliteLedger, place: Place, account: AccountId) -> None:
    """A poisoned ledger refuses appends and erasures by that name, and tells its death no second time."""
    chain = new_chain(account)
    await ledger.append(chain, START, said("before"), Entry(kind="run.ended", actor="kernel"))
    (event, _) = await ledger.run(chain)
    await poison(ledger, account)
    async with asyncio.timeout(PROMPTLY):
        with pytest.raises(Poisoned):
            await ledger.append(new_chain(account), START, Entry(kind="run.started", actor="kernel"))
        with pytest.raises(Poisoned):
            await ledger.record(account, said("after", kind="grant.given"))
        with pytest.raises(Poisoned):
            await ledger.erase_part(event, "words", actor="kernel", why="after")
        await until(lambda: bool(place.deaths))
    assert len(place.deaths) == 1
    assert await ledger.body(event, "words") == b'"before"'


async def test_whoever_waits_for_a_seal_hears_of_a_failed_write(ledger: SqliteLedger, account: AccountId) -> None:
    """A checkpoint that will never be signed is not waited for: neither by who asked before nor by who asks after."""
    await ledger.sealed(account, 0)
    (index,) = await ledger.append(new_chain(account), START, said("to be sealed"))
    waiting = asyncio.ensure_future(ledger.sealed(account, index))
    await poison(ledger, account)
    async with asyncio.timeout(PROMPTLY):
        assert await outcome(waiting) is Poisoned
        with pytest.raises(Poisoned):
            await ledger.receipt(account, {index: []})


async def test_a_failed_commit_leaves_the_tree_as_it_was(ledger: SqliteLedger, account: AccountId) -> None:
    """What was reckoned for a batch that never became durable is in no tree, in no file and not in memory."""
    before = ledger._writer._index.checkpoint(account)
    await ledger._writer.do(lambda connection: connection.set_commit_hook(lambda: True))
    with pytest.raises(Poisoned):
        await ledger.append(new_chain(account), START, said("lost"))
    assert ledger._writer._index.checkpoint(account) == before
    assert len(await ledger.events(account)) == before.size


async def test_a_note_that_cannot_be_stored_is_shown_to_nobody(
    ledger: SqliteLedger, place: Place, account: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint leaves the ledger only when it is in it: neither the witness nor whoever waits gets it before."""
    monkeypatch.setattr("haloop.store.writer.CHECKPOINT_SECONDS", 0.0)
    (index,) = await ledger.append(new_chain(account), START, said("seen"))
    await ledger.sealed(account, index)
    witnessed = witness_file(place).read_bytes()
    await ledger._writer.do(refuse_checkpoints)
    (index,) = await ledger.append(new_chain(account), START, said("not seen"))
    with pytest.raises(Poisoned):
        await ledger.sealed(account, index)
    assert witness_file(place).read_bytes() == witnessed


async def test_a_cancelled_wait_does_not_hide_a_death(ledger: SqliteLedger, place: Place, account: AccountId) -> None:
    """People who stopped waiting keep nobody else from hearing that the ledger died."""
    async with busy_writer(ledger):
        full = asyncio.ensure_future(ledger._writer.do(fill_the_disk))
        await asyncio.sleep(0)
        failing = ledger.append(new_chain(account), START, a_page_of_words())
        behind = [asyncio.ensure_future(ledger._writer.do(lambda _: None)) for _ in range(3)]
        await asyncio.sleep(0)
        behind[0].cancel()
        behind[1].cancel()
    await full
    assert [await outcome(failing), await outcome(behind[2])] == [Poisoned, Poisoned]
    await until(lambda: len(place.deaths) == 1)


async def test_a_poisoned_ledger_writes_nothing_more(place: Place) -> None:
    """Once a write failed, the files stay as they are: closing signs, cuts and writes nothing."""

    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in place.home.iterdir() if not path.name.endswith("-shm")}

    async with place.opened() as ledger:
        account = await ledger.open_account()
        await poison(ledger, account)
        before = files()
    assert files() == before


async def test_acknowledged_facts_survive_a_failed_write(place: Place) -> None:
    """After the disk is mended, a new start finds what was acknowledged, and takes new facts."""
    async with place.opened() as ledger:
        account = await ledger.open_account()
        chain = new_chain(account)
        for number in range(50):
            await ledger.append(chain, await ledger.head(chain), said(str(number)))
        await poison(ledger, account)
    async with place.opened() as ledger:
        events = await ledger.run(chain)
        assert [await ledger.body(event, "words") for event in events] == [f'"{n}"'.encode() for n in range(50)]
        assert len(await ledger.events(account)) == 51
        await ledger.append(chain, events[-1].head, said("and on"))
    assert place.verify().ok


DIES_OF_A_FILE_TOO_LARGE = """
import asyncio, resource, sys
from pathlib import Path
from haloop.kernel.ids import new_run_id
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger

async def main(home, state, limit):
    signer = read_or_make_signer(home / "secrets")
    async with SqliteLedger.opened(home, signer=signer, witness_folder=state, ballast=65536) as ledger:
        account = await ledger.open_account()
        chain, head = Chain(account=account, run_id=new_run_id()), START
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        while True:
            part = Part(name="page", body=bytes(8192))
            pending = ledger.append(chain, head, Entry(kind="step.done", actor="kernel", parts=(part,)))
            await pending
            head = pending.head
            print(chain.account, chain.run_id, head.run_seq, flush=True)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
"""


async def test_the_process_ends_itself_and_says_why(place: Place) -> None:
    """A program whose file cannot grow ends with code 70, names the cause and the next step, and lost nothing."""
    place.home.mkdir()
    child = place.start_child(DIES_OF_A_FILE_TOO_LARGE, 512 * 1024)
    out, err = await asyncio.to_thread(child.communicate, timeout=30)
    assert child.returncode == Exit.POISONED
    assert "The ledger stopped writing" in err
    assert Poisoned.next_step in err
    account, run_id, acknowledged = out.splitlines()[-1].split()
    async with place.opened() as ledger:
        events = await ledger.run(Chain(account=AccountId(account), run_id=run_id))  # type: ignore[arg-type]
        assert len(events) >= int(acknowledged) > 10
        assert await ledger.body(events[int(acknowledged) - 1], "page") == bytes(8192)


def test_the_limit_of_the_child_is_the_childs() -> None:
    """The file size limit that kills the other program is not set in this one."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@asynccontextmanager
async def busy_writer(ledger: SqliteLedger) -> AsyncIterator[None]:
    """Keep the writing thread busy until the end of the block, so that whatever is appended in it queues up."""
    held, release = Event(), Event()

    def wait(_: apsw.Connection) -> None:
        held.set()
        release.wait(PROMPTLY)

    order = asyncio.ensure_future(ledger._writer.do(wait))
    await until(held.is_set)
    yield
    release.set()
    await order


@asynccontextmanager
async def counted_commits(ledger: SqliteLedger) -> AsyncIterator[list[str]]:
    """The commits the writer makes for what is queued in the block, while it is busy."""
    commits: list[str] = []

    def count() -> bool:
        commits.append("commit")
        return False

    await ledger._writer.do(lambda connection: connection.set_commit_hook(count))
    async with busy_writer(ledger):
        yield commits
    await ledger._writer.do(lambda connection: connection.set_commit_hook(None))


@pytest.mark.parametrize(("appends", "commits"), [(1, 1), (200, 1), (BATCH_MAX, 1), (BATCH_MAX + 1, 2)])
async def test_what_is_queued_goes_into_one_commit(
    ledger: SqliteLedger, account: AccountId, appends: int, commits: int
) -> None:
    """While one commit is on its way the next batch gathers; up to a bound it costs one write to the disk."""
    await ledger.sealed(account, 0)  # so that no checkpoint falls into the count

    async with counted_commits(ledger) as counted:
        for number in range(appends):
            ledger.append(new_chain(account), START, said(str(number)))
    assert len(counted) == commits
    assert len(await ledger.events(account, limit=BATCH_MAX * 2)) == 1 + appends


async def test_refused_appends_cost_no_commit(ledger: SqliteLedger, account: AccountId) -> None:
    """A batch of nothing but refusals writes nothing."""
    await ledger.sealed(account, 0)
    async with counted_commits(ledger) as counted:
        opening = Entry(kind="account.opened", actor="kernel")
        refused = ledger.append(Chain.of_account(account), START, opening)
    assert await outcome(refused) is OutOfSequence
    assert counted == []


async def test_a_chore_that_refuses_is_told_to_its_caller_only(
    ledger: SqliteLedger, place: Place, account: AccountId
) -> None:
    """A refusal inside the writer's thread is an answer, not a fault: everybody else goes on."""

    def refuse(_: apsw.Connection) -> None:
        raise NotFound("There is no such thing.")

    order = asyncio.ensure_future(ledger._writer.do(refuse))
    await asyncio.sleep(0)
    pending = ledger.append(new_chain(account), START, said("unharmed"))
    assert [await outcome(order), await outcome(pending)] == [NotFound, None]
    assert place.deaths == []


async def test_a_chore_that_breaks_poisons(ledger: SqliteLedger, place: Place, account: AccountId) -> None:
    """Anything unplanned in the writer's thread ends writing for good."""
    broken = ledger._writer.do(lambda connection: connection.execute("SELECT * FROM nothing"))
    assert await outcome(broken) is Poisoned
    await until(lambda: len(place.deaths) == 1)
    assert isinstance(place.deaths[0].__cause__, apsw.SQLError)
    with pytest.raises(Poisoned):
        await ledger.append(new_chain(account), START, said("after"))


async def test_a_refused_append_does_not_poison(ledger: SqliteLedger, place: Place, account: AccountId) -> None:
    """Conflicts are everyday: a hundred of them leave the writer alive."""
    refused = [ledger.append(Chain.of_account(account), START, said("late")) for _ in range(100)]
    assert None not in [await outcome(pending) for pending in refused]
    await ledger.append(new_chain(account), START, said("unharmed"))
    assert place.deaths == []


async def test_the_log_is_folded_back_while_we_write(ledger: SqliteLedger, place: Place, account: AccountId) -> None:
    """Forty megabytes of facts leave a write-ahead log that is bounded, without anybody resting."""
    log = place.home / "ledger.db-wal"
    head, chain = START, new_chain(account)
    for _ in range(160):
        pending = ledger.append(chain, head, *[a_page_of_words() for _ in range(4)])
        head = pending.head
        await pending
    assert log.stat().st_size < 3 * WAL_PAGES_MAX * PAGE


async def test_closing_leaves_an_empty_log(place: Place) -> None:
    """After an orderly end both databases stand alone: nothing waits in their logs."""
    async with place.opened() as ledger:
        await ledger.append(new_chain(await ledger.open_account()), START, said("words"))
    logs = [Path(f"{place.home / name}-wal") for name in ("ledger.db", "keys.db")]
    assert [log.stat().st_size if log.exists() else 0 for log in logs] == [0, 0]
