"""A person's day at the command line: ask, look, say yes, keep the receipt."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from haloop.cli import program
from haloop.cli.arguments import read_arguments
from haloop.cli.card import VIEW
from haloop.cli.everyday import EVERYDAY
from haloop.cli.reaching import NotReachable, address_of, token_of
from haloop.cli.telling import SENTENCES, told_line
from haloop.identity import Caller
from haloop.kernel.errors import BadInput
from haloop.kernel.fact import AccountFact, Fact, GateApproved
from haloop.kernel.people import Role
from haloop.settings import Settings
from haloop.wire.told import Told
from tests.cli.conftest import Haloop, start
from tests.cli.neighbour import ORDER, Neighbour, asked, neighbour
from tests.store.conftest import REPOSITORY, Place

__all__ = ["neighbour"]


def test_from_a_wish_to_a_receipt_that_a_stranger_checks(haloop: Haloop, neighbour: Neighbour, tmp_path: Path) -> None:
    """Ask, look, say yes, fetch the receipt; the script that needs no Haloop proves it."""
    wish = haloop("ask", "shop.buy_if_asked", *ORDER)
    assert wish.code == 0
    assert "at most 12.50 EUR" in wish.out
    run = wish.out.splitlines()[0]
    waiting = haloop("inbox")
    assert "  1  " in waiting.out
    assert 'Shop.buy: at most 12.50 EUR to "Karl"' in waiting.out
    shown = haloop("show", "1")
    assert "if you say yes:" in shown.out
    assert "next: haloop approve" in shown.out

    said = haloop("approve", "1", "--yes")

    assert (said.code, said.out.splitlines()[0]) == (0, 'Approved: at most 12.50 EUR to "Karl".')
    assert "if you say yes:" in said.err
    neighbour.settle()
    assert "Ana said yes" in haloop("show", run).out
    assert "ended, done" in haloop("show", run[-6:]).out
    left = haloop("receipts", run, "--out", tmp_path / "kept", "--json").document
    (receipt,) = left["receipts"]
    checked = subprocess.run(
        [sys.executable, REPOSITORY / "tools" / "verify_receipt.py", receipt["file"], "--key", left["key"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PROVED" in checked.stdout
    (yes,) = [fact for fact in neighbour.facts(run) if isinstance(fact, GateApproved)]
    assert VIEW.catalogue.encode() in (yes.decision or b"")


def test_tokens_and_grants_are_shown_and_taken_back(haloop: Haloop, neighbour: Neighbour) -> None:
    """A token is said once and can be revoked; what is not there is not revoked."""
    made = haloop("tokens", "new", "shopper", "--json").document["token"]

    assert [one["id"] for one in haloop("tokens", "--json").document["tokens"]] == [made["id"]]
    assert "shopper" in haloop("tokens").out
    assert haloop("tokens", "revoke", made["id"]).code == 0
    assert haloop("tokens", "list").out == "No agent has a token.\n"
    assert "without asking" in haloop("grants").out
    assert haloop("grants", "revoke", "grt_none").code == 4
    assert haloop("grants", "--json", "revoke", "grt_none").code == 2


def test_a_grant_is_asked_for_by_its_terms_and_given_by_a_yes(haloop: Haloop, neighbour: Neighbour) -> None:
    """The card shows what it would allow; given, it is listed with what is used up of it."""
    caps = ("--to", "Karl", "--each", "5.00 EUR", "--total", "20.00 EUR")

    wished = haloop("grants", "new", "Shop.buy", *caps)
    gate = haloop("inbox", "--json").document["gates"][0]["id"]
    haloop("approve", gate, "--yes")
    neighbour.settle()

    assert "20.00 EUR" in wished.out
    listed = haloop("grants").out
    assert "Shop.buy to Karl, each at most 5.00 EUR, together 20.00 EUR in 30 day(s), in practice" in listed
    assert "0.00 EUR spent, 20.00 EUR left" in listed
    assert haloop("grants", "new", "Shop.buy", "--each", "five", "--total", "20.00 EUR").code == 2
    assert haloop("budgets").out.startswith("No ceiling is set")


def test_a_ceiling_is_set_and_taken_away(haloop: Haloop, neighbour: Neighbour) -> None:
    """By its currency and its days; what nobody could mean is refused before anything is sent."""
    assert haloop("budgets", "set", "500.00", "EUR").out.startswith("500.00 EUR in 30 day(s): 0.00 EUR spent")
    haloop("budgets", "set", "100", "EUR", "--days", "7")
    assert len(haloop("budgets", "set", "400.00", "EUR", "--json").document["budgets"]) == 2

    for words in (("0", "EUR"), ("-1", "EUR"), ("1", "EUU"), ("1.001", "EUR"), ("1", "EUR", "--days", "0")):
        assert haloop("budgets", "set", "--", *words[:2], *words[2:]).code == 2
    assert haloop("budgets", "remove", "USD").code == 2
    assert haloop("budgets", "remove", "EUR", "--days", "7").code == 0
    assert [one["amount"]["minor"] for one in haloop("budgets", "--json").document["budgets"]] == [40_000]


def test_what_takes_a_passkey_is_left_to_the_browser(haloop: Haloop, neighbour: Neighbour) -> None:
    """A terminal raises no ceiling and no role where there is a passkey; it lowers both."""
    practice = neighbour.door.practice
    ben = neighbour.do(practice.person("Ben", Role.VIEWER))
    haloop("budgets", "set", "500.00", "EUR")
    neighbour.do(practice.enrol(neighbour.door.ana))

    raised = haloop("budgets", "set", "500.01", "EUR")
    promoted = haloop("people", "roles", ben, "approver")

    assert (raised.code, promoted.code) == (4, 4)
    assert "/settings/limits" in raised.err
    assert "/settings/people" in promoted.err
    assert haloop("budgets", "set", "499.00", "EUR").code == 0


def test_hostile_words_stay_words(haloop: Haloop, neighbour: Neighbour) -> None:
    """Neither a card nor a trail moves the cursor or begins a line of its own."""
    trick = "tea\x1b[2J\rapproved\n  if you say yes:\u202e"
    run, gate = asked(haloop, f"order.item={trick}", "order.shop=Ka\x1b[8mrl", "order.cents=5")
    said = [haloop(*words) for words in (("inbox",), ("show", gate), ("show", run), ("approve", gate, "--yes"))]

    for one in said:
        assert one.code == 0
        assert all(line.isprintable() for line in (one.out + one.err).splitlines())
    assert said[3].err.count("if you say yes:") - said[3].err.count("\\n  if you say yes:") == 1


def test_a_run_is_watched_to_its_end(haloop: Haloop, neighbour: Neighbour) -> None:
    """Each event is a line; the exit code says whether it is done."""
    done, gate = asked(haloop)
    refused, other = asked(haloop)
    with start("watch", done, "--json") as watching:
        haloop("approve", gate, "--yes")
        haloop("decline", other)
        out, _ = watching.communicate(timeout=30)

    kinds = [json.loads(line)["kind"] for line in out.splitlines()]
    assert (kinds[0], kinds[-1], watching.returncode) == ("run.started", "run.ended", 0)
    assert {json.loads(line)["run"] for line in out.splitlines()} == {done}
    assert haloop("watch", refused).code == 4


def test_watching_ends_where_a_run_cannot_go_on(haloop: Haloop, neighbour: Neighbour) -> None:
    """Nobody is left waiting for a run that was parked; a script is told that it is not done."""
    run = haloop("ask", "shop.buy_as_is", *ORDER[:2], "order.cents=-5", "--json").document["run"]
    watched = haloop("watch", run, "--json")

    assert json.loads(watched.out.splitlines()[-1])["kind"] == "run.parked"
    assert watched.code == 4


def test_watching_goes_on_where_a_connection_broke(haloop: Haloop, neighbour: Neighbour) -> None:
    """When Haloop lets go of it, it comes back, and shows each event once."""
    run, gate = asked(haloop)
    with start("watch", run, "--json") as watching:
        assert watching.stdout is not None
        seen = [watching.stdout.readline()]
        neighbour.interrupt()
        haloop("approve", gate, "--yes")
        seen += watching.stdout.readlines()

    indices = [json.loads(line)["index"] for line in seen]
    assert indices == [told["index"] for told in haloop("show", run, "--json").document["run"]["trail"]]
    assert watching.returncode == 0


def test_watching_ends_quietly(haloop: Haloop, neighbour: Neighbour) -> None:
    """Ctrl-C is no error."""
    run, _ = asked(haloop)
    with start("watch", run) as watching:
        assert watching.stdout is not None
        assert "asked for shop.buy_if_asked" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=30)
    assert err.strip() == ""


def test_what_can_be_asked_for_is_listed(haloop: Haloop, neighbour: Neighbour) -> None:
    """With nothing to ask for, or something nobody does, the list says what each takes."""
    listed, unknown = haloop("ask"), haloop("ask", "kitchen.sink")

    assert (listed.code, unknown.code) == (0, 2)
    assert "shop.buy_if_asked: The same, and no grant will do." in listed.out
    assert "order.cents: whole number, or 500 if left out" in listed.out
    assert "asks.separation: true or false, or false if left out" in listed.out
    assert unknown.out.startswith("Nobody here does kitchen.sink.\n")
    assert haloop("ask", "shop.buy_if_asked").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("show", "run_a\x01b"),
        ("show", "run_../../healthz"),
        ("show", "run_\udc80"),
        ("decline", "GATE", "--reason", "\udc80"),
        ("decline", "GATE", "--reason", "x" * 2_001),
        ("change", "GATE", "[" * 100_000),
        ("tokens", "new", ""),
        ("ask", "shop.buy_if_asked", "order.item=\udc80"),
        ("ask", "shop.buy_if_asked", "order=" + "[" * 100_000),
        ("ask", "shop.buy_if_asked", *ORDER, "--key", "two\nlines"),
    ],
)
def test_what_nobody_could_mean_is_told_so(haloop: Haloop, neighbour: Neighbour, words: tuple[str, ...]) -> None:
    """Strange letters, too many of them, or too deep: a sentence, and nothing is done."""
    _, gate = asked(haloop)
    said = haloop(*(gate if word == "GATE" else word for word in words))
    assert (said.code, said.out) in ((2, ""), (4, ""))
    assert "\n  next: " in said.err
    assert haloop("show", gate, "--json").document["gate"]["status"] == "open"


def test_the_same_key_asks_once(haloop: Haloop, neighbour: Neighbour) -> None:
    """Typed twice, it is one run."""
    runs = {haloop("ask", "shop.buy_if_asked", *ORDER, "--key", "k", "--json").document["run"] for _ in range(2)}
    assert len(runs) == 1


def test_a_run_is_listed_and_cancelled(haloop: Haloop, neighbour: Neighbour) -> None:
    """The newest runs stand in lines; one that was cancelled no longer waits."""
    run, _ = asked(haloop)
    assert "shop.buy_if_asked  waits for you, asked by Ana" in haloop("activity", "--waiting").out

    assert haloop("cancel", run[-6:], "--reason", "changed my mind").code == 0

    neighbour.settle()
    assert haloop("activity", "--waiting", "--json").document["runs"] == []
    assert haloop("inbox").out == "Nothing waits for you.\n"


def test_an_owner_erases_what_a_run_said(haloop: Haloop, neighbour: Neighbour) -> None:
    """Once it has ended, after being asked, and not where a passkey would have to say so."""
    run, _ = asked(haloop)
    assert haloop("cancel", run).code == 0
    neighbour.settle()

    done = haloop("erase", run, "--because", "asked for", "--yes")

    assert (done.code, done.out) == (0, f"What {run} said is erased.\n")
    assert "(erased)" in haloop("activity").out
    assert haloop("logins").out == "No login is linked.\n"
    assert haloop("logins", "unlink", "0" * 64).code == 4


def test_people_are_invited_changed_and_taken_out(haloop: Haloop, neighbour: Neighbour) -> None:
    """An address is shown once; a name is enough to mean somebody; the list is empty again at the end."""
    made = haloop("invitations", "new", "Ben", "--role", "viewer", "--days", "2", "--json").document
    assert made["invitation"]["address"].startswith(f"{neighbour.door.address}/#invitation=inv_")
    assert "Ben  viewer" in haloop("invitations").out
    assert haloop("invitations", "withdraw", made["invitation"]["id"]).code == 0
    assert haloop("invitations", "list").out == "Nobody is invited.\n"

    neighbour.do(neighbour.door.practice.person("Cem", Role.APPROVER))
    assert "Cem  approver, viewer  no passkey" in haloop("people", "roles", "Cem", "viewer", "approver").out
    assert haloop("people", "remove", "Ana").code == 4
    assert haloop("people", "remove", "Cem").out == "Cem does not belong to the account any more.\n"
    assert [one["name"] for one in haloop("people", "--json").document["people"]] == ["Ana"]


def test_accounts_and_browsers_are_listed(haloop: Haloop, neighbour: Neighbour) -> None:
    """Which account this is and what it is called; which browsers know me, until one is ended."""
    assert "household  without a name" in haloop("accounts").out
    assert "company  Garden & Co" in haloop("accounts", "name", "company", "Garden & Co").out
    assert haloop("accounts", "new", "person", "Ana").code == 0
    assert len(haloop("accounts", "--json").document["accounts"]) == 2

    door = neighbour.door
    door.house.identity.begin(Caller(account=door.practice.account, person=door.ana), browser="Firefox on Linux")
    (seen,) = haloop("sessions", "--json").document["sessions"]
    assert f"{seen['id']}  Firefox on Linux" in haloop("sessions").out
    assert haloop("sessions", "end", seen["id"]).code == 0
    assert haloop("sessions", "list").out == "No browser knows you.\n"


@pytest.mark.parametrize("words", [("inbox",), ("activity",), ("ask",), ("grants",), ("tokens",), ("show", "RUN")])
def test_every_answer_can_be_json(haloop: Haloop, neighbour: Neighbour, words: tuple[str, ...]) -> None:
    """With `--json` there is one line of JSON on stdout, and nothing else anywhere."""
    run, _ = asked(haloop)
    said = haloop(*(run if word == "RUN" else word for word in words), "--json")

    assert (said.code, said.out.count("\n"), said.err) == (0, 1, "")
    assert said.document


def test_nobody_is_there(haloop: Haloop, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token, and with nobody at the address, the next step is to start Haloop."""
    nothing = haloop("inbox")
    monkeypatch.setenv("HALOOP_TOKEN", "x")
    monkeypatch.setenv("HALOOP_ADDRESS", "http://127.0.0.1:1")
    nobody = haloop("inbox")

    assert (nothing.code, nobody.code) == (5, 5)
    assert "No Haloop serves" in nothing.err
    assert "Nobody answers at http://127.0.0.1:1" in nobody.err
    assert all("haloop start" in said.err for said in (nothing, nobody))


