"""The manner of every command: errors with a next step, one JSON document, and a terminal nobody else steers."""

import subprocess
import sys
from pathlib import Path

import pytest

from haloop.cli.parts import visible
from haloop.kernel.ids import AccountId
from tests.cli.conftest import Haloop, ending, start

COMMANDS = [
    *("init", "start", "status", "stop", "link", "connect", "settings"),
    *("verify", "key", "checkpoint", "receipt", "export", "backup", "restore", "ship", "doctor"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(haloop: Haloop, command: str) -> None:
    """`--help` says what the command is for, and that it can answer in JSON."""
    said = haloop(command, "--help")

    assert said.code == 0
    assert "--json" in said.out


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("verify",), 5),
        (("key",), 5),
        (("checkpoint",), 5),
        (("receipt", "acc_" + "0" * 32, "1", "--out", "OUT"), 5),
        (("export", "acc_" + "0" * 32, "--out", "OUT"), 5),
        (("backup", "OUT"), 5),
        (("restore", "OUT"), 5),
        (("ship", "OUT"), 5),
        (("doctor",), 1),
    ],
)
def test_without_a_home_every_command_says_what_to_do(
    haloop: Haloop, tmp_path: Path, words: tuple[str, ...], code: int, *, as_json: bool
) -> None:
    """A missing home is a sentence and a next step, on paper and in JSON, and leaves no file behind."""
    given = [str(tmp_path / "out") if word == "OUT" else word for word in words]
    said = haloop(*given, *(["--json"] if as_json else []))

    assert said.code == code
    assert not (tmp_path / "out").is_file()
    if words == ("doctor",):
        assert "HALOOP_HOME" in said.out
    elif as_json:
        assert set(said.document["error"]) == {"code", "sentence", "next_step"}
        assert said.err == ""
    else:
        assert said.out == ""
        assert said.err.startswith("haloop: ")
        assert "\n  next: " in said.err


@pytest.mark.parametrize(
    ("words", "nearest"),
    [(("verfy",), "verify"), (("verify", "--jsn"), "--json"), (("--hme", "x", "verify"), "--home")],
)
def test_a_slip_of_the_pen_is_met_with_the_nearest_word(haloop: Haloop, words: tuple[str, ...], nearest: str) -> None:
    """An unknown command or option names the one that was probably meant."""
    said = haloop(*words)

    assert said.code == 2
    assert nearest in said.err


def test_a_usage_error_is_json_where_json_was_asked_for(haloop: Haloop) -> None:
    """A program that asked for JSON gets JSON even when it asked wrongly."""
    said = haloop("export", "--json")

    assert said.code == 2
    assert said.document["error"]["code"] == "usage.bad"


@pytest.mark.parametrize("command", ["key", "checkpoint", "verify", "doctor", "init", "settings", "stop"])
def test_the_answer_is_one_json_document(haloop: Haloop, account: AccountId, command: str) -> None:
    """With `--json` there is one line of JSON on stdout, and nothing else anywhere."""
    said = haloop(command, "--json")

    assert said.code == 0
    assert said.out.count("\n") == 1
    assert said.document
    assert said.err == ""


def test_no_command_at_all_shows_the_list(haloop: Haloop) -> None:
    """Whoever types nothing learns what there is to type."""
    said = haloop()

    assert said.code == 2
    assert all(command in said.err for command in COMMANDS)


@pytest.mark.parametrize(
    "danger", ["\x1b[2J", "\x07", "\r", "\n", "\x9b31m", "\u202e", "\u2028", "\U000e0041", "\udc80"]
)
def test_nothing_from_a_file_steers_the_terminal(danger: str) -> None:
    """Controls, line breaks and what turns the reading order are spelled out; other letters stay themselves."""
    shown = visible(f"ü {danger} 日本 é")

    assert shown.isprintable()
    assert shown.startswith("ü \\")
    assert shown.endswith(" 日本 é")


def test_a_path_with_controls_is_spelled_out(haloop: Haloop, tmp_path: Path) -> None:
    """Even the name of a file cannot move the cursor, and a name that is no text is still a sentence."""
    on_paper = haloop("verify", f"{tmp_path}/\x1b[2Jx")
    in_json = haloop("verify", f"{tmp_path}/\udcff\x9b", "--json")

    assert "\x1b" not in on_paper.err
    assert in_json.document["error"]["sentence"].count("\\udcff") == 1
    assert "\x9b" not in in_json.out


def test_a_reader_that_stops_listening_hears_no_complaint(haloop: Haloop, account: AccountId) -> None:
    """`haloop key | true` ends quietly."""
    with ending(start("key")) as command:
        assert command.stdout is not None
        command.stdout.close()
        assert command.stderr is not None
        assert command.stderr.read() == ""


def test_the_installed_command_is_this_program(account: AccountId) -> None:
    """What `haloop` runs once installed is the program tested here."""
    installed = subprocess.run(
        [Path(sys.executable).with_name("haloop"), "key", account], capture_output=True, text=True, check=True
    )

    assert installed.stdout.startswith(f"haloop.local/{account}+")


def test_no_command_waits_for_the_server_to_be_loaded() -> None:
    """What only a start needs is loaded by it alone, so that every other command answers at once."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, haloop.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert {"fastapi", "uvicorn", "httpx2", "pydantic", "haloop.app"}.isdisjoint(loaded.stdout.split())
