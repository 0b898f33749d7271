"""The errands desk from a terminal: each command a process beside a started Haloop, up to a checked receipt."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.clock import SystemClock
from haloop.kernel.errors import Exit
from haloop.town.orders import ShopBook
from haloop.town.reservations import Book
from haloop.town.subscriptions import Contracts
from tests.desks.errands.street import is_proved

SECONDS_MAX = 90
VERBOSE_TABLE = (
    "Hello! My wife and I would like to go out for dinner this Saturday, somewhere around 7 in the evening, so please "
    "book a table for the two of us."
)
VERBOSE_LEAVING = (
    "Hi there, I hardly ever watch anything these days, so would you please cancel my Disney+ subscription for me?"
)
VERBOSE_SINK = (
    "Hello, the kitchen sink has been dripping since Monday and it drives me mad, could you please get somebody to fix "
    "it this week?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a person types."""

    folder: Path
    environment: dict[str, str]

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(self._command("start", "--json", "--port", "0"), **self._how())

    def say(self, *words: str, code: int = 0) -> str:
        """A command, and what it answers to a person."""
        return self._run(*words, code=code)

    def ask(self, *words: str) -> dict[str, Any]:
        """A command, and what it answers to a program."""
        answered: dict[str, Any] = json.loads(self._run(*words, "--json"))
        return answered

    def gate_of(self, words: str) -> dict[str, Any]:
        """Ask for it in plain words; its gate, once it is open."""
        asked = self.ask("ask", words)
        while not self.ask("show", asked["run"])["run"]["gates"]:
            time.sleep(0.2)  # another process works on it
        gate: str = self.ask("show", asked["run"])["run"]["gates"][0]
        return self.gate_at(gate, revision=1)

    def gate_at(self, gate: str, *, revision: int) -> dict[str, Any]:
        """The gate as soon as this revision of it is open."""
        while True:
            found: dict[str, Any] = self.ask("show", gate)["gate"]
            if (found["status"], found["revision"]) == ("open", revision):
                return found
            time.sleep(0.2)  # another process works on it

    def receipts_of(self, run: str) -> list[Path]:
        """Wait until the run is done, and write its receipts, with the key beside them."""
        self._run("watch", run)
        written = self.ask("receipts", run, "--out", str(self.folder / run))
        (self.folder / run / "key").write_text(written["key"], encoding="utf-8")
        return [Path(one["file"]) for one in written["receipts"]]

    def activity_of(self, run: str) -> dict[str, Any]:
        (found,) = [one for one in self.ask("activity")["runs"] if one["id"] == run]
        return dict(found)

    def _run(self, *words: str, code: int = 0) -> str:
        ended = subprocess.run(self._command(*words), timeout=SECONDS_MAX, check=False, **self._how())
        assert ended.returncode == code, ended.stderr
        return str(ended.stdout)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", "import sys; from haloop.cli import main; sys.exit(main())", *words]

    def _how(self) -> dict[str, Any]:
        return {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": self.environment}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A home in which Haloop runs, for all the stories."""
    folder = tmp_path_factory.mktemp("stories")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HALOOP_", "HALO_"))}
    clean.pop("PORT", None)
    places = {"HALOOP_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
    terminal = Terminal(folder=folder, environment={**clean, **places})
    with terminal.start() as haloop:
        try:
            assert haloop.stdout is not None
            assert json.loads(haloop.stdout.readline())["address"]
            yield terminal
        finally:
            haloop.terminate()


def book(terminal: Terminal, name: str) -> Path:
    return terminal.folder / "home" / "town" / f"{name}.json"


@pytest.mark.skipif(
    shutil.which("chromium") is None and os.environ.get("CI") != "true",
    reason="NOTHING WAS ORDERED WITH A BROWSER: chromium is missing",
)
def test_the_usual_is_ordered_with_other_quantities(terminal: Terminal) -> None:
    """Vague words, a change of two lines, a yes: one order in the shop's book, and a receipt that holds."""
    gate = terminal.gate_of("order the usual")
    shown = terminal.say("show", gate["id"])
    terminal.ask("change", gate["id"], '{"quantities": {"coffee": 1, "dishwasher": 0}}')
    terminal.gate_at(gate["id"], revision=2)
    terminal.say("approve", gate["id"], "--yes")
    (receipt,) = terminal.receipts_of(gate["run"])

    assert not re.search(r"visit|newest_order|household", shown)
    assert is_proved(receipt)
    assert terminal.activity_of(gate["run"])["state"] == "ended"
    newest, *before = ShopBook(SystemClock(), book(terminal, "orders")).orders_of(customer_of(terminal))
    assert {line.product: line.quantity for line in newest.quote.lines} == {"coffee": 1, "oat-milk": 6, "cat-food": 12}
    assert len(before) == 2


@pytest.mark.parametrize(
    ("words", "subscription", "lost"),
    [("cancel Netflix", "netflix", "five profiles"), (VERBOSE_LEAVING, "disney", "downloads")],
    ids=["short", "verbose"],
)
def test_a_subscription_is_cancelled(terminal: Terminal, words: str, subscription: str, lost: str) -> None:
    """What is lost stands on the card; after a yes it ends, and the receipt is one that a stranger accepts."""
    gate = terminal.gate_of(words)
    shown = terminal.say("show", gate["id"])
    approved = terminal.say("approve", gate["id"], "--yes")
    (receipt,) = terminal.receipts_of(gate["run"])

    assert lost in shown
    assert "Approved: at no cost." in approved
    assert is_proved(receipt)
    assert terminal.activity_of(gate["run"])["words"] == [words]
    kept = Contracts(SystemClock(), book(terminal, "subscriptions")).of(customer_of(terminal))
    assert subscription in [one.subscription for one in kept if one.cancellation and one.cancellation.key]


@pytest.mark.parametrize("words", ["book dinner Friday around 7 for 2", VERBOSE_TABLE], ids=["short", "verbose"])
def test_the_second_window_is_booked(terminal: Terminal, words: str) -> None:
    """Three options, the second taken: just that one is in the restaurant's book."""
    gate = terminal.gate_of(words)
    options = next(row["value"]["items"] for row in gate["card"]["rows"] if row["label"].endswith(".options"))
    slots = [next(row["value"]["text"] for row in one["rows"] if row["label"].endswith(".slot")) for one in options]
    terminal.ask("change", gate["id"], json.dumps({"slot": slots[1]}))
    terminal.say("approve", gate["id"], "--yes")
    (receipt,) = terminal.receipts_of(gate["run"])

    assert len(slots) == 3
    assert is_proved(receipt)
    assert terminal.activity_of(gate["run"])["state"] == "ended"
    assert [one.slot for one in Book(SystemClock(), book(terminal, "reservations")).of()].count(slots[1]) == 1


@pytest.mark.parametrize("words", ["fix kitchen sink", VERBOSE_SINK], ids=["short", "verbose"])
def test_what_nobody_does_is_said(terminal: Terminal, words: str) -> None:
    """Nothing begins, and what is done here is named."""
    before = len(terminal.ask("activity")["runs"])
    said = terminal.say("ask", words, code=Exit.USAGE)
    assert "Cancel Netflix" in said
    assert len(terminal.ask("activity")["runs"]) == before


def customer_of(terminal: Terminal) -> str:
    """Who the household is in town."""
    return str(terminal.ask("accounts")["accounts"][0]["id"])