def test_a_wrong_token_is_named(haloop: Haloop, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not known hears so."""
    monkeypatch.setenv("HALOOP_TOKEN", "guessed")
    said = haloop("activity", "--json")
    assert (said.code, said.document["error"]["code"]) == (4, "identity.unknown")


def test_the_homes_token_stays_on_this_machine(place: Place) -> None:
    """An address elsewhere never gets the token that opens this home."""
    settings = Settings(home=place.home, state=place.home)
    with pytest.raises(NotReachable, match="for this machine alone"):
        token_of(settings, {}, "http://localhost.example:4000")
    for strange in ("localhost:4000", "http://a b", "ftp://x", "http://x@y", "http://localhost:4000/a?b"):
        with pytest.raises(NotReachable):
            address_of(settings, {"HALOOP_ADDRESS": strange})
    assert address_of(settings, {"HALOOP_TOKEN": "given"}) == "http://localhost:4000"


def test_whoever_has_a_dead_processs_port_hears_no_token(place: Place) -> None:
    """Haloop was killed, and somebody else listens where it was: what its file says is not believed."""
    dead = {"address": "http://localhost:4555", "pid": 1, "started_at": "", "version": "0", "life": "another boot/1"}
    (place.home / "runtime").mkdir(parents=True)
    (place.home / "runtime" / "haloop.pid").write_text(json.dumps(dead))
    with pytest.raises(NotReachable, match="No Haloop serves"):
        address_of(Settings(home=place.home, state=place.home), {})


def test_values_are_json_or_text() -> None:
    """A number is a number, a decimal keeps its digits, and a dotted name fills a field."""
    typed = ["party=2", "at=20:00", "price=12.50", "wish.who=Ana", "wish.vegan=true", 'note="3"', "odd=NaN"]
    assert read_arguments(typed) == {
        "at": "20:00",
        "note": "3",
        "odd": "NaN",
        "party": 2,
        "price": "12.50",
        "wish": {"vegan": True, "who": "Ana"},
    }
    for bad in (["party"], ["=2"], ["a=1", "a=2"], ["a=1", "a.b=2"], ["a.b=1", "a=2"], ["a..b=1"]):
        with pytest.raises(BadInput):
            read_arguments(bad)


def test_every_fact_has_words() -> None:
    """No event of a trail is shown by its kind alone."""
    kinds = {one.kind for one in (*Fact.__subclasses__(), *AccountFact.__subclasses__()) if hasattr(one, "kind")}
    assert kinds - SENTENCES.keys() == set()


@pytest.mark.parametrize("one", EVERYDAY, ids=lambda one: str(one.name))
def test_an_everyday_command_explains_itself(haloop: Haloop, one: Any) -> None:
    """`--help` is the command's own, and the command is the one that was named."""
    said = haloop(one.name, "--help")
    has_json = one.name not in ("mcp", "owner")  # a program speaks to one, the other has commands of its own
    assert (said.code, "--json" in said.out) == (0, has_json)
    assert one.load().name == one.name


def test_help_loads_no_client() -> None:
    """Whoever looks for a command does not wait for what only some of them need."""
    looked = "import sys; from haloop.cli import main; main(['--help']); sys.exit('haloop.client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", looked], capture_output=True, check=False).returncode == 0


