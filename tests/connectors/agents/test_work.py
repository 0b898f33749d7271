"""What an attempt at a step comes to: a file that was looked at, or a sentence that says why there is none."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError

from haloop.connectors.agents.changes import told_of
from haloop.connectors.agents.log import Log
from haloop.connectors.agents.workplace import OUTPUT_BYTES_MAX, Wrong
from haloop.kernel.failure import Permanent
from haloop.ports.agents import Artifact, Check, Fell, Made
from haloop.ports.projects import Base, Copy, Project, Use
from tests.connectors.agents.conftest import GIVEN, Works, shell
from tests.engines.outside import until


async def test_the_mock_copies_what_it_is_given_below_a_heading(works: Works) -> None:
    """The plans' stand-in does exactly what they say, and what it made is kept for the run by its hash."""
    worked = await works.agents().work(await works.task())

    assert works.made(worked) == f"# Output from Cleanup\n{GIVEN}"
    assert isinstance(worked, Made)
    assert worked.artifact == Artifact(
        name="structured-text.md",
        digest=sha256(works.made(worked).encode()).hexdigest(),
        size=len(works.made(worked)),
    )
    assert worked.exit_code == 0


async def test_a_step_may_be_called_anything(works: Works) -> None:
    """A name with quotes and a command in it is a heading, and no command."""
    name = 'It\'s $(touch owned); `id` "done"'

    worked = await works.agents().work(await works.task(name=name))

    assert works.made(worked) == f"# Output from {name}\n{GIVEN}"


async def test_a_sandbox_is_named_and_labelled_for_its_attempt(works: Works) -> None:
    """Whoever looks at the sandboxes of this machine sees whose each is, and a second one of an attempt is noticed."""
    task = await works.task()

    worked = await works.agents().work(task)

    assert isinstance(worked, Made)
    assert worked.sandbox == f"haloop-{task.attempt}"
    assert works.sandboxes.works[0].labels == {
        "haloop.mission_id": task.mission,
        "haloop.run_id": task.attempt,
        "haloop.step_id": "cleanup",
    }


async def test_an_attempt_that_is_over_leaves_its_log_alone(works: Works) -> None:
    """No folder and no sandbox stays, whatever an agent made; what it wrote on both its streams is in its log."""
    worked = await works.done(
        "mkdir -p deep/er; chmod 000 deep; ln -s / away; cp {input} {output}; echo out; echo err >&2"
    )

    assert isinstance(worked, Made)
    assert works.work_folders() == []
    assert works.sandboxes.there == {}
    assert sorted(works.said(worked).split()) == ["err", "out"]
    assert Path("/").exists()


async def test_folders_in_folders_without_end_are_removed_too(works: Works) -> None:
    """An agent cannot leave behind what Python itself could not walk through."""
    deep = "for i in $(seq 1500); do mkdir abcdefgh && cd abcdefgh || exit; done"

    worked = await works.done(f"cp {{input}} {{output}}; {deep}")

    assert isinstance(worked, Made)
    assert works.work_folders() == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo 'I am done, all is well'; exit 0", "It ended without leaving structured-text.md."),
        ("touch {output}", "What it left as structured-text.md is empty."),
        ("ln -s /etc/hostname {output}", "What it left as structured-text.md is no plain file."),
        ("mkfifo {output}", "What it left as structured-text.md is no plain file."),
        ("mkdir {output}", "What it left as structured-text.md is no plain file."),
        ("rm -r artifacts; ln -s /etc artifacts", "What it left as structured-text.md is no plain file."),
        ("rm -r artifacts", "It ended without leaving structured-text.md."),
        ("printf '\\377' > {output}", "structured-text.md is no text in UTF-8."),
        (f"truncate -s {OUTPUT_BYTES_MAX + 1} {{output}}", f"is larger than {OUTPUT_BYTES_MAX} bytes."),
    ],
)
async def test_an_agent_that_claims_to_be_done_is_told_what_is_missing(works: Works, command: str, said: str) -> None:
    """Its exit code counts for nothing: no file, no plain one, or none that can be read is said in a sentence."""
    worked = await works.done(command)

    assert isinstance(worked, Fell)
    assert worked.reason.endswith(said)
    assert worked.exit_code == 0
    assert works.said(worked).endswith(f"[haloop] {worked.reason}\n")


async def test_what_it_left_counts_however_its_program_ended(works: Works) -> None:
    """A program that ends badly after it left its file has made it."""
    worked = await works.done("cp {input} {output}; exit 3")

    assert works.made(worked) == GIVEN
    assert isinstance(worked, Made)
    assert worked.exit_code == 3


