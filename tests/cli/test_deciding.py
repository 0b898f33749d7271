"""A person's word at the command line: yes after reading, no, and what should be different."""

import pytest

from haloop.cli.card import amount_words, card_lines
from haloop.kernel.canonical import Canonical
from tests.cli.conftest import Haloop, start
from tests.cli.neighbour import ORDER, Neighbour, Terminal, asked, neighbour

__all__ = ["neighbour"]


def test_a_no_ends_it(haloop: Haloop, neighbour: Neighbour) -> None:
    """What was declined never happens, and whoever asked reads why."""
    run, gate = asked(haloop)

    said = haloop("decline", gate[-8:], "--reason", "too dear")

    neighbour.settle()
    assert said.code == 0
    assert "refused: too dear" in haloop("show", run).out
    assert neighbour.door.shop.sold == []
    again = haloop("approve", gate, "--yes")
    assert (again.code, "nobody can answer it any more" in again.err) == (4, True)


def test_a_change_asks_again(haloop: Haloop, neighbour: Neighbour) -> None:
    """The new draft is shown; one that cannot be made says why."""
    _, gate = asked(haloop)

    changed = haloop("change", gate, "400")
    refused = haloop("change", gate, "-1")

    assert (changed.code, "revision 2" in changed.out, "at most 4.00 EUR" in changed.out) == (0, True, True)
    assert "It could not be changed: Nobody sells for less than nothing." in refused.out
    assert haloop("change", gate, "four").code == 2


def test_at_a_terminal_the_amount_is_named_in_the_question(haloop: Haloop, neighbour: Neighbour) -> None:
    """The card first, then a question with the amount; what is neither yes nor no is asked again."""
    _, gate = asked(haloop)
    terminal = Terminal("approve", gate)
    terminal.read_until('Approve at most 12.50 EUR to "Karl"? [yes/no]')
    assert terminal.seen.index("if you say yes:") < terminal.seen.index("Approve at most")
    terminal.type_in("perhaps")
    terminal.read_until("Please say yes or no.")
    terminal.type_in("yes")

    code, out = terminal.end()

    assert (code, out.startswith('Approved: at most 12.50 EUR to "Karl".')) == (0, True)


def test_a_no_to_the_question_leaves_it_open(haloop: Haloop, neighbour: Neighbour) -> None:
    """Not to approve is not to decline."""
    _, gate = asked(haloop)
    terminal = Terminal("approve", gate)
    terminal.read_until("[yes/no]")
    terminal.type_in("no")

    assert terminal.end()[0] == 4
    assert len(haloop("inbox", "--json").document["gates"]) == 1


def test_a_yes_that_came_too_late_says_what_is_different(haloop: Haloop, neighbour: Neighbour) -> None:
    """Somebody changed it while the card stood there: nothing is bought, and the difference is shown."""
    _, gate = asked(haloop)
    terminal = Terminal("approve", gate)
    terminal.read_until("[yes/no]")
    haloop("change", gate, "400")
    terminal.type_in("yes")

    code, out = terminal.end()

    assert code == 4
    assert "Not counted: " in out
    assert "12.50 EUR" in out
    assert "4.00 EUR" in out
    assert "next: haloop show" in out
    assert neighbour.door.shop.sold == []


def test_a_yes_to_a_revision_is_to_no_other(haloop: Haloop, neighbour: Neighbour) -> None:
    """A script that read one card does not approve the next."""
    _, gate = asked(haloop)
    haloop("change", gate, "400")

    late, fitting = (haloop("approve", gate, "--yes", "--revision", number, "--json") for number in (1, 2))

    assert (late.code, late.document["error"]["code"]) == (4, "answer.stale")
    assert fitting.document["gate"]["status"] == "approved"


def test_without_a_terminal_nobody_is_asked(haloop: Haloop, neighbour: Neighbour) -> None:
    """A pipe that says yes is no person; a script says --yes."""
    _, gate = asked(haloop)
    with start("approve", gate) as command:
        out, err = command.communicate(timeout=30)
    assert (command.returncode, out) == (2, "")
    assert "--yes" in err
    assert len(haloop("inbox", "--json").document["gates"]) == 1


