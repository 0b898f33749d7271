"""`haloop missions`: software work in steps, each in a sandbox, with a person's yes between them."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import click
from pydantic import ValidationError

from haloop.cli.answer import Answer, answering
from haloop.cli.answer import show as print_on
from haloop.cli.approve import require_terminal, says_yes
from haloop.cli.gate_page import SEEN, gate_lines
from haloop.cli.naming import END_LETTERS_MIN
from haloop.cli.parts import Framed, Part, Table
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadInput, NotFound
from haloop.settings import Settings
from haloop.wire.missions import (
    ChangedFile,
    FileChanges,
    MissionChanges,
    MissionDetail,
    MissionIn,
    MissionListItem,
    StepRun,
)
from haloop.wire.workflows import WorkflowOut

TYPES = ("feature", "fix", "bugfix", "hotfix", "enhance")
_NAMES = {"title": "TITLE", "rawInput": "What FILE says", "workflow": "--workflow"}
_WHOLE = "The whole commit is a bundle that git fetch reads: haloop artifacts {run} --out FOLDER"
_SHORT = 6
"""So many letters of an id's end are enough to type."""
_GOES = {"look": "is refused what it asks for", "act": "acts without asking"}
"""How far the agent of a step goes by itself, where nobody is asked."""
_SEEN_LETTERS = 12
"""So many letters of a hash's beginning say what was seen."""
_seen = click.option("--seen", metavar="HASH", default="", help="What you saw in the folder; without it, it is shown.")
_ALL_SHOWN = "What stands in the folder is above"
_PART_SHOWN = "Not all that stands in the folder is above, but its first 1 MiB as far as that is text"
_ENDS, _TEENS = {1: "st", 2: "nd", 3: "rd"}, range(11, 14)
_ASKS = {
    "begin": "It waits to begin: haloop missions continue {id}",
    "push": "It waits for your yes to push its change: haloop missions diff {id}, then continue, write or back",
    "review": "It waits for your yes to {artifact}: haloop missions read {id} {artifact}, then continue, write or back",
    "again": "A step went wrong: haloop missions log {id} says how; haloop missions continue {id} tries it again",
    "permission": "An agent asks for something: haloop approve {gate}",
}


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def missions(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show your missions, or work on one. MISSION is its id or an end of it."""
    if context.invoked_subcommand is None:
        context.invoke(listed, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@missions.command("list")
@answering
def listed(settings: Settings) -> Answer:
    """Show them; the same as haloop missions alone."""
    return reach(settings, _list)


@missions.command()
@answering
def workflows(settings: Settings) -> Answer:
    """Show the templates that a mission may follow, and what is wrong in those that it may not."""
    return reach(settings, _workflows)


@missions.command()
@click.argument("title")
@click.argument("file", metavar="[FILE]", type=click.File("rb"), default="-")
@click.option("--type", "kind", type=click.Choice(TYPES), default="feature", show_default=True)
@click.option("--workflow", help="A template by its id, name or path. [default: standard-feature]")
@answering
def new(settings: Settings, title: str, file: BinaryIO, kind: str, workflow: str | None) -> Answer:
    """Write a mission down: its TITLE, and what you want from FILE or standard input. Nothing runs yet."""
    try:
        wanted = MissionIn.model_validate({"title": title, "type": kind, "rawInput": _text(file), "workflow": workflow})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"{_NAMES[str(first['loc'][0])]} does not fit: {first['msg']}.", code="usage.mission") from error
    return reach(settings, lambda client: _new(client, wanted))


@missions.command()
@click.argument("mission")
@answering
def show(settings: Settings, mission: str) -> Answer:
    """Show where a mission stands: its steps, its files, what it waits for, and what its agent writes."""
    return reach(settings, lambda client: _show(client, mission))


@missions.command()
@click.argument("mission")
@click.argument("name", metavar="FILE")
@answering
def read(settings: Settings, mission: str, name: str) -> Answer:
    """Show what a file of a mission says."""
    return reach(settings, lambda client: _read(client, mission, name))


@missions.command()
@click.argument("mission")
@answering
def log(settings: Settings, mission: str) -> Answer:
    """Show the last lines that a mission's agent wrote, at work or in its newest attempt."""
    return reach(settings, lambda client: _log(client, mission))


@missions.command()
@click.argument("mission")
@click.argument("path", required=False)
@answering
def diff(settings: Settings, mission: str, path: str | None) -> Answer:
    """Show what a mission changed in the project: its files, or the lines of the one at PATH."""
    return reach(settings, lambda client: _diff(client, mission, path))


@missions.command()
@click.argument("mission")
@click.argument("name", metavar="FILE")
@click.argument("source", metavar="[FROM]", type=click.File("rb"), default="-")
@answering
def write(settings: Settings, mission: str, name: str, source: BinaryIO) -> Answer:
    """Have a file of a mission say what FROM, or standard input, says; at its gate, that is a change."""
    said = _text(source)
    return reach(settings, lambda client: _write(client, mission, name, said))


@missions.command()
@click.argument("mission")
@click.argument("name", metavar="FILE")
@_seen
@answering
def take(settings: Settings, mission: str, name: str, seen: str) -> Answer:
    """Take up what somebody wrote into a mission's folder by hand; at the file's gate, that is a change."""
    return reach(settings, lambda client: _take(client, mission, name, seen))


@missions.command("put-back")
@click.argument("mission")
@click.argument("name", metavar="FILE")
@_seen
@answering
def put_back(settings: Settings, mission: str, name: str, seen: str) -> Answer:
    """Drop what somebody wrote into a mission's folder by hand: FILE says there again what was approved."""
    return reach(settings, lambda client: _put_back(client, mission, name, seen))


@missions.command("continue")
@click.argument("mission")
@click.option("--yes", is_flag=True, help="Ask nothing: you have read it.")
@answering
def continue_(settings: Settings, mission: str, yes: bool) -> Answer:  # noqa: FBT001
    """Say yes to what a mission waits for, after reading it, and let it go on."""
    before = reach(settings, lambda client: _found(client, mission))
    if not yes and before.gate is not None:
        require_terminal()
        asked = reach(settings, lambda client: _asked_about(client, before))
        print_on(sys.stderr, [*_lines(before), *asked])
        if not says_yes("Let it go on with exactly this? [y/N] "):
            return Answer(lines=["Nothing was said; it still waits."], document=_document(before))
    return reach(settings, lambda client: _go_on(client, before))


@missions.command()
@click.argument("mission")
@click.argument("step")
@click.option("--reason", required=True, help="Why; the agent that does the step again is told.")
@answering
def back(settings: Settings, mission: str, step: str, reason: str) -> Answer:
    """Send a mission back to STEP; what was made after it is stale from then on."""
    return reach(settings, lambda client: _back(client, mission, step, reason))


@missions.command()
@click.argument("mission")
@answering
def complete(settings: Settings, mission: str) -> Answer:
    """End a mission as it stands: what runs is stopped, and what waits is closed."""
    return reach(settings, lambda client: _complete(client, mission))


async def _list(client: Client) -> Answer:
    found = await client.missions()
    rows = [(one.mission_id, one.status, _at(one), one.title) for one in found]
    lines: list[Part] = [Table(columns=["mission", "status", "step", "title"], rows=rows)] if rows else []
    return Answer(
        lines=lines or ["There are no missions. Write one down with: haloop missions new TITLE FILE"],
        document={"missions": [one.model_dump() for one in found]},
    )


async def _workflows(client: Client) -> Answer:
    found = await client.workflows()
    rows = [(one.workflow_id, one.name, one.origin, _steps(one)) for one in found.workflows]
    lines: list[Part] = [Table(columns=["id", "name", "from", "steps"], rows=rows)] if rows else []
    wrong = [f"{one.file} of the {one.origin}, line {one.line}: {one.problem}." for one in found.faults]
    return Answer(
        lines=[*lines, *wrong] or ["There are no workflows. Put the shipped one there with: haloop init"],
        document=found.model_dump(),
    )


async def _new(client: Client, wanted: MissionIn) -> Answer:
    made = await client.ask_for_mission(wanted)
    lines = [f"{made.mission_id} is written down, and nothing runs yet.", _waits(await client.mission(made.mission_id))]
    return Answer(lines=lines, document={"mission": made.model_dump()})


async def _show(client: Client, name: str) -> Answer:
    found = await _found(client, name)
    return Answer(lines=_lines(found), document=_document(found))


async def _read(client: Client, name: str, file: str) -> Answer:
    found = await _found(client, name)
    content = _content(found, file)
    return Answer(lines=content.splitlines(), document={"file": file, "content": content})


async def _log(client: Client, name: str) -> Answer:
    found = await _found(client, name)
    told = await client.mission_log(found.mission_id)
    before = [f"{told.bytes_before:,} bytes stand before this in logs/{told.run_id}.log."] if told.bytes_before else []
    lines = told.tail.split("\n") if told.tail else ["No agent has written anything yet."]
    return Answer(lines=[*before, *lines], document={"log": told.model_dump()})


async def _diff(client: Client, name: str, path: str | None) -> Answer:
    found = await _found(client, name)
    if path is not None:
        one = await client.mission_change(found.mission_id, path)
        return Answer(lines=_lines_of(one, found.run), document={"change": one.model_dump()})
    changes = await client.mission_changes(found.mission_id)
    return Answer(lines=_files_of(changes, found.mission_id[-_SHORT:]), document={"changes": changes.model_dump()})


async def _write(client: Client, name: str, file: str, content: str) -> Answer:
    found = await _found(client, name)
    await client.save_artifact(found.mission_id, file, content, tag=found.gate.tag if found.gate else None)
    return Answer(lines=[f"{file} is saved."], document=_document(await client.mission(found.mission_id)))


async def _take(client: Client, name: str, file: str, seen: str) -> Answer:
    found = await _found(client, name)
    digest = _as_seen(found, file, seen)
    await client.take_artifact(found.mission_id, file, seen=digest, tag=found.gate.tag if found.gate else None)
    return Answer(
        lines=[f"{file} says what was in the folder."], document=_document(await client.mission(found.mission_id))
    )


async def _put_back(client: Client, name: str, file: str, seen: str) -> Answer:
    found = await _found(client, name)
    await client.put_back_artifact(found.mission_id, file, seen=_as_seen(found, file, seen))
    return Answer(
        lines=[f"{file} in the folder is as it was."], document=_document(await client.mission(found.mission_id))
    )


async def _go_on(client: Client, before: MissionDetail) -> Answer:
    await client.continue_mission(before.mission_id, tag=before.gate.tag if before.gate else None)
    now = await client.mission(before.mission_id)
    return Answer(lines=[f"It goes on. {_waits(now)}"], document=_document(now))


async def _back(client: Client, name: str, step: str, reason: str) -> Answer:
    found = await _found(client, name)
    known = [one["step_id"] for one in found.workflow["steps"]]
    if step not in known:
        raise BadInput(f"There is no step {step!r}.", code="usage.step", next_step=f"Name one of: {', '.join(known)}.")
    if found.gate is None or found.gate.asks != "review":
        raise BadInput("It waits for nobody's word on a file now.", code="usage.step", next_step=_waits(found))
    await client.refuse(await client.gate(found.gate.id), view=SEEN, reason=reason, back_to=step)
    return Answer(lines=[f"It goes back to {step}."], document=_document(await client.mission(found.mission_id)))


async def _complete(client: Client, name: str) -> Answer:
    found = await _found(client, name)
    await client.complete_mission(found.mission_id)
    return Answer(lines=["It is completed."], document=_document(await client.mission(found.mission_id)))


def _text(file: BinaryIO) -> str:
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file.name} is no text in UTF-8.", code="usage.file") from error


