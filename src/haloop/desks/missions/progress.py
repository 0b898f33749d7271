"""How far a mission is, read from its run's facts: the one truth of which its page and its folder are copies."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from haloop.desks.missions.mission import (
    AGAIN,
    PERMISSION,
    AttemptBegun,
    Brief,
    back_to,
    mission_of,
    said_no,
)
from haloop.desks.missions.workflow import BEGIN, StepType, WorkflowStep
from haloop.kernel import canonical, values
from haloop.kernel.errors import RunFull
from haloop.kernel.fact import (
    ArtifactAdded,
    EffectHappened,
    EffectNotDone,
    EffectUncertain,
    Fact,
    GateApproved,
    GateExpired,
    GateOpened,
    GateRefused,
    GateRevised,
    GateWithdrawn,
    RunCancelling,
    RunEnded,
    RunParked,
    RunQueued,
    RunRecorded,
    RunStarted,
    StepDone,
    StepTried,
)
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import RUN_EVENTS_MAX
from haloop.ports.agents import ARTIFACT_NAME, Artifact, Fell, Made, Worked
from haloop.ports.models import Cost
from haloop.ports.projects import PART_NAME, Change, Use

OTHERS_MAX = 20
"""So many files of other names than the workflow's belong to a mission."""
FORCED = "forced"
"""Why a mission ended that somebody marked as completed."""


ENTRIES_OF_A_STEP = 30
"""What a step and its gate may come to in a run's history: its place in the queue, attempts, the file, the question."""
_KEPT_MAX = RUN_EVENTS_MAX // 2
_HOW_TO_GO_ON = "Let it go on once that is mended, or mark it completed."
_FULL = (
    f"Its history has {RUN_EVENTS_MAX:,} entries, as many as a mission may have. Its files stay as they are: mark it"
    " completed, and begin another with the last that was approved."
)


class MissionStatus(StrEnum):
    """Where a mission stands, in the words of its list."""

    DRAFT = "draft"
    READY = "ready"
    WAITING_HUMAN = "waiting_human"
    RUNNING_CODE_AGENT = "running_code_agent"
    RUNNING_ROOT_LLM = "running_root_llm"
    FAILED = "failed"
    COMPLETED = "completed"


class Happened(NamedTuple):
    """A fact, when it was recorded, and who made it so."""

    ts: int
    actor: str
    fact: Fact