def test_one_yes_is_to_every_card_that_was_shown(haloop: Haloop, neighbour: Neighbour) -> None:
    """Both cards first, then one question with the amount of all; both are bought."""
    gates = [asked(haloop)[1] for _ in range(2)]
    terminal = Terminal("approve", *gates)
    terminal.read_until('Approve all 2 of them, at most 25.00 EUR to "Karl" together? [yes/no]')
    assert terminal.seen.count("if you say yes:") == 2
    terminal.type_in("yes")

    code, out = terminal.end()

    neighbour.settle()
    assert (code, out.count("Approved: at most 12.50 EUR")) == (0, 2)
    assert len(neighbour.door.shop.sold) == 2


def test_of_several_what_was_changed_is_not_approved(haloop: Haloop, neighbour: Neighbour) -> None:
    """The other one is; the difference is shown, and the exit code says that not all counts."""
    gates = [asked(haloop)[1] for _ in range(2)]
    terminal = Terminal("approve", *gates)
    terminal.read_until("[yes/no]")
    haloop("change", gates[0], "400")
    terminal.type_in("yes")

    code, out = terminal.end()

    neighbour.settle()
    assert code == 4
    assert "Not counted: " in out
    assert "at most 12.50 EUR" in out
    assert "at most 4.00 EUR" in out
    assert [one.cents for one in neighbour.door.shop.sold] == [1250]


def test_several_gates_are_named_once_each(haloop: Haloop, neighbour: Neighbour) -> None:
    """The same twice is a slip, and one revision is not that of several."""
    gates = [asked(haloop)[1] for _ in range(2)]
    assert haloop("approve", gates[0], gates[0], "--yes").code == 2
    assert haloop("approve", *gates, "--yes", "--revision", "1").code == 2
    assert haloop("approve", "--yes").code == 2
    assert len(haloop("approve", *gates, "--yes", "--json").document["rows"]) == 2


def test_more_time_is_given(haloop: Haloop, neighbour: Neighbour) -> None:
    """A week becomes nine days; more than policy allows is refused."""
    _, gate = asked(haloop)
    before = haloop("show", gate, "--json").document["gate"]["expires"]

    said = haloop("extend", gate, "--days", "2", "--json")

    assert said.document["gate"]["expires"] - before == 2 * 86_400_000_000
    assert haloop("extend", gate, "--days", "90").code == 4