async def _found(client: Client, name: str) -> MissionDetail:
    """The mission that is meant."""
    if name.startswith("m-"):
        return await client.mission(name)
    ids = [one.mission_id for one in await client.missions() if one.mission_id.endswith(name)]
    if len(name) < END_LETTERS_MIN or len(ids) != 1:
        many = "More than one" if len(ids) > 1 else "No"
        raise BadInput(
            f"{many} mission's id ends with {name!r}.",
            code="usage.mission",
            next_step=f"Give {END_LETTERS_MIN} letters or more of its end, or all of it; haloop missions has them.",
        )
    return await client.mission(ids[0])


# What is shown


def _lines(found: MissionDetail) -> list[Part]:
    steps = [_step(found, place, step) for place, step in enumerate(found.workflow["steps"])]
    files = [(name, f"{len(said.encode()):,} bytes", _about(found, name)) for name, said in found.artifacts.items()]
    lines: list[Part] = [
        f"{found.title} ({found.type}): {found.status}",
        Table(columns=["", "step", "id", "how it went"], rows=steps),
        *([] if found.tokens_in is None else [f"Of models it used {_used(found)}."]),
        Table(columns=["file", "size", ""], rows=files),
        *([f"It went wrong: {found.last_error}"] if found.last_error else []),
        *([Framed(lines=found.current_log_tail.split("\n"))] if found.current_log_tail else []),
        _waits(found),
    ]
    return lines


