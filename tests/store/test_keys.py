"""The key ring: a key is durable before it is used, forgotten for good, and its number is never given out again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from haloop.kernel.errors import Corrupt, HomeMissing, KeyMissing
from haloop.store.keys import MADE_AHEAD, KeyRing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
def ring(path: Path) -> Iterator[KeyRing]:
    with closing(KeyRing.open(path)) as opened:
        yield opened


def stored(path: Path) -> set[int]:
    """The keys another process would find on the disk."""
    with closing(KeyRing.open_read_only(path)) as other:
        return {row[0] for row in other._connection.execute("SELECT key_id FROM key")}


def test_a_key_is_on_the_disk_before_it_is_used(ring: KeyRing, path: Path) -> None:
    """Every number given out can already be found by another process."""
    taken = [ring.take() for _ in range(MADE_AHEAD * 2 + 1)]
    assert len(set(taken)) == len(taken)
    assert set(taken) <= stored(path)


def test_keys_are_made_a_handful_at_a_time(ring: KeyRing) -> None:
    """A new run does not pay for a commit of its own: one commit makes many keys."""
    commits: list[str] = []

    def count() -> bool:
        commits.append("commit")
        return False

    ring._connection.set_commit_hook(count)
    for _ in range(MADE_AHEAD * 3):
        ring.take()
    assert len(commits) == 3


def test_each_key_locks_differently(ring: KeyRing) -> None:
    """What one key closed another does not open; the same number is the same key, now and after a restart."""
    one, two = ring.take(), ring.take()
    closed = ring.cipher(one).encrypt(bytes(12), b"words", None)
    assert ring.cipher(one).decrypt(bytes(12), closed, None) == b"words"
    assert ring.cipher(two).encrypt(bytes(12), b"words", None) != closed


def test_a_key_is_the_same_after_a_restart(path: Path) -> None:
    """What was locked before can be opened after."""
    with closing(KeyRing.open(path)) as ring:
        key = ring.take()
        closed = ring.cipher(key).encrypt(bytes(12), b"words", None)
    with closing(KeyRing.open(path)) as ring:
        assert ring.cipher(key).decrypt(bytes(12), closed, None) == b"words"


def test_a_forgotten_key_is_gone(ring: KeyRing, path: Path) -> None:
    """From memory and from the disk; the others stay, and forgetting twice is no matter."""
    gone, kept = ring.take(), ring.take()
    ring.cipher(gone)
    ring.forget([gone])
    ring.forget([gone, 999_999])
    with pytest.raises(KeyMissing):
        ring.cipher(gone)
    ring.cipher(kept)
    assert gone not in stored(path)
    assert ring.absent([gone, kept]) == [gone]


def test_a_forgotten_key_is_in_none_of_the_files(ring: KeyRing, path: Path) -> None:
    """Once the log is cut, the very bytes of the key are nowhere."""
    key = ring.take()
    ((secret,),) = ring._connection.execute("SELECT key FROM key WHERE key_id = ?", (key,))
    assert any(secret in file.read_bytes() for file in path.parent.iterdir())
    ring.forget([key])
    assert ring.truncate_log()
    assert not any(secret in file.read_bytes() for file in path.parent.iterdir())


def test_the_log_is_not_cut_under_a_reader(ring: KeyRing, path: Path) -> None:
    """While somebody reads an old state the cut is put off and says so; afterwards it succeeds."""
    key = ring.take()
    with closing(KeyRing.open_read_only(path)) as other:
        reading = other._connection.execute("SELECT * FROM key")
        next(reading)
        ring.forget([key])
        assert not ring.truncate_log()
        reading.close()
        assert ring.truncate_log()


def test_numbers_are_never_given_out_again(path: Path) -> None:
    """Over restarts and forgetting, a new key never takes an old number."""
    seen: set[int] = set()
    for _ in range(4):
        with closing(KeyRing.open(path)) as ring:
            taken = [ring.take() for _ in range(3)]
            ring.forget(taken)
        assert not seen & set(taken)
        seen |= set(taken)


def test_an_unknown_key_is_missing_by_name(ring: KeyRing) -> None:
    """A number nobody was given names itself in the refusal."""
    with pytest.raises(KeyMissing, match="12345"):
        ring.cipher(12345)


@pytest.mark.parametrize("size", [0, 5, 31, 33])
def test_a_damaged_key_is_corruption(path: Path, ring: KeyRing, size: int) -> None:
    """A key of the wrong length is named as corruption, not met as a crash."""
    key = ring.take()
    ring._connection.execute("UPDATE key SET key = zeroblob(?) WHERE key_id = ?", (size, key))
    with closing(KeyRing.open(path)) as later, pytest.raises(Corrupt, match=str(key)):
        later.cipher(key)


def test_a_ring_for_reading_changes_nothing(ring: KeyRing, path: Path) -> None:
    """The verifier's ring can neither make nor forget a key."""
    key = ring.take()
    with closing(KeyRing.open_read_only(path)) as reading:
        with pytest.raises(apsw.ReadOnlyError):
            reading.take()
        with pytest.raises(apsw.ReadOnlyError):
            reading.forget([key])
        reading.cipher(key)


def test_a_ring_that_is_not_there_is_not_made_for_reading(path: Path) -> None:
    """Looking at a home without keys leaves it without keys."""
    with pytest.raises(HomeMissing):
        KeyRing.open_read_only(path)
    assert not path.exists()


def test_several_threads_share_one_ring(ring: KeyRing) -> None:
    """The writer's thread and the caller's take and use keys at once, and get in nobody's way."""

    def work(_: int) -> list[int]:
        taken = [ring.take() for _ in range(100)]
        for key in taken:
            ring.cipher(key)
        ring.forget(taken[:10])
        return taken

    with ThreadPoolExecutor(8) as threads:
        taken = [key for keys in threads.map(work, range(8)) for key in keys]
    assert len(set(taken)) == 800
    assert len(ring.absent(taken)) == 80
