"""The file that remembers of telling people: what it gives back, and what it has forgotten for good."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from haloop.kernel.errors import Exit, HaloopError
from haloop.kernel.ids import new_account_id, new_person_id
from haloop.kernel.notice import NoticeKind, Preferences
from haloop.ports.notifier import Device
from haloop.store.notices import DEVICES_MAX, FILE, Known, KnownDevice, NoticeBook, Owed, Place

ACCOUNT, PERSON, OTHER = new_account_id(), new_person_id(), new_person_id()
PLACE = Place(origin="haloop.local/one", read_to=7)
KNOWN = Known(
    account=ACCOUNT,
    person=PERSON,
    preferences=Preferences(address="ana@example.org", mail=True, quiet_from="22:00", quiet_to="07:00"),
    digest_from=3,
    digest_due=None,
)
OWED = Owed(
    id="a",
    device="",
    account=ACCOUNT,
    person=PERSON,
    kind=NoticeKind.WAITS,
    link="gate_1",
    about="gate_1",
    not_before=10,
    until=100,
    due=10,
)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[NoticeBook]:
    with closing(NoticeBook.open(tmp_path)) as opened:
        yield opened


def test_everything_is_there_again(tmp_path: Path) -> None:
    """What was written is read by the next process."""
    device = KnownDevice(id="d", device=Device(endpoint="https://x", p256dh=b"k", auth=b"a"), added_at=1)
    with closing(NoticeBook.open(tmp_path)) as book:
        book.prefer(KNOWN)
        book.add_device(ACCOUNT, PERSON, device)
        book.settle(ACCOUNT, {"gate_1": [OWED]}, PLACE)

    with closing(NoticeBook.open(tmp_path)) as book:
        assert book.people(ACCOUNT) == {PERSON: KNOWN}
        assert book.devices(ACCOUNT, PERSON) == [device]
        assert book.due(10, by_mail=True) == [OWED]
        assert book.place(ACCOUNT) == PLACE


def test_what_was_told_stays_told_until_it_is_over(book: NoticeBook) -> None:
    """To find it owed again changes nothing; once nothing about it is wanted, it is forgotten."""
    book.settle(ACCOUNT, {"gate_1": [OWED]}, PLACE)
    book.told(OWED, 10, PLACE)
    book.settle(ACCOUNT, {"gate_1": [OWED]}, PLACE)
    still = book.due(1_000, by_mail=True)

    book.settle(ACCOUNT, {"gate_1": []}, PLACE)
    book.settle(ACCOUNT, {"gate_1": [OWED]}, PLACE)

    assert (still, book.due(1_000, by_mail=True)) == ([], [OWED])


def test_a_warning_that_came_due_meanwhile_is_told_with_it(book: NoticeBook) -> None:
    """One message, not two in a row; a warning that is still to come is not lost."""
    soon = replace(OWED, id="b", kind=NoticeKind.EXPIRES, not_before=20, due=20)
    later = replace(OWED, id="c", kind=NoticeKind.EXPIRES, not_before=60, due=60)
    book.settle(ACCOUNT, {"gate_1": [OWED, soon, later]}, PLACE)

    book.told(OWED, 30, PLACE)

    assert book.due(1_000, by_mail=True) == [later]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_device_is_told_that_it_is_over_only_of_what_it_shows(book: NoticeBook, is_told: bool) -> None:
    """Once it was, or needs not be any more, nothing is kept of the gate."""
    waits = replace(OWED, device="d")
    over = replace(waits, id="o", kind=NoticeKind.OVER, until=None)
    book.settle(ACCOUNT, {"gate_1": [waits]}, PLACE)
    book.settle(ACCOUNT, {"gate_1": [over]}, PLACE)
    never_shown = book.due(1_000, by_mail=False)

    book.settle(ACCOUNT, {"gate_1": [waits]}, PLACE)
    book.told(waits, 10, PLACE)
    book.settle(ACCOUNT, {"gate_1": [over]}, PLACE)
    shown = book.due(1_000, by_mail=False)
    if is_told:
        book.told(over, 20, PLACE)
    else:
        book.drop(over)
    book.settle(ACCOUNT, {"gate_1": [over]}, PLACE)

    assert (never_shown, shown, book.due(1_000, by_mail=False)) == ([], [over], [])


def test_a_person_is_forgotten_whole_and_alone(book: NoticeBook, tmp_path: Path) -> None:
    """Nothing of theirs is in the file; what is another's stays."""
    for person, name in ((PERSON, "one"), (OTHER, "other")):
        mine = replace(KNOWN, person=person, preferences=Preferences(address=f"{name}@example.org", mail=True))
        device = Device(endpoint=f"https://push/{name}", p256dh=b"k", auth=b"a")
        book.prefer(mine)
        book.add_device(ACCOUNT, person, KnownDevice(id=name, device=device, added_at=1))
        book.settle(ACCOUNT, {name: [replace(OWED, id=name, person=person, about=name)]}, PLACE)

    book.forget(ACCOUNT, PERSON)

    left = b"".join(file.read_bytes() for file in tmp_path.glob(f"{FILE}*"))
    assert (b"one@example.org" in left, b"push/one" in left) == (False, False)
    assert (b"other@example.org" in left, b"push/other" in left) == (True, True)
    assert [one.person for one in book.due(1_000, by_mail=True)] == [OTHER]


def test_of_too_many_devices_the_oldest_goes(book: NoticeBook) -> None:
    """A browser that is set up anew again and again does not fill the file."""
    for number in range(DEVICES_MAX + 3):
        device = Device(endpoint=f"https://push/{number}", p256dh=b"k", auth=b"a")
        book.add_device(ACCOUNT, PERSON, KnownDevice(id=str(number), device=device, added_at=number))

    assert [one.id for one in book.devices(ACCOUNT, PERSON)] == [str(number) for number in range(3, DEVICES_MAX + 3)]


def test_the_log_of_the_file_does_not_grow(book: NoticeBook, tmp_path: Path) -> None:
    """However much is written, the write-ahead log is cut."""
    for number in range(500):
        book.settle(ACCOUNT, {str(number): [replace(OWED, id=str(number), about=str(number))]}, PLACE)

    assert (tmp_path / f"{FILE}-wal").stat().st_size < 1_500_000


def test_a_damaged_file_has_a_name(tmp_path: Path) -> None:
    """It is said what to do, and nothing else of the home is touched."""
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be looked at" * 100)

    with pytest.raises(HaloopError) as refused:
        NoticeBook.open(tmp_path)

    assert (refused.value.code, refused.value.exit) == ("notices.damaged", Exit.UNUSABLE)
    assert "away" in refused.value.next_step
