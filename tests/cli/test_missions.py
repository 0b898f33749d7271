"""`haloop missions`: a mission is walked from a terminal, and every answer says what comes next."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.api.conftest import Door
from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, Terminal, next_door, reachable
from tests.store.conftest import Place
from tests.workshop.conftest import opened_shop
from tests.workshop.test_queue import stands_in_queue
from tests.workshop.test_templates import CHAINED, THREE


@asynccontextmanager
async def opened_missions(folder: Path) -> AsyncIterator[Door]:
    async with opened_shop(folder) as shop:
        yield shop.door


@asynccontextmanager
async def opened_queue(folder: Path) -> AsyncIterator[Door]:
    """One whose first step finds two others before it."""
    async with opened_shop(folder) as shop:
        shop.agent.instead.append("queue")
        yield shop.door


@asynccontextmanager
async def opened_vanishing(folder: Path) -> AsyncIterator[Door]:
    """One whose first agent is gone in the middle of its work."""
    async with opened_shop(folder) as shop:
        shop.agent.instead.append("vanish")
        yield shop.door


@pytest.fixture
def workshop(place: Place, tmp_path: Path) -> Iterator[Neighbour]:
    """A running Haloop whose missions desk is open; its agent copies what it is given."""
    with next_door(tmp_path, opened_missions) as neighbour, reachable(place, neighbour):
        yield neighbour


@pytest.fixture
def wish(tmp_path: Path) -> Path:
    file = tmp_path / "wish.md"
    file.write_text("Make it dark.\n", encoding="utf-8")
    return file


def begun(haloop: Haloop, wish: Path) -> str:
    return str(haloop("missions", "new", "Dark mode", wish, "--json").document["mission"]["mission_id"])


def test_a_mission_is_walked_from_a_terminal(haloop: Haloop, workshop: Neighbour, wish: Path, tmp_path: Path) -> None:
    """Written down, begun, changed, sent back, let go on to its end; each time by an end of its id."""
    assert "There are no missions" in haloop("missions").out
    mission = begun(haloop, wish)
    end = mission[-6:]
    assert "It waits to begin" in haloop("missions", "show", end).out
    assert 'missions  "Dark mode"  begin  until' in haloop("inbox").out
    assert "if you say yes:\n    it goes on\n" in haloop("show", "1").out

    haloop("missions", "continue", end, "--yes")
    workshop.settle()
    shown = haloop("missions", "show", end).out
    assert "→  Review Structured" in shown
    assert "✓  Cleanup" in shown
    assert re.search(r"exit 0 in [0-9.,]+ s \(12,300 tokens in, 450 out, \$0\.0512\)", shown)
    assert haloop("missions", "read", end, "structured-text.md").out == "# Output from cleanup\nMake it dark.\n"

    better = tmp_path / "better.md"
    better.write_text("Make it darker.\n", encoding="utf-8")
    assert haloop("missions", "write", end, "structured-text.md", better).out == "structured-text.md is saved.\n"
    haloop("missions", "continue", end, "--yes")
    workshop.settle()
    assert haloop("missions", "read", end, "research-output.md").out.endswith("Make it darker.\n")

    assert haloop("missions", "back", end, "cleanup", "--reason", "Start over.").out == "It goes back to cleanup.\n"
    workshop.settle()
    for _ in range(4):
        haloop("missions", "continue", end, "--yes")
        workshop.settle()
    assert "completed  Complete" in haloop("missions").out


def test_what_an_attempt_used_whose_end_nobody_saw_is_shown(
    haloop: Haloop, place: Place, wish: Path, tmp_path: Path
) -> None:
    """It was killed while it asked its model; what the mission used is the sum."""
    with next_door(tmp_path, opened_vanishing) as workshop, reachable(place, workshop):
        mission = begun(haloop, wish)
        haloop("missions", "continue", mission, "--yes")
        workshop.settle()
        shown = haloop("missions", "show", mission).out
        wrote = haloop("missions", "log", mission).out
        haloop("missions", "continue", mission, "--yes")
        workshop.settle()
        again = haloop("missions", "show", mission).out

    assert "haloop missions log" in shown
    assert wrote == "No agent has written anything yet.\n"
    assert "s (3,000 tokens in, 8,192 out, $0.1319)" in shown
    assert "Of models it used 3,000 tokens in, 8,192 out, $0.1319." in shown
    assert re.search(r"s \(3,000 tokens .*\$0\.1319\), exit 0 in [0-9.,]+ s \(12,300 tokens .*\$0\.0512\)", again)
    assert "Of models it used 15,300 tokens in, 8,642 out, $0.1831." in again


def test_nothing_goes_on_without_somebody_to_ask(haloop: Haloop, workshop: Neighbour, wish: Path) -> None:
    """Without a terminal and without --yes it is refused, and the mission still waits."""
    mission = begun(haloop, wish)

    refused = haloop("missions", "continue", mission)

    assert (refused.code, "There is no terminal to ask on" in refused.err) == (2, True)
    assert "ready" in haloop("missions").out


def test_what_is_not_there_says_what_is(haloop: Haloop, workshop: Neighbour, wish: Path) -> None:
    """A mission, a step, a file and a workflow that do not exist: each refusal names those that do."""
    mission = begun(haloop, wish)
    haloop("missions", "continue", mission, "--yes")
    workshop.settle()

    assert "structured-text.md" in haloop("missions", "read", mission, "nothing.md").err
    assert "cleanup" in haloop("missions", "back", mission, "nowhere", "--reason", "x").err
    assert "haloop missions has them" in haloop("missions", "show", "zzzz").err
    unknown = haloop("missions", "new", "x", wish, "--workflow", "none")
    assert (unknown.code, "standard-feature" in unknown.err) == (4, True)
    assert haloop("missions", "show", f"m-{'0' * 8}-0000-0000-0000-{'0' * 12}").code == 4


def test_what_cannot_be_a_mission_is_said_in_a_sentence(
    haloop: Haloop, workshop: Neighbour, wish: Path, tmp_path: Path
) -> None:
    """No title, nothing in the file, or a file that is no text: refused before anything is asked for."""
    empty, bytes_alone = tmp_path / "empty.md", tmp_path / "bytes.md"
    empty.write_bytes(b"")
    bytes_alone.write_bytes(b"\xff\xfe")

    for said, words in (("TITLE", ("", wish)), ("FILE", ("x", empty)), ("UTF-8", ("x", bytes_alone))):
        refused = haloop("missions", "new", *words)
        assert (refused.code, said in refused.err, "Traceback" in refused.err) == (2, True, False)
    assert "There are no missions" in haloop("missions").out


def test_a_mission_is_completed_as_it_stands(haloop: Haloop, workshop: Neighbour, wish: Path) -> None:
    """It ends, and what it waited for is closed."""
    mission = begun(haloop, wish)

    assert haloop("missions", "complete", mission).out == "It is completed.\n"
    assert haloop("inbox", "--json").document["gates"] == []
    assert "completed" in haloop("missions").out


def test_a_step_that_waits_for_its_turn_says_where_it_stands(tmp_path: Path, haloop: Haloop, place: Place) -> None:
    """In the list, at its step and in the last line."""
    with next_door(tmp_path, opened_queue) as neighbour, reachable(place, neighbour):
        file = tmp_path / "wish.md"
        file.write_text("Make it dark.\n", encoding="utf-8")
        mission = begun(haloop, file)
        haloop("missions", "continue", mission, "--yes")
        neighbour.do(stands_in_queue(neighbour.door.practice, mission))

        assert "Cleanup, waits its turn, 3rd" in haloop("missions").out
        assert haloop("missions", "show", mission).out.splitlines()[-1] == "Its step waits its turn, 3rd."


def test_the_workflows_are_listed_with_what_is_wrong_in_one(
    haloop: Haloop, workshop: Neighbour, wish: Path, tmp_path: Path
) -> None:
    """Each by its id, which `new` takes; a file that cannot be followed is named with its line."""
    assert "standard-feature" in haloop("missions", "workflows").out
    broken = workshop.door.practice.home / "workflows" / "broken.yaml"
    broken.write_text("name: x\nsteps: 3\n", encoding="utf-8")

    shown = haloop("missions", "workflows")

    assert (shown.code, "workflows/broken.yaml of the home, line 1: " in shown.out) == (0, True)
    assert haloop("missions", "new", "x", wish, "--workflow", "standard-feature").code == 0


def test_a_step_that_asks_nobody_says_so(haloop: Haloop, workshop: Neighbour, wish: Path) -> None:
    """Where workflows are chosen, and where a mission is shown before somebody lets it go on."""
    (workshop.door.practice.home / "workflows" / "three.yaml").write_text(THREE, encoding="utf-8")

    listed = haloop("missions", "workflows")
    document = haloop("missions", "new", "x", wish, "--workflow", "three", "--json").document
    shown = haloop("missions", "show", document["mission"]["mission_id"]).out

    assert "4 steps; Look is refused what it asks for; Do acts without asking" in listed.out
    assert "   Do (acts without asking)  " in shown
    assert "   Look (is refused what it asks for)  " in shown.replace("→", " ")


def test_whoever_lets_it_go_on_is_told_what_acts_after_that(
    haloop: Haloop, place: Place, wish: Path, tmp_path: Path
) -> None:
    """Before the yes that begins it, and before the one that tries a step again, which has no file to show."""
    with next_door(tmp_path, opened_vanishing) as workshop, reachable(place, workshop):
        (workshop.door.practice.home / "workflows" / "chained.yaml").write_text(CHAINED, encoding="utf-8")
        document = haloop("missions", "new", "x", wish, "--workflow", "chained", "--json").document
        begins = Terminal("missions", "continue", document["mission"]["mission_id"])
        begins.read_until("Let it go on with exactly this? [y/N] ")
        begins.type_in("y")
        began = begins.end()
        workshop.settle()
        tries = Terminal("missions", "continue", document["mission"]["mission_id"])
        tries.read_until("Let it go on with exactly this? [y/N] ")
        tries.type_in("n")

        assert began[0] == 0
        assert "Steps that act without asking: Do, More.\r\n" in begins.seen
        assert "Steps that act without asking: Do.\r\n" in tries.seen
        assert tries.end() == (0, "Nothing was said; it still waits.\n")


def test_a_file_that_was_changed_by_hand_is_put_back_or_taken(haloop: Haloop, workshop: Neighbour, wish: Path) -> None:
    """The mission says which it is; put back it is as it was, taken it is the draft."""
    mission = begun(haloop, wish)
    raw = changed_by_hand(workshop, mission)
    seen = sha256(b"By hand.\n").hexdigest()[:12]

    shown = haloop("missions", "show", mission).out
    assert "changed by hand in the folder: take or put-back shows it" in shown
    assert seen not in shown
    assert haloop("missions", "put-back", mission, "raw-input.md", "--seen", seen).code == 0
    assert raw.read_text(encoding="utf-8") == "Make it dark.\n"

    raw.write_text("By hand.\n", encoding="utf-8")
    assert haloop("missions", "take", mission, "raw-input.md", "--seen", seen).code == 0
    assert haloop("missions", "read", mission, "raw-input.md").out == "By hand.\n"
    assert haloop("missions", "take", mission, "raw-input.md", "--seen", seen).code == 4


@pytest.mark.parametrize("how", ["put-back", "take"])
def test_what_nobody_saw_in_the_folder_is_shown_and_left_there(
    haloop: Haloop, workshop: Neighbour, wish: Path, how: str
) -> None:
    """Without a hash, with too little of one, or with that of what was there before: what is there now is shown."""
    mission = begun(haloop, wish)
    raw = changed_by_hand(workshop, mission)
    before, now = (sha256(said).hexdigest() for said in (b"Make it dark.\n", b"By hand.\n"))

    for named in ((), ("--seen", now[:2]), ("--seen", before)):
        said = haloop("missions", how, mission, "raw-input.md", *named)
        assert (said.code, "By hand." in said.err) == (2, True)
        assert said.err.index("By hand.") < said.err.index("What stands in the folder is above")
        assert said.err.rstrip().endswith(f"--seen {now[:12]}")
    assert raw.read_text(encoding="utf-8") == "By hand.\n"
    assert haloop("missions", "read", mission, "raw-input.md").out == "Make it dark.\n"


@pytest.mark.parametrize("written", [b"By hand.\n" * 200_000, b"By hand.\n\xff"])
def test_what_is_not_shown_whole_is_not_said_to_be(
    haloop: Haloop, workshop: Neighbour, wish: Path, written: bytes
) -> None:
    """Whoever drops more than they were shown, or other than that, knows that they do."""
    mission = begun(haloop, wish)
    changed_by_hand(workshop, mission).write_bytes(written)

    said = haloop("missions", "put-back", mission, "raw-input.md").err

    assert "By hand." in said
    assert "Not all that stands in the folder is above" in said
    assert "What stands in the folder is above" not in said


def changed_by_hand(workshop: Neighbour, mission: str) -> Path:
    """A file of its folder that says something else."""
    raw = workshop.door.practice.home / "missions" / mission / "artifacts" / "raw-input.md"
    raw.parent.mkdir(parents=True)
    raw.write_text("By hand.\n", encoding="utf-8")
    return raw
