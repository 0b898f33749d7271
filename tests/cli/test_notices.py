"""`haloop notices`: set, look, try, and take back, as somebody types it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from haloop.config_file import with_text
from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, neighbour
from tests.cli.test_lifecycle import serving
from tests.notices.post import SENDER, Post, checkpoint_of, post_office
from tests.store.conftest import Place

__all__ = ["neighbour"]


def test_what_is_set_is_shown_and_taken_back(haloop: Haloop, neighbour: Neighbour) -> None:
    """What is not named stays as it is, and off takes the address out."""
    first = haloop("notices", "set", "--mail", "ana@example.org", "--zone", "Europe/Berlin", "--quiet", "22:00-07:00")
    second = haloop("notices", "set", "--digest", "08:00", "--push", "off")
    shown = haloop("notices")
    gone = haloop("notices", "off", "--json").document["notices"]["wanted"]

    assert (first.code, second.code) == (0, 0)
    assert shown.out.splitlines() == [
        "by mail          ana@example.org; but no mail server is set, see mail.host",
        "on your devices  no",
        "time zone        Europe/Berlin",
        "quiet hours      22:00 to 07:00",
        "daily digest     08:00",
    ]
    assert (gone["address"], gone["mail"], gone["push"], gone["zone"]) == ("", False, False, "Europe/Berlin")


@pytest.mark.parametrize(
    "words",
    [
        ("set", "--zone", "Europe/Atlantis"),
        ("set", "--mail", "Ana <ana@example.org>"),
        ("set", "--quiet", "late"),
        ("set", "--digest", "8"),
        ("set", "--digest", "x" * 100),
        ("set", "--push", "perhaps"),
        ("set", "--mail", "\udc80"),
    ],
)
def test_what_nobody_could_mean_is_told_so(haloop: Haloop, neighbour: Neighbour, words: tuple[str, ...]) -> None:
    """With exit code 2, and nothing changed."""
    before = haloop("notices", "--json").document

    said = haloop("notices", *words)

    assert (said.code, bool(said.err)) == (2, True)
    assert haloop("notices", "--json").document == before


def test_a_device_that_is_not_there_is_not_forgotten(haloop: Haloop, neighbour: Neighbour) -> None:
    """It says so, with exit code 4."""
    assert haloop("notices", "forget", "0" * 16).code == 4


def test_a_try_without_any_way_says_what_to_do(haloop: Haloop, neighbour: Neighbour) -> None:
    """Exit code 4: nobody was told."""
    nobody = haloop("notices", "test")
    haloop("notices", "set", "--mail", "ana@example.org")
    no_server = haloop("notices", "test")

    assert (nobody.code, no_server.code) == (4, 4)
    assert "haloop notices set --mail" in nobody.out
    assert "mail.host" in no_server.out


def test_a_started_haloop_sends_mail_as_its_settings_say(haloop: Haloop, place: Place, tmp_path: Path) -> None:
    """From config.toml to a message whose checkpoint haloop verify believes; the password is in no log."""
    secret = tmp_path / "password"
    secret.write_text("a long password\n")
    with post_next_door() as post:
        haloop("init")
        config = place.home / "config.toml"
        text = config.read_text()
        for name, value in (("host", "127.0.0.1"), ("security", "none"), ("from", SENDER)):
            text = with_text(text, f"mail.{name}", value)
        config.write_text(text.replace("# port = 587", f"port = {post.port}"))
        with serving():
            haloop("notices", "set", "--mail", "ana@example.org")
            said = haloop("notices", "test")
            status = haloop("status", "--json").document
            kept = tmp_path / "checkpoint.txt"
            kept.write_bytes(checkpoint_of(post.letters[0]))
            key = haloop("key").out.strip().splitlines()
            verified = haloop("verify", kept, *(word for line in key for word in ("--key", line)))

    assert said.code == 0
    assert "Sent by mail" in said.out
    assert status["not_told"] is None
    assert (verified.code, verified.err) == (0, "")
    log = (place.home / "logs" / "haloop.log").read_text()
    assert "ana@example.org" not in log


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HALOOP_MAIL_HOST": "mail.example.org"}, "mail.from"),
        (
            {"HALOOP_MAIL_HOST": "mail.example.org", "HALOOP_MAIL_FROM": SENDER, "HALOOP_MAIL_SECURITY": "none"},
            "starttls",
        ),
        (
            {"HALOOP_MAIL_HOST": "mail.example.org", "HALOOP_MAIL_FROM": SENDER, "HALOOP_MAIL_USER": "u"},
            "password_file",
        ),
        (
            {"HALOOP_MAIL_HOST": "m.example.org", "HALOOP_MAIL_FROM": SENDER, "HALOOP_MAIL_PASSWORD_FILE": "/nowhere"},
            "password_file",
        ),
        ({"HALOOP_MAIL_FROM": "nobody"}, "mail.from"),
        ({"HALOOP_MAIL_PORT": "99999"}, "mail.port"),
        ({"HALOOP_MAIL_SECURITY": "ssl"}, "mail.security"),
    ],
)
def test_settings_that_do_not_fit_are_refused_at_the_start(
    haloop: Haloop, place: Place, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    """Nothing starts on a guess."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    said = haloop("start", "--port", "0")

    assert said.code == 2
    assert named in said.err


@contextmanager
def post_next_door() -> Iterator[Post]:
    """A mail server in a thread of its own, beside a test that waits for commands."""
    opened: Future[tuple[Post, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        over = asyncio.Event()
        async with post_office() as post:
            opened.set_result((post, asyncio.get_running_loop(), over))
            await over.wait()

    thread = Thread(target=lambda: asyncio.run(live()))
    thread.start()
    post, loop, over = opened.result(30)
    try:
        yield post
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
