"""Missions as they are told to others, on the wire and in their folders: plain fields, and times as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256

from haloop.connectors.projects.difference import FileChange, Hunk
from haloop.desks.missions.drafts import spelled
from haloop.desks.missions.progress import Attempt, OpenGate, Progress
from haloop.desks.missions.workflow import as_template
from haloop.engines.decisions import GateView
from haloop.kernel.clock import as_datetime
from haloop.ports.models import Cost
from haloop.ports.projects import Change
from haloop.wire.missions import (
    ChangedFile,
    ChangedLines,
    FileChanges,
    MissionChanges,
    MissionDetail,
    MissionGate,
    MissionListItem,
    MissionLog,
    MissionMeta,
    StepRun,
)

COMPLETE = "Complete"
REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote by hand into a file, as far as it was read, and the hash of all of it."""

    said: bytes
    digest: str

    @property
    def text(self) -> str:
        return self.said.decode(errors="replace")

    @property
    def is_all_said(self) -> bool:
        """Whether the text is all of it: not its beginning alone, and nothing replaced that is no text."""
        return sha256(self.text.encode()).hexdigest() == self.digest


def item(progress: Progress) -> MissionListItem:
    """A mission in the list."""
    return MissionListItem(
        mission_id=progress.mission,
        title=progress.brief.title,
        type=progress.brief.type,
        status=progress.status,
        current_step_name=progress.step.name if progress.step else COMPLETE,
        updated_at=moment(progress.updated_at),
        place=progress.waits_at or None,
    )


def meta(progress: Progress) -> MissionMeta:
    """What a mission is, without its files."""
    return MissionMeta(
        mission_id=progress.mission,
        title=progress.brief.title,
        type=progress.brief.type,
        workflow_id=progress.brief.workflow.workflow_id,
        current_step=progress.place,
        status=progress.status,
        created_at=moment(progress.created_at),
        updated_at=moment(progress.updated_at),
        errors=list(progress.errors),
        last_error=progress.last_error,
    )


def detail(
    progress: Progress,
    contents: Mapping[str, str],
    *,
    gate: GateView | None,
    tail: str | None,
    by_hand: Mapping[str, Written],
    costs: Mapping[str, Cost],
) -> MissionDetail:
    """A mission with its files, and what its attempts used of models."""
    used = sum(costs.values(), Cost()) if costs else None
    return MissionDetail(
        **meta(progress).model_dump(),
        workflow=dict(as_template(progress.brief.workflow)),
        artifacts=dict(contents),
        runs=[step_run(one, costs.get(one.id)) for one in progress.attempts],
        tokens_in=used.tokens_in if used else None,
        tokens_out=used.tokens_out if used else None,
        cost_usd=used.usd if used else None,
        current_log_tail=tail,
        gate=None if gate is None or progress.gate is None else _gate(progress, progress.gate, gate),
        stale=sorted(progress.stale),
        by_hand={name: one.text for name, one in by_hand.items()},
        by_hand_digests={name: one.digest for name, one in by_hand.items()},
        by_hand_in_part=[name for name, one in by_hand.items() if not one.is_all_said],
        project=None if progress.brief.project is None else progress.brief.project.path,
        changed=progress.change is not None,
        parked=progress.parked is not None,
        run=progress.run,
    )


def changes(change: Change, files: Sequence[FileChange], *, is_pushed: bool) -> MissionChanges:
    """What a mission changed in the project."""
    return MissionChanges(
        repository=change.base.project.path,
        base=change.base.commit,
        base_branch=change.base.branch,
        branch=change.branch,
        commit=change.commit,
        added=change.added,
        removed=change.removed,
        files=[_changed(one) for one in files],
        left_out=[spelled(one) for one in change.left_out],
        pushed=is_pushed,
    )


def lines(one: FileChange, hunks: Sequence[Hunk]) -> FileChanges:
    """What is different in one file."""
    is_cut = one.is_binary or any(hunk.is_cut for hunk in hunks)
    shown = sum(sum(line.startswith(("+", "-")) for line in hunk.lines) for hunk in hunks)
    return FileChanges(
        file=_changed(one),
        hunks=[ChangedLines(begins=hunk.begins, lines=list(hunk.lines)) for hunk in hunks],
        whole=one.is_whole and not is_cut and shown == one.added + one.removed,
    )


def step_run(attempt: Attempt, use: Cost | None) -> StepRun:
    """One attempt at a step, and what it used of a model."""
    return StepRun(
        step_id=attempt.step,
        run_id=attempt.id,
        started_at=moment(attempt.started_at),
        finished_at=None if attempt.finished_at is None else moment(attempt.finished_at),
        exit_code=attempt.exit_code,
        container_id=attempt.sandbox or None,
        place=attempt.place or None,
        tokens_in=use.tokens_in if use else None,
        tokens_out=use.tokens_out if use else None,
        cost_usd=use.usd if use else None,
    )


def log_of(attempt: Attempt, use: Cost | None) -> MissionLog:
    """The log of an attempt, before anything is read of it, and what it used of a model so far."""
    told = step_run(attempt, use)
    return MissionLog(run_id=told.run_id, tokens_in=told.tokens_in, tokens_out=told.tokens_out, cost_usd=told.cost_usd)


def moment(microseconds: int) -> str:
    """Such as 2027-03-03T12:00:00.000Z."""
    text = as_datetime(microseconds).astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def tag_of(seen: GateView) -> str:
    """By which a gate's revision is known, so that nobody says yes to another."""
    return f"{seen.gate.id}.{seen.gate.revision}.{seen.gate.draft[:16]}"


def _changed(one: FileChange) -> ChangedFile:
    return ChangedFile(
        path=one.path,
        before=one.before,
        kind=one.kind,
        added=one.added,
        removed=one.removed,
        binary=one.is_binary,
        link=one.is_link,
        runs=one.runs,
        collapsed=one.is_folded,
    )


def _gate(progress: Progress, gate: OpenGate, seen: GateView) -> MissionGate:
    card = seen.card
    assert isinstance(card, dict)
    return MissionGate(
        id=seen.gate.id,
        revision=seen.gate.revision,
        draft_hash=seen.gate.draft,
        asks=gate.asks or REVIEW,
        artifact=progress.reviewed,
        tag=tag_of(seen),
        pushes=gate.pushes,
        acts=list(gate.acts),
        card=card,
    )
