"""What is noted can be found again, one line each; nothing secret or personal gets into it by any way."""

import io
import json
import logging
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.agent import PresentedToken
from haloop.kernel.ids import new_account_id
from haloop.logs import FILE, open_logs

TOKEN = "blue elephants sleep late"
AGENT = PresentedToken.make(new_account_id()).spell()
CANARIES = (
    TOKEN,
    AGENT,
    "ana@example.com",
    "4242 4242 4242 4242",
    "DE89370400440532013000",
    "+49 170 1234567",
    "q7pE-ZxT1_aV9bN3mK5sR8wYc2LdJf0h",
)
HELD = "held variable a only what"
ALL = " | ".join(CANARIES)

log = logging.getLogger("haloop.testing")


class Screen(io.StringIO):
    """A terminal, as far as anybody can tell."""

    def isatty(self) -> bool:
        return True


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]


def test_a_line_says_when_how_bad_who_and_what(tmp_path: Path) -> None:
    """Time in UTC to the millisecond, level, logger, the event's words, and the fields it was given."""
    with open_logs(tmp_path):
        log.warning("denied", extra={"code": "identity.unknown", "status": 401, "actor": "agent:shopper"})
    (line,) = lines(tmp_path)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "haloop.testing",
        "event": "denied",
        "code": "identity.unknown",
        "status": 401,
        "actor": "agent:shopper",
    }


def test_no_canary_gets_through(tmp_path: Path) -> None:
    """In a message, its arguments, an extra, an exception's arguments, its notes, and the errors it came from."""
    screen = Screen()
    with open_logs(tmp_path, secrets=[TOKEN], terminal=screen):
        log.info(ALL)
        log.info("said %s", ALL)
        log.info("said", extra={"code": ALL, "route": CANARIES, "actor": ALL, "unknown": ALL})
        try:
            _fail_twice()
        except LookupError:
            log.exception("failed at %s", ALL)
        logging.getLogger("somebody.else").error("%r", {"authorization": f"Bearer {AGENT}", "x": CANARIES})

    for text in ((tmp_path / FILE).read_text(encoding="utf-8"), screen.getvalue()):
        assert [canary for canary in CANARIES if canary in text] == []
        assert AGENT[4:36] not in text
    failed = lines(tmp_path)[3]
    assert failed["error"] == "LookupError"
    assert "ValueError: " in failed["traceback"]
    assert "_fail_twice" in failed["traceback"]
    assert " ".join(reversed(HELD.split())) not in failed["traceback"]


def _fail_twice() -> None:
    held = " ".join(reversed(HELD.split()))
    try:
        int(f"{held[:0]}{ALL}")
    except ValueError as error:
        error.add_note(ALL)
        raise LookupError({"about": ALL}) from error


@pytest.mark.parametrize(
    "forged",
    [
        'fine\n{"event": "approved", "level": "info"}',
        "fine\r\napproved",
        "fine\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029approved",
        "\x1b[2J\x1b[31mapproved\x07",
        "\u202eapproved\u2066",
    ],
)
def test_nobody_writes_a_line_of_their_own(tmp_path: Path, forged: str) -> None:
    """Line ends, escape sequences and characters that turn the reading order: one line, and nothing obeyed."""
    screen = Screen()
    with open_logs(tmp_path, terminal=screen):
        log.info("asked for %s", forged, extra={"route": forged})
        log.error("failed", exc_info=ValueError(forged))

    for text in ((tmp_path / FILE).read_text(encoding="utf-8"), screen.getvalue()):
        assert len(text.splitlines()) == 2
        assert all(one.isprintable() for one in text.replace("\n", ""))
    assert [line["level"] for line in lines(tmp_path)] == ["info", "error"]


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    """Folder 0700, file 0600, also where an older file was open to others; a link to elsewhere is not followed."""
    folder = tmp_path / "logs"
    with open_logs(folder):
        log.info("begun")
    (folder / FILE).chmod(0o644)
    with open_logs(folder):
        log.info("begun again")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600

    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"), open_logs(linked):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_full_files_are_put_aside_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it runs, the logs take no more than their share of the disk."""
    monkeypatch.setattr("haloop.logs.FILE_BYTES_MAX", 1_000)
    monkeypatch.setattr("haloop.logs.OLD_FILES", 2)
    with open_logs(tmp_path):
        for number in range(100):
            log.info("number %d", number)
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, f"{FILE}.1", f"{FILE}.2"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert lines(tmp_path)[-1]["event"] == "number 99"


def test_a_terminal_shows_it_short(tmp_path: Path) -> None:
    """Time, level, words, and what went wrong in a few more; the traceback stays in the file."""
    screen = Screen()
    with open_logs(tmp_path, terminal=screen):
        log.error("failed", exc_info=ValueError("no such tea"), extra={"code": "haloop.error"})
    assert screen.getvalue()[8:] == " error failed haloop.error ValueError: no such tea\n"


def test_somewhere_else_nothing_is_said_twice(tmp_path: Path) -> None:
    """Where stderr is a file or a pipe, the log has it all."""
    plain = io.StringIO()
    with open_logs(tmp_path, terminal=plain):
        log.error("failed")
    assert plain.getvalue() == ""


@pytest.mark.parametrize(
    ("message", "arguments", "written"),
    [("%s and %s", ("one",), "%s and %s (could not be put together)"), ("half \ud800", (), "half \\ud800")],
)
def test_a_mistake_in_a_message_costs_no_line(
    tmp_path: Path, message: str, arguments: tuple[str, ...], written: str
) -> None:
    """A placeholder too many or half a character, in our code or another's, is noted as it stands."""
    with open_logs(tmp_path):
        our_file().handle(logging.LogRecord("a", logging.ERROR, "", 0, message, arguments, None))
    assert lines(tmp_path)[0]["event"] == written


def test_a_log_that_cannot_be_written_stops_nothing_and_repeats_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk is full: the work goes on, and what could not be written does not end up on stderr instead."""
    with open_logs(tmp_path), suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as full:
        file = our_file()
        ours, file.stream = file.stream, full
        log.error("secret words")
        log.error("more of them")
        file.stream = ours
    said = capsys.readouterr().err
    assert said.count("The log cannot be written (OSError)") == 1
    assert "words" not in said


def our_file() -> Any:
    """The handler that writes the file."""
    (file,) = [one for one in logging.getLogger().handlers if type(one).__module__ == "haloop.logs"]
    return file


def test_afterwards_everything_is_as_it_was(tmp_path: Path) -> None:
    """Whoever opens logs for a while leaves no handler and no level behind."""
    before = (list(logging.getLogger().handlers), logging.getLogger().level, logging.getLogger("haloop").level)
    with open_logs(tmp_path):
        pass
    assert (list(logging.getLogger().handlers), logging.getLogger().level, logging.getLogger("haloop").level) == before