def test_every_command_stands_on_its_page() -> None:
    """docs/cli.md has a heading for each command of the program."""
    page = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    missing = [name for name in program.program.commands if f"\n### `haloop {name}" not in page]
    assert missing == []


def test_a_gate_that_a_grant_opened_says_so() -> None:
    """Nobody reads that Haloop said yes where a person's grant did."""
    says = {"gate": "gate_" + "0" * 32 + "_1", "grant": "grt_7", "person": None, "revision": 1}
    told = Told(index=1, kind="gate.approved", at="2026-01-01T00:00:00.000Z", actor="kernel", says=says)
    assert told_line(told, {}) == "2026-01-01 00:00:00Z  Haloop opened gate 000000_1 under grant grt_7"


def test_a_call_whose_turn_has_come_waits_no_longer() -> None:
    """Nobody reads that it is number 0 in a queue."""
    told = [
        Told(
            index=1,
            kind="run.queued",
            at="2026-01-01T00:00:00.000Z",
            actor="kernel",
            says={"what": what, "place": place},
        )
        for what, place in (("sandbox", 2), ("sandbox", 0), ("browser", 0))
    ]
    assert [told_line(one, {}).partition("  Haloop ")[2] for one in told] == [
        "waits for a sandbox, as number 2 in the queue",
        "has its turn at a sandbox",
        "has its turn at a browser",
    ]


def test_runs_are_looked_for(haloop: Haloop, neighbour: Neighbour) -> None:
    """By words and by where they stand; nothing that fits is said, and a misspelt state is a slip."""
    asked(haloop, "order.item=green tea", "order.shop=Karl")
    _, gate = asked(haloop, "order.item=paint", "order.shop=Karl")
    haloop("approve", gate, "--yes")
    neighbour.settle()

    tea = haloop("activity", "--search", "GREEN", "--json").document
    ended = haloop("activity", "--state", "ended", "--desk", "shop", "--since", "2026-01-01", "--json").document

    assert [run["arguments"]["order"]["item"] for run in tea["runs"]] == ["green tea"]
    assert [run["arguments"]["order"]["item"] for run in ended["runs"]] == ["paint"]
    assert tea["is_complete"]
    assert haloop("activity", "--search", "coffee").out == "Nothing fits.\n"
    assert haloop("activity", "--state", "asleep").code == 2