def _files_of(changes: MissionChanges, end: str) -> list[Part]:
    rows = [(one.kind, f"+{one.added}", f"-{one.removed}", _named(one)) for one in changes.files]
    where = "was pushed to" if changes.pushed else "is not yet in"
    return [
        f"{changes.branch} {where} {changes.repository}.",
        f"Commit {changes.commit}, based on {changes.base}{f' ({changes.base_branch})' if changes.base_branch else ''}",
        Table(columns=["", "lines", "", "file"], rows=rows),
        *([Framed(lines=["Left out:", *changes.left_out])] if changes.left_out else []),
        f"Read a file's lines: haloop missions diff {end} PATH",
    ]


def _named(one: ChangedFile) -> str:
    name = f"{one.before} → {one.path}" if one.before else one.path
    notes = {"binary": one.binary, "a link": one.link, "may be run now": one.runs, "not to be run": one.runs is False}
    told = ", ".join(note for note, holds in notes.items() if holds)
    return f"{name} ({told})" if told else name


def _lines_of(one: FileChanges, run: str) -> list[Part]:
    if one.file.binary:
        return [f"{_named(one.file)} has no lines to show. {_WHOLE.format(run=run)}"]
    rest = [] if one.whole else [f"There is more of it than is shown here. {_WHOLE.format(run=run)}"]
    lines = [line for hunk in one.hunks for line in (hunk.begins, *hunk.lines)]
    return [*lines, *rest]


