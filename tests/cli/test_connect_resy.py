"""`haloop connect resy`: what opens Resy for a household is typed once, and shown by nothing afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from haloop.connectors.booking.resy_logins import ResyLogins, Venue
from haloop.connectors.profiles import Profiles
from tests.store.conftest import REPOSITORY

ACCOUNT = "acc_5a1e0000000000000000000000000001"
HALOOP = [str(Path(sys.executable).with_name("haloop")), "connect", "resy", "--account", ACCOUNT]
SCRIPT = [sys.executable, str(REPOSITORY / "scripts" / "resy_link.py"), "--household-id", ACCOUNT]
USAGE = 2


def connect(words: list[str], home: Path, typed: str, at: str = "resy-in-town") -> subprocess.CompletedProcess[str]:
    machine = {name: value for name, value in os.environ.items() if not name.startswith("HALO")}
    return subprocess.run(
        words,
        env={**machine, "HALOOP_HOME": str(home), "HALOOP_BOOKING_AT": at},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [HALOOP, SCRIPT], ids=["haloop", "script"])
def test_a_household_is_signed_in_once(tmp_path: Path, command: list[str]) -> None:
    """Both lines are kept, locked; a second time adds a restaurant, and an empty line keeps what there was."""
    first = connect([*command, "--venue", "Trattoria Luigi=1001"], tmp_path, "key-1\nvery-secret\n")
    second = connect([*command, "--venue", "Hanami=1003"], tmp_path, "\nnewer-secret\n")

    login = ResyLogins(Profiles(tmp_path / "shops"), "resy-in-town").read(ACCOUNT)
    assert login is not None
    assert (login.api_key, login.token) == ("key-1", "newer-secret")
    assert login.venues == (Venue(name="Trattoria Luigi", id=1001), Venue(name="Hanami", id=1003))
    assert second.stdout.strip() == f"{ACCOUNT} is signed in at Resy, for Trattoria Luigi, Hanami."
    assert "secret" not in first.stdout + first.stderr + second.stdout + second.stderr
    assert not any(b"secret" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("typed", "more", "at", "code"),
    [
        ("", [], "resy-in-town", "That is no sign-in"),
        ("two words\ntoken\n", [], "resy-in-town", "That is no sign-in"),
        ("key\ntoken\n", ["--venue", "Luigi"], "resy-in-town", "That is no sign-in"),
        ("key\ntoken\n", [], "town", "every household is known"),
        ("key\ntoken\n", [], "resy", "Resy has not agreed to this, and I answer for it"),
    ],
)
def test_what_is_no_sign_in_is_not_kept(tmp_path: Path, typed: str, more: list[str], at: str, code: str) -> None:
    """It is said what is wrong, without what was typed; without consent nothing is asked for at all."""
    said = connect([*HALOOP, *more], tmp_path, typed, at)

    assert (said.returncode, said.stdout) == (USAGE, "")
    assert code in said.stderr
    assert "token\n" not in said.stderr.replace("X-Resy-Auth-Token", "")
    assert list(tmp_path.rglob("*.locked")) == []