@pytest.mark.parametrize(
    ("output", "checks", "content", "said"),
    [
        ("a.md", (Check.NOT_EMPTY,), " \n ", "a.md says nothing."),
        ("a.md", (Check.MARKDOWN_HEADING,), "#no heading", "a.md has no heading."),
        ("a.json", (), '{"a": ', "a.json is no JSON: "),
        ("a.json", (), "[" * 100_000, "a.json is no JSON that can be read: it is nested too deeply."),
        ("a.txt", (Check.JSON,), "no", "a.txt is no JSON: "),
        ("a.json", (Check.IMPLEMENTATION_RESULT,), "{}", "a.json does not say what was implemented: status: "),
        (
            "a.json",
            (Check.IMPLEMENTATION_RESULT,),
            '{"status":"done","filesCreated":[],"filesModified":[],"testsAdded":[],"notes":""}',
            "a.json does not say what was implemented: status: ",
        ),
    ],
)
async def test_a_file_that_does_not_read_as_it_should_is_not_taken(
    works: Works, output: str, checks: tuple[Check, ...], content: str, said: str
) -> None:
    """Each check says what is wrong with which file; a name that ends in .json asks for JSON by itself."""
    given = await works.files.keep("acc_ana", "run_1", "raw.txt", content.encode())

    worked = await works.done("cp {input} {output}", given=given, output=output, checks=checks)

    assert isinstance(worked, Fell)
    assert worked.reason.startswith(said)


async def test_a_file_that_reads_as_it_should_is_taken(works: Works) -> None:
    """All checks at once, and a key that nobody asked for."""
    result = '{"status":"blocked","filesCreated":[],"filesModified":["a"],"testsAdded":[],"notes":"No","more":1}'
    given = await works.files.keep("acc_ana", "run_1", "plan.md", result.encode())
    checks = (Check.NOT_EMPTY, Check.JSON, Check.IMPLEMENTATION_RESULT)

    worked = await works.done("cp {input} {output}", given=given, output="implementation-result.json", checks=checks)

    assert works.made(worked) == result


async def test_an_agent_sees_what_was_approved_and_no_older_version_of_what_it_makes(works: Works) -> None:
    """What it is given wins over what lies beside; its own output is not there before it made it."""
    beside = tuple(
        [
            await works.files.keep("acc_ana", "run_1", name, content)
            for name, content in {"notes.md": b"see", "raw-input.md": b"older", "structured-text.md": b"older"}.items()
        ]
    )

    worked = await works.done(
        "there=$(ls artifacts); cat artifacts/* > all; echo $there > {output}; cat all >> {output}", beside=beside
    )

    assert works.made(worked) == f"notes.md raw-input.md\nsee{GIVEN}"


async def test_a_file_that_is_not_what_was_approved_starts_nothing(works: Works) -> None:
    """Bytes that do not have the hash they go by are given to no agent."""
    task = await works.task()
    works.files.by_digest[task.given.digest] = b"something else"

    with pytest.raises(Permanent, match="is not what was approved"):
        await works.agents().work(task)

    assert works.sandboxes.works == []
    assert works.work_folders() == []


@pytest.mark.parametrize(
    "bad",
    [
        {"mission": "m-../../etc"},
        {"attempt": "../r-1"},
        {"output": ".."},
        {"output": "a/b.md"},
        {"output": "a.md\n"},
        {"step": "a/b"},
    ],
)
async def test_a_name_that_leads_elsewhere_is_refused(works: Works, bad: dict[str, str]) -> None:
    """A name with a slash or dots that climb is none, wherever it would be used."""
    with pytest.raises(ValidationError):
        await works.task(**bad)


async def test_there_is_no_agent_but_those_that_are_named(works: Works) -> None:
    """A template that names another is told which there are."""
    with pytest.raises(Permanent, match=r"There is no agent ../../any-agent; there are cleanup-agent\."):
        await works.agents().work(await works.task(agent="../../any-agent"))


async def test_an_agent_that_takes_too_long_is_stopped_and_what_it_left_does_not_count(works: Works) -> None:
    """A file that is there by then may be half of one."""
    worked = await works.done("cp {input} {output}; sleep 60", minutes=0)

    assert isinstance(worked, Fell)
    assert worked.reason == "It was stopped after 0 minutes."
    assert works.work_folders() == []


async def test_a_step_that_is_cancelled_leaves_nothing_running(works: Works) -> None:
    """Its sandbox is stopped, its folder gone, and it is nowhere to be found."""
    task = await works.task()
    working = asyncio.create_task(works.agents(shell("echo begun; sleep 60")).work(task))
    await until(lambda: bool(works.log(task.attempt)))
    process = works.sandboxes.there[f"haloop-{task.attempt}"].process

    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert process.returncode is not None
    assert works.sandboxes.there == {}
    assert works.work_folders() == []


async def test_what_an_attempt_left_that_was_cut_short_is_not_used(works: Works) -> None:
    """The same attempt, run again after a crash, begins with an empty folder, and its log goes on."""
    task = await works.task()
    left = works.missions / task.mission / "work" / task.attempt / "artifacts"
    left.mkdir(parents=True)
    (left / "structured-text.md").write_text("half of it")

    worked = await works.agents(shell("ls artifacts; echo again")).work(task)

    assert isinstance(worked, Fell)
    assert works.said(worked).startswith("raw-input.md\nagain\n")