async def _asked_about(client: Client, found: MissionDetail) -> list[Part]:
    """The file that a yes would be to, the card where it does more, and who acts without asking after it."""
    if found.gate is None:
        return []
    acting: list[Part] = [f"Steps that act without asking: {', '.join(found.gate.acts)}."] if found.gate.acts else []
    name = found.gate.artifact
    if name is None:
        return acting
    file: list[Part] = [f"{name}:", Framed(lines=found.artifacts.get(name, "").splitlines())]
    return [*file, *(gate_lines(await client.gate(found.gate.id)) if found.gate.pushes else []), *acting]


def _step(found: MissionDetail, place: int, step: dict[str, str]) -> Sequence[str]:
    sign = "✓" if place < found.current_step else "→" if place == found.current_step else " "
    attempts = [one for one in found.runs if one.step_id == step["step_id"]]
    goes = _GOES.get(step.get("autonomy", ""))
    name = f"{step['name']} ({goes})" if goes else step["name"]
    return sign, name, step["step_id"], ", ".join(_went(one) for one in attempts)


def _steps(workflow: WorkflowOut) -> str:
    """Such as “8 steps; Implementation acts without asking”."""
    alone = [f"{one.name} {_GOES[one.autonomy]}" for one in workflow.steps if one.autonomy in _GOES]
    return "; ".join([f"{len(workflow.steps)} steps", *alone])