def is_mission(started: RunStarted) -> bool:
    """Whether a run that began is a mission."""
    return (started.desk, started.procedure) == ("missions", "mission")


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt at a step."""

    step: str
    id: str
    started_at: int
    finished_at: int | None = None
    exit_code: int | None = None
    sandbox: str = ""
    place: int = 0
    """Where it stands in the queue while it waits for its turn; 1 is next."""
    use: Cost | None = None
    """What it used of a model, where it was given a way to one and its end was seen; else it is only counted."""


@dataclass(slots=True, kw_only=True)
class OpenGate:
    """What a mission waits at."""

    id: str
    revision: int
    stage: str
    pushes: bool = False
    """A yes puts a change into the project."""
    acts: tuple[str, ...] = ()
    """The steps that begin after a yes and act without asking, as its draft names them."""

    @property
    def step(self) -> str:
        return self.stage.partition(":")[0]

    @property
    def asks(self) -> str:
        """`begin`, `again` or `permission`; empty where it is about a file that was made."""
        return BEGIN if self.stage == BEGIN else self.stage.partition(":")[2]


@dataclass(slots=True, kw_only=True)
class Progress:
    """A mission as it stands. `read` makes one."""

    run: RunId
    brief: Brief
    asked_by: str
    created_at: int
    updated_at: int
    place: int = 0
    """Of the step it is at; as many as there are steps where it is past the last."""
    gate: OpenGate | None = None
    files: dict[str, Artifact] = field(default_factory=dict)
    """Each file as it was made, changed or approved last."""
    entries: int = 0
    """In its run's history."""
    versions: dict[str, set[str]] = field(default_factory=dict)
    """The hashes of all that each file ever said."""
    stale: set[str] = field(default_factory=set)
    """The files that were made after a step to which the mission went back."""
    change: Change | None = None
    """Of the project, as it was made last."""
    pushed: str = ""
    """The commit that was put into the project last."""
    is_uncertain: bool = False
    """Nobody knows yet whether that came to be."""
    attempts: list[Attempt] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    end: RunEnded | None = None
    parked: RunParked | None = None
    _cancelled: str = ""
    _is_forced: bool = False

    @classmethod
    def read(cls, run: RunId, history: Sequence[Happened]) -> "Progress | None":
        """How far a run's history says it is; none where it says nothing of a mission."""
        first = history[0].fact if history else None
        if not isinstance(first, RunStarted) or not is_mission(first):
            return None
        brief = values.typed(Brief, first.arguments["brief"])
        made = cls(
            run=run,
            brief=brief,
            asked_by=first.asked_by,
            created_at=history[0].ts,
            updated_at=history[-1].ts,
            files={brief.raw.name: brief.raw},
            entries=len(history),
        )
        made._hear(history)
        return made

    @property
    def mission(self) -> str:
        return mission_of(self.run)

    @property
    def step(self) -> WorkflowStep | None:
        """The one it is at; none past the last."""
        steps = self.brief.workflow.steps
        return steps[self.place] if self.place < len(steps) else None

    @property
    def is_pushed(self) -> bool:
        """Whether the change is in the project as it stands now, and not as it was before the mission went back."""
        return self.change is not None and self.change.commit == self.pushed

    @property
    def is_working(self) -> bool:
        """Whether an attempt is under way."""
        is_free = self.gate is None and self.end is None and self.parked is None
        return is_free and bool(self.attempts) and self.attempts[-1].finished_at is None

    @property
    def has_room(self) -> bool:
        """Whether its history has room for more than the steps that are still to come."""
        ahead = len(self.brief.workflow.steps) - self.place
        return self.entries + min(ENTRIES_OF_A_STEP * (ahead + 1), _KEPT_MAX) < RUN_EVENTS_MAX

    @property
    def waits_at(self) -> int:
        """The place in the queue of the attempt that waits for its turn; 0 where none does."""
        return self.attempts[-1].place if self.is_working else 0

    @property
    def status(self) -> MissionStatus:
        if self.end is not None:
            is_done = self.end.code == "done" or self._is_forced
            return MissionStatus.COMPLETED if is_done else MissionStatus.FAILED
        if self.parked is not None or self.is_uncertain or (self.gate is not None and self.gate.asks == AGAIN):
            return MissionStatus.FAILED
        if self.gate is not None:
            return MissionStatus.READY if self.gate.asks == BEGIN else MissionStatus.WAITING_HUMAN
        if self.step is None:
            return MissionStatus.COMPLETED
        return MissionStatus.RUNNING_ROOT_LLM if self.step.type is StepType.LLM else MissionStatus.RUNNING_CODE_AGENT

    @property
    def last_error(self) -> str | None:
        """Why it does not go on, where it does not."""
        if self.status is not MissionStatus.FAILED:
            return None
        if self.parked is not None:
            return _FULL if self.parked.code == RunFull.code else f"{self.parked.sentence} {_HOW_TO_GO_ON}"
        if self.end is not None:
            return self._cancelled or self.end.reason
        return self.errors[-1] if self.errors else None

    def _hear(self, history: Iterable[Happened]) -> None:
        for ts, actor, fact in history:
            if not isinstance(fact, RunParked | ArtifactAdded):
                self.parked = None  # it went on
            match fact:
                case RunCancelling():
                    self._cancelled = fact.reason
                    self._is_forced = fact.reason == FORCED and actor.startswith("person:")
                case RunEnded():
                    self.end = fact
                    self._leave_queue()
                case RunParked():
                    self.parked = fact
                case ArtifactAdded() if not re.fullmatch(PART_NAME, fact.name):
                    self._add(fact)
                case _:
                    self._hear_of_work(fact, ts)

    def _hear_of_work(self, fact: Fact, ts: int) -> None:
        match fact:
            case RunRecorded(what=AttemptBegun.__name__):
                self._begin(values.typed(AttemptBegun, fact.value), ts)
            case StepDone(operation="Agents.work"):
                self._take(values.typed(Worked, fact.result), ts)
            case StepTried(operation="Agents.work" | "Projects.pin"):
                self._try_again(fact, ts)
            case RunQueued() if self.attempts:
                self.attempts[-1].place = fact.place
            case EffectUncertain() | EffectNotDone():
                self.errors.append(fact.sentence)
                self.is_uncertain = isinstance(fact, EffectUncertain)
            case EffectHappened():
                self.pushed, self.is_uncertain = self.change.commit if self.change else "", False
                self.place += 1
            case _:
                self._hear_of_gate(fact)

    def _hear_of_gate(self, fact: Fact) -> None:
        match fact:
            case GateOpened():
                self.gate = OpenGate(
                    id=fact.gate,
                    revision=fact.revision,
                    stage=fact.stage,
                    pushes=_has_effects(fact.draft),
                    acts=_acting(fact.draft),
                )
                self._show(fact.draft)
            case GateRevised() if self.gate is not None and self.gate.id == fact.gate:
                self.gate.revision = fact.revision
                self._show(fact.draft)
            case GateApproved():
                self._approve()
            case GateRefused() if said_no(fact.code):
                self._refuse(fact.back_to)
            case GateRefused() | GateExpired() | GateWithdrawn():
                self.gate = None

    def _begin(self, begun: AttemptBegun, ts: int) -> None:
        place = self.brief.workflow.place_of(begun.step)
        self.place = self.place if place is None else place
        self.attempts.append(Attempt(step=begun.step, id=begun.attempt, started_at=ts))

    def _take(self, worked: Worked, ts: int) -> None:
        match worked:
            case Made():
                self._finish(ts, worked)
                self.change = worked.change or self.change
                self.files[worked.artifact.name] = worked.artifact
                self.stale.discard(worked.artifact.name)
                self.place += 1
            case Fell():
                self._finish(ts, worked)
                self.errors.append(worked.reason)

    def _finish(self, ts: int, worked: Made | Fell) -> None:
        attempt = self.attempts[-1]
        attempt.finished_at, attempt.exit_code, attempt.sandbox = ts, worked.exit_code, worked.sandbox
        attempt.use = worked.use

    def _try_again(self, tried: StepTried, ts: int) -> None:
        """It went wrong before there was anything to look at, and begins anew by itself as long as that is worth it."""
        self._leave_queue()
        if tried.again_at is None:
            self.errors.append(tried.sentence)
            self.attempts[-1].finished_at = ts

    def _leave_queue(self) -> None:
        for attempt in self.attempts[-1:]:
            attempt.place = 0

    def _add(self, fact: ArtifactAdded) -> None:
        """A file that no step makes and no gate is about is there as soon as it is given."""
        self.versions.setdefault(fact.name, set()).add(fact.digest)
        made = {self.brief.raw.name, *(one.output_artifact for one in self.brief.workflow.steps)}
        others = self.files.keys() - made
        is_new = fact.name not in made and (fact.name in others or len(others) < OTHERS_MAX)
        if is_new and re.fullmatch(ARTIFACT_NAME, fact.name):  # a run takes any name; a mission's folder does not
            self.files[fact.name] = Artifact(name=fact.name, digest=fact.digest, size=fact.size)

    def _show(self, draft: bytes) -> None:
        """The file that people are asked about is the very one in the draft, whatever it was before."""
        if self.reviewed is None:
            return
        match canonical.decode(draft):
            case {"payload": {"artifact": dict(artifact)}}:
                shown = values.typed(Artifact, artifact)
                self.files[shown.name] = shown

    @property
    def reviewed(self) -> str | None:
        """The file that the open gate is about."""
        if self.gate is None or self.gate.asks in (AGAIN, PERMISSION):
            return None
        if self.gate.asks == BEGIN:
            return self.brief.raw.name
        place = self.brief.workflow.place_of(self.gate.step)
        return None if place is None else self.brief.workflow.steps[place].review_artifact

    def _approve(self) -> None:
        if self.gate is not None and not self.gate.asks and not self.gate.pushes:
            self.place += 1
        self.gate = None

    def _refuse(self, wanted: str | None) -> None:
        gate, self.gate = self.gate, None
        if gate is None or gate.asks:
            return
        self.place = back_to(self.brief.workflow, wanted, self.place)
        later = self.brief.workflow.steps[self.place :]
        made = {one.output_artifact for one in later if one.output_artifact is not None}
        self.stale |= made & self.files.keys()
        if any(step.project is Use.CHANGE for step in later):
            self.change = None


def _has_effects(draft: bytes) -> bool:
    match canonical.decode(draft):
        case {"effects": dict(effects)}:
            return bool(effects)
    return False


def _acting(draft: bytes) -> tuple[str, ...]:
    match canonical.decode(draft):
        case {"payload": {"acts": list(acts)}}:
            return tuple(map(str, acts))
    return ()
