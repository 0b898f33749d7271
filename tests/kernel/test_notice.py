"""When people are told: at once, but not in the hours of quiet, and the rest once a day."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from haloop.kernel.errors import BadInput
from haloop.kernel.notice import Preferences, warned_at

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Preferences(zone="Europe/Berlin", quiet_from="22:00", quiet_to="07:00")
NOON = Preferences(zone="Europe/Berlin", quiet_from="12:00", quiet_to="14:00")


def at(text: str) -> int:
    """A moment in Berlin."""
    moment = datetime.fromisoformat(text).replace(tzinfo=BERLIN)
    return int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("preferences", "moment", "told"),
    [
        (NIGHT, "2027-01-15T21:59", "2027-01-15T21:59"),
        (NIGHT, "2027-01-15T22:00", "2027-01-16T07:00"),
        (NIGHT, "2027-01-16T06:59", "2027-01-16T07:00"),
        (NIGHT, "2027-01-16T07:00", "2027-01-16T07:00"),
        (NOON, "2027-01-16T13:00", "2027-01-16T14:00"),
        (NOON, "2027-01-16T23:00", "2027-01-16T23:00"),
        (NIGHT, "2027-03-27T23:00", "2027-03-28T07:00"),  # the night that is an hour shorter
        (NIGHT, "2027-10-30T23:00", "2027-10-31T07:00"),  # and the one that is an hour longer
        (Preferences(), "2027-01-16T03:00", "2027-01-16T03:00"),
        (Preferences(quiet_from="08:00", quiet_to="08:00"), "2027-01-16T09:00", "2027-01-16T09:00"),
    ],
)
def test_what_falls_into_quiet_hours_is_told_when_they_end(preferences: Preferences, moment: str, told: str) -> None:
    """By the clock on the person's wall, over midnight and over the days when that is turned."""
    assert preferences.told_at(at(moment), None) == at(told)


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("2027-01-16T06:00", "2027-01-15T23:00"),
        ("2027-01-16T07:00", "2027-01-15T23:00"),
        ("2027-01-16T07:29", "2027-01-15T23:00"),
        ("2027-01-16T07:30", "2027-01-16T07:00"),
        ("2027-01-20T07:00", "2027-01-16T07:00"),
    ],
)
def test_quiet_is_broken_where_it_would_take_the_time_to_answer(until: str, told: str) -> None:
    """What would have expired by then, or almost, is told in the night."""
    assert NIGHT.told_at(at("2027-01-15T23:00"), at(until)) == at(told)


def test_a_digest_comes_once_a_day_at_its_time() -> None:
    """By the clock on the wall; nobody who did not ask for one gets it."""
    wanted = Preferences(zone="Europe/Berlin", digest_at="08:00")

    assert wanted.next_digest(at("2027-03-27T07:00")) == at("2027-03-27T08:00")
    assert wanted.next_digest(at("2027-03-27T08:00")) == at("2027-03-28T08:00")
    assert Preferences().next_digest(0) is None


def test_a_warning_comes_an_hour_before_or_sooner() -> None:
    """What is open for days warns an hour before its end; what is open for twenty minutes, five."""
    hour, minute = 3_600_000_000, 60_000_000

    assert warned_at(0, 48 * hour) == 47 * hour
    assert warned_at(0, 20 * minute) == 15 * minute


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Europe/Atlantis"},
        {"zone": "../../etc/passwd"},
        {"zone": "Europe"},
        {"zone": "/etc/passwd"},
        {"zone": ""},
        {"quiet_from": "22:00"},
        {"quiet_to": "07:00"},
        {"quiet_from": "24:00", "quiet_to": "07:00"},
        {"quiet_from": "2200", "quiet_to": "07:00"},
        {"digest_at": "8"},
        {"digest_at": "08:00:00"},
        {"mail": True},
        {"address": "ana"},
        {"address": "ana@example.org, bo@example.org"},
        {"address": "Ana <ana@example.org>"},
        {"address": "ana@example.org\nBcc: eve@example.org"},
        {"address": "ana@example.org\r"},
        {"address": "ana@ex ample.org"},
        {"address": "änä@example.org"},
        {"address": "ana@" + "a." * 200 + "org"},
        {"address": "a" * 65 + "@example.org"},
        {"address": "ana@-example.org"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    """A zone that is none, a time that is none, an address that would smuggle something into a message."""
    with pytest.raises(BadInput) as refused:
        Preferences(**wrong)  # type: ignore[arg-type]  # a table of several fields

    assert refused.value.code == "notices.bad"


def test_a_long_address_is_refused_quickly() -> None:
    """Reading one never takes longer than its length deserves."""
    begun = datetime.now(BERLIN)
    with pytest.raises(BadInput):
        Preferences(address="a@" + "a" * 240 + "!")

    assert datetime.now(BERLIN) - begun < timedelta(seconds=1)