def _at(one: MissionListItem) -> str:
    return f"{one.current_step_name}, {_in_queue(one.place)}" if one.place else one.current_step_name


def _went(attempt: StepRun) -> str:
    ended = _ended(attempt)
    return ended if attempt.tokens_in is None else f"{ended} ({_used(attempt)})"


def _ended(attempt: StepRun) -> str:
    if attempt.finished_at is None:
        return _in_queue(attempt.place) if attempt.place else "at work"
    took = datetime.fromisoformat(attempt.finished_at) - datetime.fromisoformat(attempt.started_at)
    how = "ended" if attempt.exit_code is None else f"exit {attempt.exit_code}"
    return f"{how} in {took.total_seconds():,.1f} s"


def _used(of: StepRun | MissionDetail) -> str:
    return f"{of.tokens_in:,} tokens in, {of.tokens_out:,} out, ${of.cost_usd}"


def _in_queue(place: int) -> str:
    """Such as 3rd, and 13th."""
    end = "th" if place % 100 in _TEENS else _ENDS.get(place % 10, "th")
    return f"waits its turn, {place}{end}"


def _about(found: MissionDetail, name: str) -> str:
    stale = "stale: made after a step to which the mission went back" if name in found.stale else ""
    by_hand = "changed by hand in the folder: take or put-back shows it" if name in found.by_hand else ""
    return ", ".join(filter(None, (stale, by_hand)))


def _waits(found: MissionDetail) -> str:
    if found.gate is None:
        if not found.status.startswith("running"):
            return f"It is {found.status}."
        if found.workflow["steps"][found.current_step]["type"] == "human-gate":
            return "Your yes is being carried out."
        if found.runs and (place := found.runs[-1].place):
            return f"Its step {_in_queue(place)}."
        return "An agent is at work."
    end = found.mission_id[-_SHORT:]
    asks = "push" if found.gate.pushes else found.gate.asks
    return _ASKS[asks].format(id=end, artifact=found.gate.artifact, gate=found.gate.id)


def _as_seen(found: MissionDetail, file: str, seen: str) -> str:
    """The hash of what a file in the folder says, where that was seen; where it was not, it is shown now.

    The hash is printed below the content and nowhere else: beside a name alone, it would be typed unseen.
    """
    if file not in found.by_hand:
        raise NotFound(
            f"Nobody changed {file} in the mission's folder.",
            code="mission.not_by_hand",
            next_step="haloop missions show has what was changed by hand.",
        )
    digest = found.by_hand_digests[file]
    if len(seen) >= _SEEN_LETTERS and digest.startswith(seen):
        return digest
    print_on(sys.stderr, [f"{file} in the folder:", Framed(lines=found.by_hand[file].splitlines())])
    shown = _PART_SHOWN if file in found.by_hand_in_part else _ALL_SHOWN
    raise BadInput(
        f"{shown}, and you have not said that you saw it, so nothing was done to {file}.",
        code="usage.seen",
        next_step=f"Say the same with --seen {digest[:_SEEN_LETTERS]}",
    )


def _content(found: MissionDetail, file: str) -> str:
    if file not in found.artifacts:
        raise BadInput(
            f"There is no file {file!r}.", code="usage.file", next_step=f"There are: {', '.join(found.artifacts)}."
        )
    return found.artifacts[file]


def _document(found: MissionDetail) -> dict[str, Canonical]:
    return {"mission": found.model_dump()}