def test_a_person_says_how_it_ended(haloop: Haloop, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is uncertain is shown with what to say; what cannot be read is refused, and a good finding ends the run."""
    token = haloop("tokens", "new", "shopper", "--json").document["token"]["token"]
    neighbour.door.shop.fails = True
    with monkeypatch.context() as agent:
        agent.setenv("HALOOP_TOKEN", token)
        run, gate = asked(haloop)
    haloop("approve", gate, "--yes")
    neighbour.settle()

    shown = haloop("settle", run)
    refused = [
        haloop("settle", run, "--happened", "{number: 1"),
        haloop("settle", run, "--happened", "{}"),
        haloop("settle", run, "wrap", "--did-not-happen"),
        haloop("settle", run, "--happened", "{}", "--did-not-happen"),
    ]
    said = haloop("settle", run, "--did-not-happen", "--because", "Karl has no such order.")

    neighbour.settle()
    assert "buy: Shop.buy(" in shown.out
    assert "number: text" in shown.out
    assert [one.code for one in refused] == [2, 2, 2, 2]
    assert (said.code, "buy did not happen, by your word" in said.out) == (0, True)
    assert "Karl has no such order." in haloop("show", run).out
    assert haloop("settle", run).out == "Nothing in it is uncertain.\n"


def test_what_must_be_read_takes_a_yes_of_its_own(haloop: Haloop, neighbour: Neighbour) -> None:
    """After an effect of unknown outcome the same again is approved only by somebody who has read that."""
    neighbour.door.shop.fails = True
    _, first = asked(haloop)
    haloop("approve", first, "--yes")
    neighbour.settle()
    neighbour.door.shop.fails = False
    _, gate = asked(haloop)

    hasty = haloop("approve", gate, "--yes")
    terminal = Terminal("approve", gate)
    terminal.read_until("shall it still go on? [yes/no]")
    terminal.type_in("yes")
    terminal.read_until('Approve at most 12.50 EUR to "Karl"? [yes/no]')
    terminal.type_in("yes")

    assert (hasty.code, "--read" in hasty.err) == (2, True)
    assert "it may have happened" in terminal.seen
    assert terminal.end()[0] == 0


def test_what_a_passkey_must_approve_is_approved_in_the_browser(haloop: Haloop, neighbour: Neighbour) -> None:
    """A terminal says where."""
    document = haloop("ask", "shop.buy", *ORDER, 'asks={"passkey": true}', "--json").document
    (gate,) = document["gates"]

    said = haloop("approve", gate["id"], "--yes")

    assert (said.code, f"{neighbour.door.address}/open?draft_id={gate['id']}" in said.err) == (4, True)


def test_an_agent_hears_that_it_cannot_approve(
    haloop: Haloop, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under an agent's token one may ask and look; the yes is refused."""
    token = haloop("tokens", "new", "shopper", "--days", "2").out.splitlines()[0]
    monkeypatch.setenv("HALOOP_TOKEN", token)
    run, gate = asked(haloop)

    said = haloop("approve", gate, "--yes")
    inbox = haloop("inbox", "--json")

    assert (said.code, "agent" in said.err.lower()) == (4, True)
    assert inbox.document["error"]["code"] == "identity.not_allowed"
    assert "agent shopper asked for shop.buy_if_asked" in haloop("show", run).out
    assert neighbour.door.shop.sold == []


def test_a_number_means_the_gate_that_was_shown(haloop: Haloop, neighbour: Neighbour) -> None:
    """When an older gate is gone, the numbers that somebody read still mean the same."""
    (_, first), (_, second) = asked(haloop), asked(haloop)
    haloop("inbox")
    haloop("decline", first)

    assert haloop("show", "2", "--json").document["gate"]["id"] == second
    assert haloop("show", "1", "--json").document["gate"]["status"] == "refused"
    assert haloop("show", "3").code == 2


def test_an_amount_without_a_limit_is_said() -> None:
    """Several effects are added up; one that names no amount is not passed over."""
    euros: Canonical = {"currency": "EUR", "minor": 1000, "type": "money"}
    paid: Canonical = {"cost_max": euros, "payee": "Karl"}
    assert amount_words({"effects": [paid, paid]}) == 'at most 20.00 EUR to "Karl"'
    unlimited: Canonical = {"effects": [paid, {"cost_max": None, "payee": "Lena"}]}
    assert amount_words(unlimited) == 'at most 10.00 EUR and an amount that nobody limited to "Karl", "Lena"'
    assert amount_words({"effects": []}) == "at no cost"
    assert list(card_lines({"title": "x"})) == []


def test_one_yes_of_two_opens_nothing(haloop: Haloop, neighbour: Neighbour) -> None:
    """Where two people are needed, the first hears that their yes counts and that it still waits."""
    neighbour.do(neighbour.door.practice.person("Ben"))
    (gate,) = haloop("ask", "shop.buy", *ORDER, 'asks={"count": 2}', "--json").document["gates"]

    said = haloop("approve", gate["id"], "--yes")

    assert (said.code, "Your yes counts; the gate is open" in said.out) == (0, True)
    assert "it takes 2 yeses of an approver or owner; 1 said so already" in haloop("show", gate["id"]).out
    assert neighbour.door.shop.sold == []


def test_a_number_means_what_the_inbox_showed(haloop: Haloop, neighbour: Neighbour) -> None:
    """Somebody changed the amount after the inbox was read: a yes to the number, unseen, is not a yes to that."""
    _, gate = asked(haloop)
    haloop("inbox")
    assert haloop("change", gate, "99900").code == 0

    unseen = haloop("approve", "1", "--yes")

    assert (unseen.code, "It stands at revision 2, not 1" in unseen.err) == (4, True)
    haloop("inbox")
    assert haloop("approve", "1", "--yes").code == 0