async def test_many_work_at_once_and_none_sees_another(works: Works) -> None:
    """Twenty attempts of one mission each leave what they were given."""
    agents = works.agents(shell("ls -d ../* > list; cp {input} {output}"))
    tasks = [
        await works.task(given=await works.files.keep("acc_ana", "run_1", "raw-input.md", f"# {number}".encode()))
        for number in range(20)
    ]

    worked = await asyncio.gather(*(agents.work(task) for task in tasks))

    assert [works.made(one) for one in worked] == [f"# {number}" for number in range(20)]
    assert works.work_folders() == []


async def test_a_prompt_says_which_files_and_why_it_was_sent_back(works: Works) -> None:
    """The words for its kind of step come on standard input, with the reason in whoever's words they were."""
    worked = await works.done("cat > {output}", why="The $door is missing: ${why} {output}")

    assert "/mission/artifacts/raw-input.md" in works.made(worked)
    assert "Write /mission/artifacts/structured-text.md" in works.made(worked)
    assert "> The $door is missing: ${why} {output}" in works.made(worked)


@pytest.mark.parametrize("agent", ["cleanup-agent", "research-agent", "planning-agent", "impl-agent", "any-other"])
async def test_every_agent_is_told_what_to_read_and_what_to_leave(works: Works, agent: str) -> None:
    """The four that ship have words of their own; any other gets the general ones. No reason is made up."""
    agents = works.agents()

    prompt = agents.prompts.text(await works.task(agent=agent))

    assert "/mission/artifacts/raw-input.md" in prompt
    assert "/mission/artifacts/structured-text.md" in prompt
    assert "sent it back" not in prompt


async def test_a_prompt_nobody_reads_stops_nothing(works: Works) -> None:
    """A program that does not listen may end all the same, however long the prompt."""
    worked = await works.done("cp {input} {output}", why="x" * 1_000_000)

    assert works.made(worked) == GIVEN


def test_a_log_stays_below_its_bound(tmp_path: Path) -> None:
    """Its beginning and its end are kept, and a line says how much is missing between them."""
    log = Log(tmp_path / "logs" / "r.log", bytes_max=4_000)
    for number in range(1_000):
        log.write(f"line {number}\n".encode())
    log.close()

    text = (tmp_path / "logs" / "r.log").read_text()
    before, left_out, after = text.partition("\n[haloop] ")[0], text.count("[haloop]"), text.rpartition("here.\n")[2]
    missing = int(text.partition("[haloop] ")[2].partition(" ")[0])
    assert len(text) <= 4_000
    assert left_out == 1
    assert before.startswith("line 0\n")
    assert after.endswith("line 999\n")
    assert len(before) + len(after) + missing == sum(len(f"line {number}\n") for number in range(1_000))


def test_a_log_that_comes_at_once_is_bounded_too(tmp_path: Path) -> None:
    """One piece that is larger than the whole log may be is kept in its beginning and its end."""
    log = Log(tmp_path / "r.log", bytes_max=4_000)
    log.write(b"a" * 5_000 + b"b" * 5_000)
    log.close()

    kept = (tmp_path / "r.log").read_bytes()
    assert len(kept) <= 4_000
    assert kept.startswith(b"a" * 1_000)
    assert kept.endswith(b"b" * 1_000)


def test_a_new_attempt_at_logging_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """What was written before a crash stays."""
    for said in (b"one\n", b"two\n"):
        log = Log(tmp_path / "r.log")
        log.write(said)
        log.close()

    assert (tmp_path / "r.log").read_bytes() == b"one\ntwo\n"


async def test_a_result_that_says_what_was_changed_takes_no_more_room_than_a_file_may(works: Works) -> None:
    """Lists in lists are kept as short as they were left; what would be too long all the same is a sentence."""
    base = Base(project=Project(name="garden", path="/garden"), commit="0" * 40, branch="main")
    copy = Copy(base=base, use=Use.CHANGE, title="Dark")
    task = await works.task(project=copy, output="implementation-result.json")
    deep, zeros = "[" * 180 + ",".join("0" * 50_000) + "]" * 180, ",".join(["1e15"] * (OUTPUT_BYTES_MAX // 6))
    said = '{"status":"completed","filesCreated":[],"filesModified":[],"testsAdded":[],"notes":"","x":%s}'

    told = told_of(task, (said % deep).encode(), None)

    assert isinstance(told, bytes)
    assert len(told) < 2 * len(said % deep)
    assert json.loads(told) == {**json.loads(said % deep), "branch": None, "commit": None}
    assert isinstance(told_of(task, (said % f"[{zeros}]").encode(), None), Wrong)
